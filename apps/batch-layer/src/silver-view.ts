import { nextOffset, type Lake, type OffsetRanges, type Snapshot, type Sql } from '#tideline/lake';
import { ALWAYS_MS, silverTables, TABLE_COLUMN, tableNames, tableOf, type Source } from '#tideline/retention';
import { readLandedState, type LandedState } from './landing-table.ts';

/** What silver holds of a source, whether in one table or in several. */
export interface SilverState {
  /** Largest version of its tables. */
  readonly version: number;
  /** Each table with its version, as `silver.clicks@3`. */
  readonly versions: string;
  readonly rowCount: number;
  /** Offsets that all of its tables cover. */
  readonly offsets: OffsetRanges;
}

/**
 * Binds a source's silver so that statements may read it under `tableNames(source).silver`. Several tables are shown as one view with the record's
 * columns, cut at the offsets that all of them cover: after a crash between two commits one table may be ahead of another. Undefined without rows.
 */
export async function bindSilver(source: Source, lake: Lake, sql: Sql, shown?: readonly LandedState[]): Promise<SilverState | undefined> {
  const tables = silverTables(source).map(({ table, name }) => ({ table, handle: lake.table(name) }));
  const snapshots: Snapshot[] = [];
  for (const [k, { handle }] of tables.entries()) {
    const snapshot = shown === undefined ? await handle.current() : shown[k]!.snapshot;
    if (snapshot === undefined) return undefined;
    snapshots.push(snapshot);
    await sql.bind(handle, snapshot);
  }
  const offsets = commonOffsets(snapshots);
  const state = {
    version: Math.max(...snapshots.map((snapshot) => snapshot.version)),
    versions: snapshots.map((snapshot, k) => `${tables[k]!.handle.name}@${snapshot.version}`).join(', '),
    offsets,
  };
  if (source.tables === undefined) return { ...state, rowCount: snapshots[0]!.rowCount };
  const { silver } = tableNames(source);
  const isEven = snapshots.every((snapshot) => areEqual(snapshot.offsets, offsets));
  const selects = tables.map(({ table, handle }) => `${selectTable(source, table!, handle.name)}${isEven ? '' : ` WHERE ${within(offsets)}`}`);
  await sql.run(`CREATE OR REPLACE VIEW ${silver} AS ${selects.join('\nUNION ALL ')}`);
  if (isEven) return { ...state, rowCount: snapshots.reduce((sum, snapshot) => sum + snapshot.rowCount, 0) };
  const [counted] = await sql.rows(`SELECT CAST(count(*) AS BIGINT) AS n FROM ${silver}`);
  return { ...state, rowCount: Number(counted!['n']) };
}

/** What silver's tables hold together, for counting; they may cover different offsets for a moment. */
export async function readSilverStates(source: Source, lake: Lake): Promise<readonly LandedState[]> {
  const states: LandedState[] = [];
  for (const { name } of silverTables(source)) states.push(await readLandedState(lake.table(name)));
  return states;
}

/** Rows of a source in silver. */
export async function silverRows(source: Source, lake: Lake): Promise<number> {
  let rows = 0;
  for (const { name } of silverTables(source)) rows += (await lake.table(name).current())?.rowCount ?? 0;
  return rows;
}

/** The offsets that all of the snapshots cover, by partition. */
export function commonOffsets(snapshots: readonly { readonly offsets: OffsetRanges }[]): OffsetRanges {
  const partitions = new Set(snapshots.flatMap(({ offsets }) => Object.keys(offsets)));
  const common: Record<string, readonly [number, number]> = {};
  for (const partition of partitions) {
    if (!snapshots.every(({ offsets }) => offsets[partition] !== undefined)) continue;
    const start = Math.max(...snapshots.map(({ offsets }) => offsets[partition]![0]));
    common[partition] = [start, Math.min(...snapshots.map(({ offsets }) => nextOffset(offsets, Number(partition))))];
  }
  return common;
}

function areEqual(a: OffsetRanges, b: OffsetRanges): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key]![0] === b[key]?.[0] && a[key]![1] === b[key]?.[1]);
}

function within(offsets: OffsetRanges): string {
  const parts = Object.entries(offsets).map(([partition, [, end]]) => `(_partition = ${partition} AND _offset < ${end})`);
  return parts.length === 0 ? 'false' : `(${parts.join(' OR ')})`;
}

/** A table's rows as records: what other tables have is null, and the time of a snapshot row is when it begins to hold. */
function selectTable(source: Source, table: string, name: string): string {
  const { columns, derived, kind, validFrom } = tableOf(source, table);
  const own = new Set([...columns, ...derived].map((column) => column.name));
  const always = `make_timestamp(${ALWAYS_MS}000)`;
  const values = [...source.columns, ...source.derived].map((column) => {
    if (column.name === TABLE_COLUMN) return `'${table}' AS "${TABLE_COLUMN}"`;
    if (column.name === source.time && kind === 'snapshot') return `${validFrom === undefined ? always : `"${validFrom}"`} AS "${source.time}"`;
    return own.has(column.name) ? `"${column.name}"` : `NULL AS "${column.name}"`;
  });
  return `SELECT ${[...values, '_file', '_loop', '_byte_offset', '_topic', '_partition', '_offset', '_arrived_at', '_late'].join(', ')} FROM ${name}`;
}
