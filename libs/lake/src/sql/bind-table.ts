import type { DuckDBConnection } from '@duckdb/node-api';
import type { TableSchema } from '../columns/table-schema.ts';
import type { DataFile } from '../table/snapshot.ts';
import type { Table } from '../table/table.ts';
import { quoteName, quoteText } from './quoting.ts';
import { sqlTypeOf } from './sql-types.ts';

export interface Binding {
  readonly table: Table;
  readonly schema: TableSchema;
  readonly files: readonly DataFile[];
  /** Local paths of the files, in the same order. */
  readonly paths: readonly string[];
}

/** Makes `"silver"."alibaba"` a view of the files. */
export async function createTableView(connection: DuckDBConnection, binding: Binding): Promise<void> {
  const name = binding.table.name.split('.').map(quoteName).join('.');
  await connection.run(`CREATE OR REPLACE VIEW ${name} AS ${await selectFiles(binding)}`);
}

/** A statement that reads the files with the schema's columns: timestamps as TIMESTAMP in UTC, added columns null where absent. */
export async function selectFiles({ table, schema, files, paths }: Binding): Promise<string> {
  const schemaIds = new Set(files.map((file) => file.schemaId));
  const present = new Set<string>();
  for (const id of schemaIds) for (const { name } of (await table.schemaById(id)).columns) present.add(name);
  const source =
    files.length === 0
      ? ' WHERE false'
      : ` FROM read_parquet([${paths.map(quoteText).join(', ')}]${schemaIds.size > 1 ? ', union_by_name = true' : ''})`;
  return `SELECT ${selectList(schema, present)}${source}`;
}

function selectList(schema: TableSchema, present: ReadonlySet<string>): string {
  const columns = schema.columns.map(({ name, type }) => {
    const quoted = quoteName(name);
    if (!present.has(name)) return `CAST(NULL AS ${sqlTypeOf(type)}) AS ${quoted}`;
    const scalar = type.name === 'list' ? type.of : type;
    // Files hold instants (TIMESTAMP WITH TIME ZONE); statements are written for plain timestamps in UTC.
    return scalar.name === 'timestamp' ? `CAST(${quoted} AS ${sqlTypeOf(type)}) AS ${quoted}` : quoted;
  });
  return columns.join(', ');
}
