import type { Table } from '#tideline/lake';

/** The run that production was committed by last, whatever rearranged its files since; undefined before the first. */
export async function lastRunOf(table: Table): Promise<string | undefined> {
  for (const { summary } of await table.snapshots()) if (summary['run'] !== undefined) return summary['run'];
  return undefined;
}
