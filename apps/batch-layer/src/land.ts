import { nextOffset, type ColumnDefinition, type DataFileWriter, type Lake, type Snapshot, type Table } from '#tideline/lake';
import { isPlatformError, type EventLog, type RecordBatch } from '#tideline/platform';
import { createRefiner, LateMarker, type ColumnBatch, type RecordCodec, type Refined, type Source } from '#tideline/retention';
import { provenanceColumns, withProvenance } from './provenance.ts';
import { tableNames } from './table-names.ts';

export interface LandOptions {
  readonly source: Source;
  readonly log: EventLog;
  readonly lake: Lake;
  /** Of `raw.<source>`, with the id under which its schema is registered. */
  readonly codec: RecordCodec;
  /** Commit after this many rows, so that a crash repeats little and nothing waits long to be seen. */
  readonly rowsPerCommit?: number;
  readonly signal?: AbortSignal | undefined;
  /** Rows landed so far by this call, and records that the topic still holds beyond them. */
  readonly onProgress?: ((landed: number, behind: number) => void) | undefined;
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
const READ_BYTES = 16 << 20;

/**
 * Lands everything new on `raw.<source>` as bronze (what arrived) and silver (typed, valid, derived) in one pass. Each table's
 * snapshot names the offsets it holds per partition and the running maximum of event time at their end, so each goes on by itself
 * where it stopped, whatever was lost between the two commits.
 */
export async function landSource(options: LandOptions): Promise<Landing> {
  const { source, lake } = options;
  const names = tableNames(source);
  const bronze = await LandingTable.open(lake.table(names.bronze), bronzeColumns(source));
  const silver = await LandingTable.open(lake.table(names.silver), silverColumns(source));
  const total = { bronzeRows: 0, silverRows: 0, refusedRows: 0, lateRows: 0 };
  for (let partition = 0; partition < source.deployment.partitions; partition++) {
    await landPartition(options, partition, bronze, silver, total);
  }
  return total;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

async function landPartition(options: LandOptions, partition: number, bronze: LandingTable, silver: LandingTable, total: Mutable<Landing>): Promise<void> {
  const { source, log, codec, signal } = options;
  const topic = `raw.${source.name}`;
  const end = await endOf(log, topic, partition);
  const first = bronze.next(partition) <= silver.next(partition) ? bronze : silver;
  let offset = first.next(partition);
  const marker = new LateMarker(source.latenessMs, first.watermarkMs(partition));
  const prepare = createPreparation(source, codec);
  const rowsPerCommit = options.rowsPerCommit ?? ROWS_PER_COMMIT;
  while (offset < end && signal?.aborted !== true) {
    const writers = [await bronze.begin(partition), await silver.begin(partition)];
    try {
      const from = offset;
      while (offset < end && offset - from < rowsPerCommit) {
        const batches = await log.read(topic, partition, offset, { maxBytes: READ_BYTES, maxWaitMs: 0 });
        // Offsets at the end of a networked log may hold no record (a transaction's own marks).
        if (batches.length === 0) offset = end;
        for (const batch of batches) {
          const rows = prepare(batch, marker);
          const next = batch.baseOffset + batch.count;
          if (await bronze.take(batch, rows.raw, next, marker.watermarkMs)) total.bronzeRows += rows.raw.rowCount;
          if (await silver.take(batch, rows.silver, next, marker.watermarkMs)) {
            total.silverRows += rows.silver.rowCount;
            total.refusedRows += rows.raw.rowCount - rows.silver.rowCount;
            total.lateRows += rows.late;
          }
          offset = next;
        }
        options.onProgress?.(total.bronzeRows, end - offset);
        if (signal?.aborted) break;
      }
      await bronze.commit();
      await silver.commit();
    } catch (error) {
      for (const writer of writers) await writer.abort().catch(() => undefined);
      throw error;
    }
  }
}

/** A topic that nobody has written yet is empty, not an error. */
async function endOf(log: EventLog, topic: string, partition: number): Promise<number> {
  try {
    return (await log.offsets(topic, partition)).end;
  } catch (error) {
    if (isPlatformError(error, 'NOT_FOUND')) return 0;
    throw error;
  }
}

interface PreparedRows {
  readonly raw: ColumnBatch;
  readonly silver: ColumnBatch;
  readonly late: number;
}

function createPreparation(source: Source, codec: RecordCodec): (batch: RecordBatch, marker: LateMarker) => PreparedRows {
  const refine = createRefiner(source);
  const timeColumn = source.time === undefined ? -1 : source.columns.findIndex((column) => column.name === source.time);
  return (batch, marker) => {
    const raw = codec.decode(batch);
    const refined = refine(raw);
    const time = timeColumn < 0 ? undefined : raw.columns[timeColumn]!.values;
    const late = time instanceof Float64Array ? marker.mark(time) : new Uint8Array(batch.count);
    return {
      raw: withProvenance(raw, batch, late),
      silver: withProvenance(refined.batch, batch, late, refined.rejections.length > 0 ? refined.kept : undefined),
      late: countLate(late, refined),
    };
  };
}

function countLate(late: Uint8Array, { kept }: Refined): number {
  let count = 0;
  for (let i = 0; i < kept.length; i++) count += late[kept[i]!]!;
  return count;
}

const bronzeColumns = (source: Source): ColumnDefinition[] => [
  ...source.columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
  ...provenanceColumns,
];

const silverColumns = (source: Source): ColumnDefinition[] => [
  ...source.columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
  ...source.derived.map(({ name, type }) => ({ name, type, nullable: true })),
  ...provenanceColumns,
];

/** One of the two tables while it takes the rows of one partition up to its next commit. */
class LandingTable {
  readonly #table: Table;
  #snapshot: Snapshot | undefined;
  /** Running maximum of event time by partition, as the last append left it. */
  #summary: Readonly<Record<string, string>>;
  #writer: DataFileWriter | undefined;
  #partition = 0;
  #start = 0;
  #end = 0;
  #watermarkMs = -Infinity;

  private constructor(table: Table, snapshot: Snapshot | undefined, lastAppend: Snapshot | undefined) {
    this.#table = table;
    this.#snapshot = snapshot;
    this.#summary = lastAppend?.summary ?? {};
  }

  static async open(table: Table, columns: readonly ColumnDefinition[]): Promise<LandingTable> {
    await table.ensure(columns);
    // A compaction rearranges rows and says nothing of the log; the last append does.
    const lastAppend = (await table.snapshots()).find((snapshot) => snapshot.operation === 'append');
    return new LandingTable(table, await table.current(), lastAppend);
  }

  /** The first offset of the partition that the table does not hold. */
  next(partition: number): number {
    return nextOffset(this.#snapshot?.offsets, partition);
  }

  watermarkMs(partition: number): number {
    const text = this.#summary[`watermarkMs.${partition}`];
    return text === undefined ? -Infinity : Number(text);
  }

  async begin(partition: number): Promise<DataFileWriter> {
    this.#partition = partition;
    this.#start = this.#end = this.next(partition);
    this.#watermarkMs = this.watermarkMs(partition);
    this.#writer = await this.#table.writer({ boundsOf: ['_partition', '_offset'] });
    return this.#writer;
  }

  /** False when the table holds the batch already (the other table was behind). */
  async take(batch: RecordBatch, rows: ColumnBatch, next: number, watermarkMs: number): Promise<boolean> {
    if (batch.baseOffset < this.#end) return false;
    await this.#writer!.write(rows);
    this.#end = next;
    this.#watermarkMs = watermarkMs;
    return true;
  }

  async commit(): Promise<void> {
    const files = await this.#writer!.finish();
    if (this.#end === this.#start) return;
    // What the summary says of other partitions stays true: this commit did not touch them.
    if (Number.isFinite(this.#watermarkMs)) this.#summary = { ...this.#summary, [`watermarkMs.${this.#partition}`]: String(this.#watermarkMs) };
    this.#snapshot = await this.#table.append(files, { offsets: { [this.#partition]: [this.#start, this.#end] }, summary: this.#summary });
  }
}
