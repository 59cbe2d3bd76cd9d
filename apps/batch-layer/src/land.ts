import type { ColumnDefinition, Lake } from '#tideline/lake';
import type { EventLog, RecordBatch } from '#tideline/platform';
import {
  createRefiner, decodeBatch, NO_TABLE, silverTables, SourceLateMarker, tableIndexes, tableNames, tableOf, takeRows, type Column, type ColumnBatch, type RecordCodec, type Source,
} from '#tideline/retention';
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
    const silver: LandingTable[] = [];
    for (const { table, name } of silverTables(source)) silver.push(await LandingTable.open(lake.table(name), silverColumns(source, table)));
    try {
      await new LandingPass(options, bronze, silver, ends, landed).run();
    } catch (error) {
      await bronze.abort();
      for (const table of silver) await table.abort();
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
  /** In the order of `silverTables`. */
  readonly #silver: readonly LandingTable[];
  readonly #ends: readonly number[];
  /** Of all passes of the call, counted when committed. */
  readonly #landed: Mutable<Landing>;
  readonly #prepare: Preparation;
  #read = 0;
  #behind = 0;

  constructor(options: LandOptions, bronze: LandingTable, silver: readonly LandingTable[], ends: readonly number[], landed: Mutable<Landing>) {
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

  /** The table that is furthest behind: the pass begins where it does. */
  #laggard(partition: number): LandingTable {
    return this.#silver.reduce((last, table) => table.next(partition) < last.next(partition) ? table : last, this.#bronze);
  }

  async #land(partition: number, end: number): Promise<void> {
    const { rowsPerCommit = ROWS_PER_COMMIT } = this.#options;
    const laggard = this.#laggard(partition);
    const marker = new SourceLateMarker(this.#options.source, laggard.watermarks(partition));
    let offset = laggard.next(partition);
    while (offset < end && !this.#isStopped) {
      await this.#bronze.begin(partition);
      for (const table of this.#silver) await table.begin(partition);
      const commitAt = Math.min(end, offset + rowsPerCommit);
      while (offset < commitAt && !this.#isStopped) offset = await this.#take(partition, offset, end, marker);
      const { rows } = await this.#bronze.commit();
      this.#landed.bronzeRows += rows;
      // Each covers the same offsets, whether or not they held rows of it, so that all tables of a source move together.
      for (const table of this.#silver) {
        const silver = await table.commit();
        this.#landed.silverRows += silver.rows;
        this.#landed.refusedRows += silver.refused;
        this.#landed.lateRows += silver.late;
      }
    }
  }

  /** Takes the batches of one read; gives the offset to go on at. */
  async #take(partition: number, from: number, end: number, marker: SourceLateMarker): Promise<number> {
    const { log, source, onProgress } = this.#options;
    const batches = await log.read(`raw.${source.name}`, partition, from, { maxBytes: READ_BYTES, maxWaitMs: 0 });
    let offset = from;
    for (const batch of batches) {
      if (batch.baseOffset >= end) break;
      const rows = this.#prepare(batch, marker);
      const { watermarks } = marker;
      await this.#bronze.take(batch, rows.bronze, watermarks);
      for (const [k, table] of this.#silver.entries()) await table.take(batch, rows.silver[k]!, watermarks);
      offset = batch.baseOffset + batch.count;
      this.#read += batch.count;
    }
    // Offsets at the end of a networked log may hold no record (a transaction's own marks).
    if (offset === from) offset = end;
    onProgress?.(this.#read, Math.max(0, this.#behind - this.#read));
    return offset;
  }
}

type Preparation = (batch: RecordBatch, marker: SourceLateMarker) => { bronze: LandingRows; silver: readonly LandingRows[] };

/** Rows of all tables for one batch; batches come in offset order, since `_late` depends on it. */
function createPreparation(source: Source, codec: RecordCodec): Preparation {
  const refine = createRefiner(source);
  return (batch, marker) => {
    const raw = decodeBatch(codec, batch);
    const { batch: refined, kept, rejections } = refine(raw);
    // As in the stream, a refused record is not late and moves nothing.
    const lateKept = marker.mark(refined);
    const late = rejections.length === 0 ? lateKept : scatter(lateKept, kept, batch.count);
    const arrived = besideEachOther(provenanceOf(batch), { rowCount: batch.count, names: [lateColumn.name], columns: [lateOf(late)] });
    const provenance = rejections.length === 0 ? arrived : takeRows(arrived, kept);
    const whole = { batch: besideEachOther(refined, provenance), refused: rejections.length, late: sum(lateKept) };
    return {
      bronze: { batch: besideEachOther(raw, arrived), refused: 0, late: whole.late },
      silver: source.tables === undefined ? [whole] : splitByTable(source, raw, rejections, refined, whole.batch, lateKept),
    };
  };
}

/** Rows of each table, with its own columns. */
function splitByTable(source: Source, raw: ColumnBatch, rejections: readonly { readonly row: number }[], refined: ColumnBatch, landing: ColumnBatch, late: Uint8Array): LandingRows[] {
  const indexes = tableIndexes(source, refined)!;
  const rawIndexes = rejections.length === 0 ? indexes : tableIndexes(source, raw)!;
  return source.tables!.map(({ name }, index) => {
    const rows = Int32Array.from(indexes.keys().filter((row) => indexes[row] === index));
    const names = silverColumns(source, name).map((column) => column.name);
    const own = { rowCount: landing.rowCount, names, columns: names.map((column) => landing.columns[landing.names.indexOf(column)]!) };
    return {
      batch: takeRows(own, rows),
      // Records of no table have to be counted somewhere.
      refused: rejections.filter(({ row }) => rawIndexes[row] === index || (index === 0 && rawIndexes[row] === NO_TABLE)).length,
      late: rows.reduce((count, row) => count + late[row]!, 0),
    };
  });
}

const sum = (marks: Uint8Array): number => marks.reduce((count, mark) => count + mark, 0);

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

/** Columns of a source's table in silver: those of its file, the derived ones, where a row came from. */
export function silverColumns(source: Source, table?: string): ColumnDefinition[] {
  const { columns, derived } = table === undefined ? source : tableOf(source, table);
  return [
    ...columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
    ...derived.map(({ name, type }) => ({ name, type, nullable: true })),
    ...provenanceColumns,
    lateColumn,
  ];
}
