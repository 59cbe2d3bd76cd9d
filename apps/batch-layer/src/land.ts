import type { ColumnDefinition, Lake } from '#tideline/lake';
import type { EventLog, RecordBatch } from '#tideline/platform';
import { createRefiner, decodeBatch, LateMarker, tableNames, takeRows, type Column, type RecordCodec, type Source } from '#tideline/retention';
import { LandingTable, type LandingRows } from './landing-table.ts';
import { besideEachOther, provenanceColumns, provenanceOf } from './provenance.ts';
import { takingTurns } from './taking-turns.ts';

export interface LandOptions {
  readonly source: Source;
  readonly log: EventLog;
  readonly lake: Lake;
  /** Of `raw.<source>`, with the id under which its schema is registered. */
  readonly codec: RecordCodec;
  /** Commit after this many rows, so that a crash repeats little and nothing waits long to be seen. */
  readonly rowsPerCommit?: number;
  /** Aborting it commits what has been read so far and stops. */
  readonly signal?: AbortSignal | undefined;
  /** Records read so far by this call, and those still to read. */
  readonly onProgress?: ((read: number, behind: number) => void) | undefined;
}

/** What one landing added. */
export interface Landing {
  readonly bronzeRows: number;
  readonly silverRows: number;
  /** Records that break the source's own rules (another producer put them on the topic): bronze has them, silver hasn't. */
  readonly refusedRows: number;
  readonly lateRows: number;
}

const ROWS_PER_COMMIT = 500_000;
const READ_BYTES = 8 << 20;

/**
 * Lands everything that was on `raw.<source>` when it began as bronze (what arrived) and silver (typed, valid, derived) in one pass.
 * Each table's snapshot names the offsets it holds per partition and the running maximum of event time at their end, so each goes on by
 * itself where it stopped, whatever was lost between the two commits. Several landings at once only take turns.
 */
export async function landSource(options: LandOptions): Promise<Landing> {
  const { source, lake } = options;
  const names = tableNames(source);
  const ends = await endsOf(options);
  const landed = { bronzeRows: 0, silverRows: 0, refusedRows: 0, lateRows: 0 };
  await takingTurns(async () => {
    const bronze = await LandingTable.open(lake.table(names.bronze), bronzeColumns(source));
    const silver = await LandingTable.open(lake.table(names.silver), silverColumns(source));
    try {
      await new LandingPass(options, bronze, silver, ends, landed).run();
    } catch (error) {
      await bronze.abort();
      await silver.abort();
      throw error;
    }
  });
  return landed;
}

