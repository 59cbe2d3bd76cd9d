import { concatBatches, valueAt, type ColumnDefinition, type DataFile, type Lake, type Snapshot, type Sql, type Table } from '#tideline/lake';
import { tableNames, takeRows, type Column, type ColumnBatch, type Source, type ValidatedLoad } from '#tideline/retention';
import { silverColumns } from '../land.ts';
import { besideEachOther } from '../provenance.ts';

/** Days that a load is about, `[startMs, endMs)`. */
export interface LoadWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** What a load changed in production. */
export interface LoadChanges {
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Vanished from the window: inactive from now on. */
  readonly deactivated: number;
  /** Were inactive and came back. */
  readonly reactivated: number;
}

const addedColumns: readonly ColumnDefinition[] = [
  { name: 'is_active', type: { name: 'boolean' }, nullable: false },
  /** The run that wrote the row as it is. */
  { name: '_run', type: { name: 'string' }, nullable: false },
];

/** Columns of `silver.<source>` where it is loaded by deliveries. */
export const productionColumns = (source: Source): ColumnDefinition[] => [...silverColumns(source), ...addedColumns];

/** The snapshot that a load committed last, whatever rearranged the table's files since; undefined before the first. */
export async function lastLoadOf(table: Table): Promise<Snapshot | undefined> {
  const named = (snapshots: readonly Snapshot[]): Snapshot | undefined => snapshots.find(({ summary }) => summary['run'] !== undefined);
  const recent = await table.snapshots();
  return named(recent) ?? (recent.length === 0 ? undefined : named(await table.snapshots(Infinity)));
}

/** The run that production was committed by last. */
export async function lastRunOf(table: Table): Promise<string | undefined> {
  return (await lastLoadOf(table))?.summary['run'];
}

/** The files of production that hold days of a window, and the rest, which a load leaves as they are. */
async function filesByWindow(table: Table, snapshot: Snapshot | undefined, by: string, window: LoadWindow): Promise<{ touched: DataFile[]; rest: DataFile[] }> {
  const files = snapshot === undefined ? [] : await table.files(snapshot);
  const column = (await table.schema()).columns.find(({ name }) => name === by)!;
  const unit = column.type.name === 'date' ? 86_400_000 : 1;
  const isTouched = ({ bounds }: DataFile): boolean => {
    const known = bounds[column.id];
    return known === undefined || (Number(known.min) * unit < window.endMs && Number(known.max) * unit >= window.startMs);
  };
  return { touched: files.filter(isTouched), rest: files.filter((file) => !isTouched(file)) };
}

export interface WindowLoad {
  readonly source: Source;
  readonly load: ValidatedLoad;
  readonly window: LoadWindow;
  readonly run: string;
  /** Texts kept with production's snapshot; `run` is among them. */
  readonly summary: Readonly<Record<string, string>>;
  /** The window's rows of the delivery, with silver's columns. */
  readonly rows: AsyncIterable<ColumnBatch>;
  /** Whether a row of `rows` was refused: it is not loaded, and what production has of its key stays. */
  readonly isRefused: (batch: ColumnBatch, row: number) => boolean;
  /** Production's snapshot when the run began; another one by now is a `CommitConflict`. */
  readonly base: Snapshot | undefined;
}

/**
 * Puts a window of a delivery into `silver.<source>` by one commit: its rows are inserted or updated by key, rows of the window that it does not have
 * become inactive. Days in which nothing changed stay in the very files that they are in, as do all rows outside the window.
 */
