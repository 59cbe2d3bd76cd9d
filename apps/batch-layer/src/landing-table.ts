import assert from 'node:assert/strict';
import { nextOffset, type ColumnDefinition, type DataFileWriter, type Snapshot, type Table } from '#tideline/lake';
import type { RecordBatch } from '#tideline/platform';
import type { ColumnBatch, Watermarks } from '#tideline/retention';

/** What a table that is landed into says of itself. */
export interface LandedState {
  /** The current snapshot: its `offsets` are what the table holds of the topic; undefined before the first landing. */
  readonly snapshot: Snapshot | undefined;
  /**
   * Running maxima of event time at the end of what the table holds, by partition and, for a source of several tables, by partition and table
   * (`0.events`); those without event time are absent.
   */
  readonly watermarksMs: Readonly<Record<string, number>>;
  /** Records within those offsets that the table leaves out, since they break the source's own rules. */
  readonly refusedRows: number;
}

const REFUSED = 'refusedRows';
const WATERMARK = 'watermarkMs.';

/** Reads the state from one version of the table, whatever else is committed meanwhile. */
export async function readLandedState(table: Table): Promise<LandedState> {
  const isAppend = ({ operation }: Snapshot): boolean => operation === 'append';
  let newestFirst = await table.snapshots();
  // A compaction rearranges rows and says nothing of the topic; the last append does, however many compactions ago it was.
  if (newestFirst.length > 0 && !newestFirst.some(isAppend)) newestFirst = await table.snapshots(Infinity);
  const summary = newestFirst.find(isAppend)?.summary ?? {};
  const watermarks = Object.entries(summary).filter(([name]) => name.startsWith(WATERMARK));
  return {
    snapshot: newestFirst[0],
    watermarksMs: Object.fromEntries(watermarks.map(([name, text]) => [name.slice(WATERMARK.length), Number(text)])),
    refusedRows: Number(summary[REFUSED] ?? 0),
  };
}

/** Rows of one batch for one table. */
export interface LandingRows {
  readonly batch: ColumnBatch;
  readonly refused: number;
  readonly late: number;
}

/** What one commit added. */
export interface LandedRows {
  readonly rows: number;
  readonly refused: number;
  readonly late: number;
}

const NOTHING: LandedRows = { rows: 0, refused: 0, late: 0 };

const keyOf = (partition: number, table: string): string => table === '' ? String(partition) : `${partition}.${table}`;

function splitKey(key: string): { partition: number; table: string } {
  const [partition, table = ''] = key.split('.');
  return { partition: Number(partition), table };
}

/** The stretch of a partition that is being written and not committed yet. */
interface Stretch {
  readonly partition: number;
  readonly start: number;
  readonly writer: DataFileWriter;
  end: number;
  watermarks: Watermarks;
  landed: LandedRows;
}

/** A table while it takes the rows of one partition after another, each stretch of them with one commit. */
export class LandingTable {
  readonly #table: Table;
  #state: LandedState;
  #stretch: Stretch | undefined;

  private constructor(table: Table, state: LandedState) {
    this.#table = table;
    this.#state = state;
  }

  static async open(table: Table, columns: readonly ColumnDefinition[]): Promise<LandingTable> {
    await table.ensure(columns);
    return new LandingTable(table, await readLandedState(table));
  }

  /** The first offset of the partition that the table does not hold. */
  next(partition: number): number {
    return nextOffset(this.#state.snapshot?.offsets, partition);
  }

  /** Running maxima of event time before that offset, by table. */
  watermarks(partition: number): Watermarks {
    const own = Object.entries(this.#state.watermarksMs).map(([key, ms]) => ({ ...splitKey(key), ms })).filter((entry) => entry.partition === partition);
    return Object.fromEntries(own.map(({ table, ms }) => [table, ms]));
  }

  async begin(partition: number): Promise<void> {
    assert(this.#stretch === undefined, `expected ${this.#table.name} to take one stretch at a time`);
    const start = this.next(partition);
    const writer = await this.#table.writer({ boundsOf: ['_partition', '_offset'] });
    this.#stretch = { partition, start, writer, end: start, watermarks: this.watermarks(partition), landed: NOTHING };
  }

  /** Passes over a batch that the table holds already, because another table was behind. */
  async take({ baseOffset, count }: RecordBatch, { batch, refused, late }: LandingRows, watermarks: Watermarks): Promise<void> {
    const stretch = this.#stretch!;
    if (baseOffset < stretch.end) return;
    if (batch.rowCount > 0) await stretch.writer.write(batch);
    stretch.end = baseOffset + count;
    stretch.watermarks = watermarks;
    const { landed } = stretch;
    stretch.landed = { rows: landed.rows + batch.rowCount, refused: landed.refused + refused, late: landed.late + late };
  }

  /** Publishes the stretch; `CommitConflict` when another landing published these offsets first. */
  async commit(): Promise<LandedRows> {
    const { partition, start, end, watermarks: reached, landed, writer } = this.#stretch!;
    const files = await writer.finish();
    // From here on the files may belong to the table, even when the commit fails without an answer: nothing may remove them.
    this.#stretch = undefined;
    if (end === start) return NOTHING;
    const watermarksMs = { ...this.#state.watermarksMs, ...Object.fromEntries(Object.entries(reached).map(([table, ms]) => [keyOf(partition, table), ms])) };
    const refusedRows = this.#state.refusedRows + landed.refused;
    const watermarks = Object.entries(watermarksMs).map(([key, value]) => [`${WATERMARK}${key}`, String(value)]);
    const summary = { ...Object.fromEntries(watermarks), [REFUSED]: String(refusedRows) };
    const snapshot = await this.#table.append(files, { offsets: { [partition]: [start, end] }, summary });
    this.#state = { snapshot, watermarksMs, refusedRows };
    return landed;
  }

  /** Removes what was written and not committed; does nothing after a commit. */
  async abort(): Promise<void> {
    const writer = this.#stretch?.writer;
    this.#stretch = undefined;
    // What can't be removed now belongs to no table, and does no harm.
    await writer?.abort().catch(() => undefined);
  }
}
