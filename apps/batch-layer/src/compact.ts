import { compact, planCompaction, type Lake, type Sql } from '#tideline/lake';
import { silverTables, tableNames, type Source } from '#tideline/retention';

/** What putting small files together changed in one table. */
export interface CompactionReport {
  readonly table: string;
  readonly filesBefore: number;
  readonly filesAfter: number;
}

const TARGET_BYTES = 128 << 20;
/** Fewer small files than this are left: rewriting them would cost more than they do. */
const LEAST_FILES = 8;

/** Puts the small files of bronze and silver together; rows, order and offsets stay as they are. */
export async function compactSource(source: Source, { lake, sql }: { lake: Lake; sql: Sql }): Promise<readonly CompactionReport[]> {
  const names = [tableNames(source).bronze, ...silverTables(source).map(({ name }) => name)];
  const reports: CompactionReport[] = [];
  for (const name of names) {
    const table = lake.table(name);
    if ((await table.current()) === undefined) continue;
    const files = await table.files();
    const plan = planCompaction(files, { targetBytes: TARGET_BYTES, minFiles: LEAST_FILES });
    if (plan.length === 0) continue;
    const after = await compact(table, plan, sql, { targetBytes: TARGET_BYTES });
    reports.push({ table: name, filesBefore: files.length, filesAfter: after?.fileCount ?? files.length });
  }
  return reports;
}