export async function loadWindow(request: WindowLoad, { lake, sql }: { readonly lake: Lake; readonly sql: Sql }): Promise<LoadChanges> {
  const { source, load, window, base } = request;
  const table = lake.table(tableNames(source).silver);
  await table.ensure(productionColumns(source));
  const { touched, rest } = await filesByWindow(table, base, load.by, window);
  const merge = new WindowMerge(request);
  if (touched.length > 0) for await (const batch of sql.scan(table, touched)) merge.addOld(batch, touched);
  for await (const batch of request.rows) merge.addNew(batch);
  const { kept, days } = merge.merged(touched);
  const added: DataFile[] = [];
  for (const batch of days) {
    // A file a day: later loads touch no more than their own days.
    const writer = await table.writer({ boundsOf: [load.by] });
    try {
      await writer.write(batch);
      added.push(...(await writer.finish()));
    } catch (error) {
      await writer.abort().catch(() => undefined);
      throw error;
    }
  }
  const changes = merge.changes;
  const counts = Object.fromEntries(Object.entries(changes).map(([name, count]) => [name, String(count)]));
  await table.overwrite([...rest, ...kept, ...added], { expectedVersion: base?.version, commitId: `${request.run}/production`, summary: { ...request.summary, ...counts } });
  return changes;
}

interface Place {
  readonly batch: ColumnBatch;
  readonly row: number;
  /** The file that holds it; undefined for a row of the delivery. */
  readonly file: DataFile | undefined;
}

interface MergedRow {
  readonly key: string;
  readonly place: Place;
  readonly isActive: boolean;
  readonly run: string;
}

/** Decides what every row of the touched files becomes. */
class WindowMerge {
  readonly #request: WindowLoad;
  readonly #compared: readonly string[];
  readonly #outside: Place[] = [];
  readonly #old = new Map<string, Place>();
  readonly #new = new Map<string, Place>();
  readonly #untouchable = new Set<string>();
  #scanned = 0;
  readonly #changes = { inserted: 0, updated: 0, unchanged: 0, deactivated: 0, reactivated: 0 };

  constructor(request: WindowLoad) {
    this.#request = request;
    this.#compared = [...request.source.columns, ...request.source.derived].map(({ name }) => name);
  }