/** Ends of all partitions, asked at once: what one transaction put on several of them is landed together. No topic is an empty one. */
async function endsOf({ source, log }: LandOptions): Promise<readonly number[]> {
  const topic = (await log.describeTopics()).find((description) => description.topic === `raw.${source.name}`);
  const ends = new Array<number>(source.deployment.partitions).fill(0);
  for (const { partition, end } of topic?.partitions ?? []) ends[partition] = end;
  return ends;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class LandingPass {
  readonly #options: LandOptions;
  readonly #bronze: LandingTable;
  readonly #silver: LandingTable;
  readonly #ends: readonly number[];
  /** Of all passes of the call, counted when committed. */
  readonly #landed: Mutable<Landing>;
  readonly #prepare: (batch: RecordBatch, marker: LateMarker) => { bronze: LandingRows; silver: LandingRows };
  #read = 0;
  #behind = 0;

  constructor(options: LandOptions, bronze: LandingTable, silver: LandingTable, ends: readonly number[], landed: Mutable<Landing>) {
    this.#options = options;
    this.#bronze = bronze;
    this.#silver = silver;
    this.#ends = ends;
    this.#landed = landed;
    this.#prepare = createPreparation(options.source, options.codec);
  }

  async run(): Promise<void> {
    this.#behind = this.#ends.reduce((sum, end, partition) => sum + Math.max(0, end - this.#laggard(partition).next(partition)), 0);
    for (const [partition, end] of this.#ends.entries()) await this.#land(partition, end);
  }

  get #isStopped(): boolean {
    return this.#options.signal?.aborted === true;
  }

  /** The table that is further behind: the pass begins where it does. */
  #laggard(partition: number): LandingTable {
    return this.#bronze.next(partition) <= this.#silver.next(partition) ? this.#bronze : this.#silver;
  }

  async #land(partition: number, end: number): Promise<void> {
    const { rowsPerCommit = ROWS_PER_COMMIT } = this.#options;
    const laggard = this.#laggard(partition);
    const marker = new LateMarker(this.#options.source.latenessMs, laggard.watermarkMs(partition));
    let offset = laggard.next(partition);
    while (offset < end && !this.#isStopped) {
      await this.#bronze.begin(partition);
      await this.#silver.begin(partition);
      const commitAt = Math.min(end, offset + rowsPerCommit);
      while (offset < commitAt && !this.#isStopped) offset = await this.#take(partition, offset, end, marker);
      const { rows } = await this.#bronze.commit();
      this.#landed.bronzeRows += rows;
      const silver = await this.#silver.commit();
      this.#landed.silverRows += silver.rows;
      this.#landed.refusedRows += silver.refused;
      this.#landed.lateRows += silver.late;
    }
  }

  /** Takes the batches of one read; gives the offset to go on at. */
  async #take(partition: number, from: number, end: number, marker: LateMarker): Promise<number> {
    const { log, source, onProgress } = this.#options;
    const batches = await log.read(`raw.${source.name}`, partition, from, { maxBytes: READ_BYTES, maxWaitMs: 0 });
    let offset = from;
    for (const batch of batches) {
      if (batch.baseOffset >= end) break;
      const rows = this.#prepare(batch, marker);
      await this.#bronze.take(batch, rows.bronze, marker.watermarkMs);
      await this.#silver.take(batch, rows.silver, marker.watermarkMs);
      offset = batch.baseOffset + batch.count;
      this.#read += batch.count;
    }
    // Offsets at the end of a networked log may hold no record (a transaction's own marks).
    if (offset === from) offset = end;
    onProgress?.(this.#read, Math.max(0, this.#behind - this.#read));
    return offset;
  }
}

/** Rows of both tables for one batch; batches come in offset order, since `_late` depends on it. */
function createPreparation(source: Source, codec: RecordCodec): (batch: RecordBatch, marker: LateMarker) => { bronze: LandingRows; silver: LandingRows } {
  const refine = createRefiner(source);
  const timeColumn = source.columns.findIndex((column) => column.name === source.time);
  return (batch, marker) => {
    const raw = decodeBatch(codec, batch);
    const { batch: refined, kept, rejections } = refine(raw);
    // As in the stream, a refused record is not late and moves nothing.
    const lateKept = timeColumn < 0 ? new Uint8Array(kept.length) : marker.mark(refined.columns[timeColumn]!.values as Float64Array);
    const late = rejections.length === 0 ? lateKept : scatter(lateKept, kept, batch.count);
    const arrived = besideEachOther(provenanceOf(batch), { rowCount: batch.count, names: [lateColumn.name], columns: [lateOf(late)] });
    const provenance = rejections.length === 0 ? arrived : takeRows(arrived, kept);
    const lateRows = lateKept.reduce((sum, isLate) => sum + isLate, 0);
    return {
      bronze: { batch: besideEachOther(raw, arrived), refused: 0, late: lateRows },
      silver: { batch: besideEachOther(refined, provenance), refused: rejections.length, late: lateRows },
    };
  };
}

function scatter(values: Uint8Array, to: Int32Array, length: number): Uint8Array {
  const scattered = new Uint8Array(length);
  for (let k = 0; k < to.length; k++) scattered[to[k]!] = values[k]!;
  return scattered;
}

/** Decided once, in offset order, and stored, so that every layer agrees. */
const lateColumn: ColumnDefinition = { name: '_late', type: { name: 'boolean' }, nullable: false };
const lateOf = (values: Uint8Array): Column => ({ type: lateColumn.type, values });

const bronzeColumns = (source: Source): ColumnDefinition[] => [
  ...source.columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
  ...provenanceColumns,
  lateColumn,
];

export const silverColumns = (source: Source): ColumnDefinition[] => [
  ...source.columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
  ...source.derived.map(({ name, type }) => ({ name, type, nullable: true })),
  ...provenanceColumns,
  lateColumn,
];
