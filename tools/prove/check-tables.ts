import { valueAt, type ColumnBatch, type Lake, type Sql } from '#tideline/lake';
import { tableNames, type Source } from '#tideline/retention';
import { identityOf } from './check-records.ts';
import type { LogLines } from './log-lines.ts';
import { shorten, Tally, type Check } from './proof.ts';

/** A lake with an engine on it. */
export interface Tables {
  readonly lake: Lake;
  readonly sql: Sql;
}

/** Place and time on the log, which may differ from log to log (a networked one has gaps). */
const OF_THE_LOG = new Set(['_offset', '_arrived_at']);

/** Bronze, silver and rejects against the lines of the file: every line is in one of bronze and rejects once, and in silver like in bronze. */
export async function checkLanded(source: Source, fileId: string, lines: LogLines, rejectedBytes: ReadonlySet<number>, tables: Tables): Promise<readonly Check[]> {
  const names = tableNames(source);
  const checks: Check[] = [];
  for (const [what, table, wanted] of [
    ['lines = rows of bronze', names.bronze, false], ['lines = rows of silver', names.silver, false], ['lines = rows of rejects', names.rejects, true],
  ] as const) {
    const tally = new Tally(what);
    for (const start of lines.starts) if (rejectedBytes.has(start) === wanted) tally.expect(identityOf(fileId, 0, start));
    for await (const batch of rowsOf(tables, table, `SELECT _file, _loop, _byte_offset, _partition, _offset FROM ${table}`)) {
      const cell = (name: string, row: number): unknown => valueAt(batch.columns[batch.names.indexOf(name)]!, row);
      for (let row = 0; row < batch.rowCount; row++) {
        tally.find(identityOf(String(cell('_file', row)), String(cell('_loop', row)), String(cell('_byte_offset', row))), '', ` (partition ${cell('_partition', row)} offset ${cell('_offset', row)})`);
      }
    }
    checks.push(tally.check());
  }
  return checks;
}

/** Every table against the one that an undisturbed run built from the same records: the same rows in the same order. */
export async function checkTables(source: Source, tables: Tables, undisturbed: Tables): Promise<readonly Check[]> {
  const { bronze, silver, rejects, features, labels, training } = tableNames(source);
  const gold = source.time === undefined ? [] : [features, labels];
  const checks: Check[] = [];
  for (const name of [bronze, silver, rejects, ...gold, training]) checks.push(await compareTable(name, tables, undisturbed));
  return checks;
}

async function compareTable(name: string, tables: Tables, undisturbed: Tables): Promise<Check> {
  const expected = rowTexts(undisturbed, name);
  const found = rowTexts(tables, name);
  const check = { what: `rows of ${name}`, expected: 0, found: 0, lost: 0, doubled: 0, different: 0, first: undefined as string | undefined };
  for (;;) {
    const [one, other] = [await expected.next(), await found.next()];
    if (one.done !== true) check.expected++;
    if (other.done !== true) check.found++;
    if (one.done === true || other.done === true) {
      if (one.done === true && other.done === true) break;
      check.first ??= `row ${Math.max(check.expected, check.found)}: expected ${one.done === true ? 'no more' : shorten(one.value)}, found ${other.done === true ? 'no more' : shorten(other.value)}`;
    } else if (one.value !== other.value) {
      check.different++;
      check.first ??= `row ${check.expected}: expected ${shorten(one.value)}, found ${shorten(other.value)}`;
    }
  }
  return { ...check, lost: Math.max(0, check.expected - check.found), doubled: Math.max(0, check.found - check.expected) };
}

/** Rows as text in an order that both lakes share; one for a missing table is the same as for an empty one. */
async function* rowTexts(tables: Tables, name: string): AsyncGenerator<string, void> {
  if (!(await tables.lake.table(name).exists())) return;
  const { columns } = await tables.lake.table(name).schema();
  const has = (column: string): boolean => columns.some((candidate) => candidate.name === column);
  const order = has('as_of') ? 'as_of, entity' : has('reason') ? '_file, _loop, _byte_offset' : '_partition, _offset';
  const chosen = columns.map((column) => column.name).filter((column) => !OF_THE_LOG.has(column));
  for await (const batch of rowsOf(tables, name, `SELECT ${chosen.map((column) => `"${column}"`).join(', ')} FROM ${name} ORDER BY ${order}`)) {
    for (let row = 0; row < batch.rowCount; row++) yield batch.columns.map((column) => textOf(valueAt(column, row))).join(' | ');
  }
}

function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

async function* rowsOf({ lake, sql }: Tables, name: string, statement: string): AsyncIterable<ColumnBatch> {
  const table = lake.table(name);
  if (!(await table.exists())) return;
  await sql.bind(table);
  yield* sql.batches(statement);
}