  get changes(): LoadChanges {
    return { ...this.#changes };
  }

  /** Rows of these files come in the files' order. */
  addOld(batch: ColumnBatch, files: readonly DataFile[]): void {
    const { window, load } = this.#request;
    for (let row = 0; row < batch.rowCount; row++) {
      const place = { batch, row, file: fileOfRow(files, this.#scanned++) };
      const ms = dayOf(batch, row, load.by);
      if (ms < window.startMs || ms >= window.endMs) this.#outside.push(place);
      else this.#old.set(keyOf(batch, row, load.key), place);
    }
  }

  addNew(batch: ColumnBatch): void {
    const { load, isRefused } = this.#request;
    for (let row = 0; row < batch.rowCount; row++) {
      const key = keyOf(batch, row, load.key);
      if (isRefused(batch, row)) this.#untouchable.add(key);
      else this.#new.set(key, { batch, row, file: undefined });
    }
  }

  /** The files that stay as they are, and the rows to write: a batch for each day, by key. */
  merged(touched: readonly DataFile[]): { readonly kept: readonly DataFile[]; readonly days: readonly ColumnBatch[] } {
    const { load, run } = this.#request;
    const rows: MergedRow[] = [];
    for (const place of this.#outside) rows.push({ key: keyOf(place.batch, place.row, load.key), place, ...stateOf(place) });
    for (const [key, place] of this.#old) {
      if (this.#new.has(key)) continue;
      const state = stateOf(place);
      if (!state.isActive || this.#untouchable.has(key)) rows.push({ key, place, ...state });
      else {
        rows.push({ key, place, isActive: false, run });
        this.#changes.deactivated++;
      }
    }
    for (const [key, place] of this.#new) {
      const old = this.#old.get(key);
      const before = old && stateOf(old);
      const isSame = old !== undefined && this.#compared.every((name) => sameValue(old, place, name));
      if (old === undefined) this.#changes.inserted++;
      else if (!before!.isActive) this.#changes.reactivated++;
      else if (isSame) this.#changes.unchanged++;
      else this.#changes.updated++;
      // An unchanged row keeps what says where it came from.
      rows.push(isSame && before!.isActive ? { key, place: old, ...before! } : { key, place, isActive: true, run });
    }
    const dayOfPlace = ({ batch, row }: Place): number => Math.floor(dayOf(batch, row, load.by) / 86_400_000);
    const changedDays = new Set(rows.filter((row) => row.run === run).map(({ place }) => dayOfPlace(place)));
    const rewritten = new Set([...this.#old.values(), ...this.#outside].filter((place) => changedDays.has(dayOfPlace(place))).map(({ file }) => file));
    const days = new Map<number, MergedRow[]>();
    for (const row of rows) {
      if (row.place.file !== undefined && !rewritten.has(row.place.file)) continue;
      const day = dayOfPlace(row.place);
      if (days.has(day)) days.get(day)!.push(row);
      else days.set(day, [row]);
    }
    return {
      kept: touched.filter((file) => !rewritten.has(file)),
      days: [...days].sort(([x], [y]) => x - y).map(([, ofDay]) => this.#batchOf(ofDay.sort((x, y) => (x.key < y.key ? -1 : x.key > y.key ? 1 : 0)))),
    };
  }

  #batchOf(rows: readonly MergedRow[]): ColumnBatch {
    const names = productionColumns(this.#request.source).slice(0, -addedColumns.length).map(({ name }) => name);
    const batches = [...new Set(rows.map(({ place }) => place.batch))];
    const starts = new Map<ColumnBatch, number>();
    let start = 0;
    for (const batch of batches) {
      starts.set(batch, start);
      start += batch.rowCount;
    }
    const all = concatBatches(batches.map((batch) => ({ rowCount: batch.rowCount, names, columns: names.map((name) => batch.columns[batch.names.indexOf(name)]!) })));
    const taken = takeRows(all, Int32Array.from(rows, ({ place }) => starts.get(place.batch)! + place.row));
    const texts = rows.map(({ run }) => Buffer.from(run));
    const offsets = new Int32Array(rows.length + 1);
    texts.forEach((text, row) => (offsets[row + 1] = offsets[row]! + text.length));
    const added: Column[] = [
      { type: { name: 'boolean' }, values: Uint8Array.from(rows, ({ isActive }) => (isActive ? 1 : 0)) },
      { type: { name: 'string' }, values: Buffer.concat(texts), offsets },
    ];
    return besideEachOther(taken, { rowCount: rows.length, names: addedColumns.map(({ name }) => name), columns: added });
  }
}

/** Which file the n-th row of a scan of them stands in. */
function fileOfRow(files: readonly DataFile[], row: number): DataFile | undefined {
  let end = 0;
  for (const file of files) if (row < (end += file.rowCount)) return file;
  return undefined;
}

function columnOf(batch: ColumnBatch, name: string): Column {
  return batch.columns[batch.names.indexOf(name)]!;
}

function dayOf(batch: ColumnBatch, row: number, by: string): number {
  const { type, values } = columnOf(batch, by);
  return type.name === 'date' ? values[row]! * 86_400_000 : values[row]!;
}

function keyOf(batch: ColumnBatch, row: number, key: readonly string[]): string {
  return JSON.stringify(key.map((name) => valueAt(columnOf(batch, name), row)));
}

function stateOf({ batch, row }: Place): { readonly isActive: boolean; readonly run: string } {
  return { isActive: valueAt(columnOf(batch, 'is_active'), row) === true, run: String(valueAt(columnOf(batch, '_run'), row)) };
}

function sameValue(a: Place, b: Place, name: string): boolean {
  const [left, right] = [valueAt(columnOf(a.batch, name), a.row), valueAt(columnOf(b.batch, name), b.row)];
  return left === right || (Array.isArray(left) && JSON.stringify(left) === JSON.stringify(right));
}
