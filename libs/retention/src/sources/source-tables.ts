import assert from 'node:assert/strict';
import type { Source, SourceTable } from './source.ts';

/** Column of a record that says of which table of its source it is. */
export const TABLE_COLUMN = '_table';

/** When a row of a snapshot table holds that does not say: before everything that can have happened (0001-01-01T00:00:00Z). */
export const ALWAYS_MS = -62_135_596_800_000;

/** SQL condition that picks the records of one table. */
export function onlyIn(table: string): string {
  return `${TABLE_COLUMN} = '${table}'`;
}

/** A source's tables by name in order; a source of one table has that one, without a name. */
export function tableNamesOf(source: Pick<Source, 'tables'>): readonly (string | undefined)[] {
  return source.tables?.map((table) => table.name) ?? [undefined];
}

/** A table of a source that has several, by name; an unknown one is a mistake of the caller. */
export function tableOf(source: Pick<Source, 'name' | 'tables'>, name: string | undefined): SourceTable {
  const found = source.tables?.find((table) => table.name === name);
  assert(found !== undefined, `expected a table of ${source.name} (${source.tables?.map((table) => table.name).join(', ')}), found ${name}`);
  return found;
}

/**
 * What reads files of one table: the source with that table's own format, columns and rules in the place of the record's. Of a snapshot table it has
 * no time. Only for scanning and inspecting files; a source of one table is given back as it is.
 */
export function fileSource(source: Source, table: string | undefined): Source {
  if (source.tables === undefined) return source;
  const { tables: _, ...rest } = source;
  const { format, columns, derived, rejects, kind, latenessMs } = tableOf(source, table);
  return { ...rest, format, columns, derived, rejects, time: kind === 'events' ? source.time : undefined, latenessMs };
}

/** The tables whose records are events, by name. */
export function eventTables(source: Pick<Source, 'tables'>): readonly SourceTable[] {
  return source.tables?.filter((table) => table.kind === 'events') ?? [];
}
