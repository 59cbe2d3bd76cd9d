import type { Command } from 'commander';
import { checkTable, SqlError, type Lake, type Table, type TableCheck } from '#tideline/lake';
import { refused, wrongUse } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes, formatTable } from '../output.ts';
import { parseCount } from '../parse-quantity.ts';
import { nearestName } from '#tideline/platform';

export function addLake(program: Command, run: Runner): void {
  const lake = program.command('lake').description('the tables of the lake');
  lake.command('tables').description('tables with rows, files and bytes').action(run(showTables));
  lake.command('show').argument('<table>', 'like silver.alibaba').description('columns and newest snapshots of a table').action(run(showTable));
  lake
    .command('query')
    .argument('<sql>', 'one reading statement; tables are named like silver.alibaba')
    .description('SQL over the tables')
    .option('--limit <rows>', 'at most so many rows', parseCount('limit', 1), 1000)
    .action(run(query));
  lake.command('check').argument('[table]').description('reads every file and compares its rows with the metadata').action(run(check));
}

async function showTables({ world, output }: CommandContext): Promise<void> {
  const tables = await (await world.lake()).tables();
  const rows = await Promise.all(
    tables.map(async (table) => {
      const snapshot = await table.current();
      return {
        name: table.name, version: snapshot?.version ?? null, rows: snapshot?.rowCount ?? 0, files: snapshot?.fileCount ?? 0, bytes: snapshot?.byteCount ?? 0,
        updatedAt: snapshot === undefined ? null : new Date(snapshot.timestampMs).toISOString(),
      };
    }),
  );
  output.result(rows, () =>
    rows.length === 0
      ? 'no tables yet: replay a log, then `tideline build <source>`'
      : formatTable(['table', 'version', 'rows', 'files', 'size', 'updated'], rows.map((row) => [row.name, row.version, row.rows, row.files, formatBytes(row.bytes), row.updatedAt])),
  );
}

async function findTable(lake: Lake, name: string): Promise<Table> {
  const tables = await lake.tables();
  const found = tables.find((table) => table.name === name);
  if (found !== undefined) return found;
  const names = tables.map((table) => table.name);
  const near = nearestName(name, names);
  throw wrongUse(`expected a table of the lake (${names.join(', ') || 'there are none yet'}), found '${name}'`, near && `did you mean ${near}?`);
}

async function showTable({ world, output }: CommandContext, name: string): Promise<void> {
  const table = await findTable(await world.lake(), name);
  const { columns } = await table.schema();
  const snapshots = await table.snapshots(10);
  const described = {
    name, location: table.location,
    columns: columns.map((column) => ({ id: column.id, name: column.name, type: typeText(column.type), nullable: column.nullable })),
    snapshots: snapshots.map(({ version, operation, rowCount, fileCount, byteCount, timestampMs, offsets, summary }) => ({
      version, operation, rows: rowCount, files: fileCount, bytes: byteCount, at: new Date(timestampMs).toISOString(), offsets, summary,
    })),
  };
  output.result(described, () =>
    [
      `${name} at ${table.location}`, '',
      formatTable(['id', 'column', 'type', 'nullable'], described.columns.map((column) => [column.id, column.name, column.type, column.nullable ? 'yes' : 'no'])), '',
      formatTable(
        ['version', 'operation', 'rows', 'files', 'size', 'at', 'offsets'],
        described.snapshots.map((s) => [s.version, s.operation, s.rows, s.files, formatBytes(s.bytes), s.at, Object.entries(s.offsets).map(([p, [from, to]]) => `${p}: ${from} to ${to}`).join(', ')]),
      ),
    ].join('\n'),
  );
}

function typeText(type: { readonly name: string; readonly precision?: number; readonly scale?: number; readonly of?: { readonly name: string } }): string {
  if (type.of !== undefined) return `list<${typeText(type.of)}>`;
  return type.precision === undefined ? type.name : `${type.name}(${type.precision},${type.scale})`;
}

async function query({ world, output, signal }: CommandContext, sql: string, options: { readonly limit: number }): Promise<void> {
  const lake = await world.lake();
  const session = await world.sql();
  for (const table of await lake.tables()) {
    signal.throwIfAborted();
    await session.bind(table);
  }
  try {
    const rows = await session.rows(sql, [], options.limit, signal);
    const names = Object.keys(rows[0] ?? {});
    output.result(rows, () => (rows.length === 0 ? 'no rows' : formatTable(names, rows.map((row) => names.map((name) => cell(row[name]))))));
    if (rows.length === options.limit) output.note(`the first ${options.limit} rows; --limit shows more`);
  } catch (error) {
    if (error instanceof SqlError) throw refused(error.message);
    throw error;
  }
}

function cell(value: unknown): string | number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'string') return value;
  return typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}

async function check({ world, output, signal }: CommandContext, name: string | undefined): Promise<void> {
  const lake = await world.lake();
  const tables = name === undefined ? await lake.tables() : [await findTable(lake, name)];
  const session = await world.sql();
  const rows: TableCheck[] = [];
  for (const table of tables) rows.push(await checkTable(lake.store, table, (file) => session.readWhole(table, file, signal), signal));
  output.result(rows, () =>
    formatTable(['table', 'files', 'rows', 'result'], rows.map((row) => [row.table, row.fileCount, row.rowCount, row.problems.length === 0 ? 'ok' : row.problems.join('; ')])),
  );
  if (rows.some((row) => row.problems.length > 0)) throw refused('some files do not hold what the metadata say');
}
