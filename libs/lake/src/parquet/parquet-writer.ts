import assert from 'node:assert/strict';
import type { Column, ColumnBatch } from '../columns/column-batch.ts';
import { concatBatches } from '../columns/concat-batches.ts';
import { checkBatch, type TableSchema } from '../columns/table-schema.ts';
import type { Bounds, BoundsTracker } from './bounds.ts';
import { ColumnChunkEncoder } from './column-chunk-encoder.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { writeFooter, type RowGroupSummary } from './parquet-footer.ts';

/** Takes a file's bytes in order; a write's bytes may be changed as soon as its promise resolves. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
}

export interface ParquetOptions {
  /** Encoded bytes that close a row group; also about the memory that a writer holds. */
  readonly rowGroupBytes?: number;
  /** Rows of a page; smaller batches are gathered up to it. */
  readonly pageRows?: number;
  /** Columns whose least and greatest values go into the footer and the result. */
  readonly boundsOf?: readonly string[];
  /** `zstd` compresses the columns where it saves at least an eighth; `none` never does. */
  readonly compression?: 'zstd' | 'none';
}

export interface ParquetSummary {
  readonly rowCount: number;
  readonly byteCount: number;
  /** By field id. */
  readonly bounds: Readonly<Record<number, Bounds>>;
}

const defaults = { rowGroupBytes: 12 * 2 ** 20, pageRows: 5000 };
const magic = Buffer.from('PAR1');
// A page of long lists is cut by elements, so that one page never takes hundreds of megabytes.
const pageElements = 1 << 18;

/**
 * Writes one Parquet file from batches as they come: each batch is encoded at once into pages that wait per column, and a row
 * group leaves for the sink when they reach `rowGroupBytes`. Every column carries its field id.
 */
export class ParquetWriter {
  readonly #schema: TableSchema;
  readonly #sink: ByteSink;
  readonly #rowGroupBytes: number;
  readonly #pageRows: number;
  readonly #encoders: readonly ColumnChunkEncoder[];
  readonly #bounds = new Map<number, BoundsTracker>();
  readonly #rowGroups: RowGroupSummary[] = [];
  #waiting: ColumnBatch[] = [];
  #waitingRows = 0;
  #groupRows = 0;
  #position = 0;
  #finished = false;

  constructor(schema: TableSchema, sink: ByteSink, options: ParquetOptions = {}) {
    this.#schema = schema;
    this.#sink = sink;
    this.#rowGroupBytes = options.rowGroupBytes ?? defaults.rowGroupBytes;
    this.#pageRows = options.pageRows ?? defaults.pageRows;
    const boundsOf = new Set(options.boundsOf ?? []);
    for (const name of boundsOf) assert(schema.columns.some((column) => column.name === name), `no column "${name}" to keep bounds of`);
    const compress = (options.compression ?? 'zstd') === 'zstd';
    this.#encoders = schema.columns.map((column) => new ColumnChunkEncoder(column, { compress, wantsBounds: boundsOf.has(column.name) }));
  }

  /** Bytes of the file so far: those written and those that wait for their row group's end. */
  get byteCount(): number {
    return this.#position + this.#waitingBytes();
  }

  get rowCount(): number {
    return this.#rowGroups.reduce((sum, group) => sum + group.rowCount, this.#groupRows + this.#waitingRows);
  }

  /** Adds the batch's rows; NaN becomes null in nullable columns, any other non-finite double is refused. */
  async write(batch: ColumnBatch): Promise<void> {
    assert(!this.#finished, 'expected no write after finish');
    checkBatch(this.#schema, batch);
    if (batch.rowCount === 0) return;
    const clean = this.#withoutNaN(batch);
    if (this.#waitingRows > 0 || clean.rowCount < this.#pageRows) {
      this.#waiting.push(clean);
      this.#waitingRows += clean.rowCount;
      if (this.#waitingRows < this.#pageRows) return;
      await this.#flushWaiting();
    } else {
      await this.#encode(clean);
    }
  }

  /** Writes what waits and the footer; the sink then holds a whole file. */
  async finish(): Promise<ParquetSummary> {
    assert(!this.#finished, 'expected one finish');
    this.#finished = true;
    if (this.#waitingRows > 0) await this.#flushWaiting();
    if (this.#groupRows > 0) await this.#closeRowGroup();
    if (this.#position === 0) await this.#put(magic);
    const footer = new GrowingBuffer(16 * 1024);
    writeFooter(footer, this.#schema, this.#rowGroups);
    footer.uint32(footer.length);
    footer.append(magic);
    await this.#put(footer.written());
    const bounds: Record<number, Bounds> = {};
    for (const [id, tracker] of this.#bounds) if (tracker.bounds !== undefined) bounds[id] = tracker.bounds;
    return { rowCount: this.rowCount, byteCount: this.#position, bounds };
  }

  async #flushWaiting(): Promise<void> {
    const batch = concatBatches(this.#waiting);
    this.#waiting = [];
    this.#waitingRows = 0;
    await this.#encode(batch);
  }

  async #encode(batch: ColumnBatch): Promise<void> {
    for (let start = 0; start < batch.rowCount; ) {
      const end = this.#pageEnd(batch, start);
      this.#encoders.forEach((encoder, index) => encoder.addPage(batch.columns[index]!, start, end));
      this.#groupRows += end - start;
      start = end;
      if (this.#waitingBytes() >= this.#rowGroupBytes) await this.#closeRowGroup();
    }
  }

  // A rest of less than half a page joins the page before it.
  #pageEnd(batch: ColumnBatch, start: number): number {
    let end = batch.rowCount - start <= this.#pageRows * 1.5 ? batch.rowCount : start + this.#pageRows;
    for (const { offsets, type } of batch.columns) {
      if (offsets === undefined) continue;
      const most = type.name === 'string' ? pageElements * 8 : pageElements;
      while (end - start > 1 && offsets[end]! - offsets[start]! > most) end = start + ((end - start) >> 1);
    }
    return end;
  }

  async #closeRowGroup(): Promise<void> {
    if (this.#position === 0) await this.#put(magic);
    const chunks = [];
    const chunkOffsets: number[] = [];
    for (const [index, encoder] of this.#encoders.entries()) {
      const { summary, parts } = encoder.finish();
      chunkOffsets.push(this.#position);
      for (const part of parts) await this.#put(part);
      chunks.push(summary);
      if (summary.bounds !== undefined) this.#mergeBounds(this.#schema.columns[index]!.id, summary.bounds);
    }
    this.#rowGroups.push({ rowCount: this.#groupRows, chunks, chunkOffsets });
    this.#groupRows = 0;
  }

  #mergeBounds(id: number, bounds: BoundsTracker): void {
    const known = this.#bounds.get(id);
    if (known === undefined) this.#bounds.set(id, bounds.copy());
    else known.merge(bounds);
  }

  async #put(bytes: Uint8Array): Promise<void> {
    await this.#sink.write(bytes);
    this.#position += bytes.length;
  }

  #waitingBytes(): number {
    let sum = 0;
    for (const encoder of this.#encoders) sum += encoder.byteCount;
    return sum;
  }

  #withoutNaN(batch: ColumnBatch): ColumnBatch {
    let columns: Column[] | undefined;
    this.#schema.columns.forEach(({ name, type, nullable }, index) => {
      const list = type.name === 'list';
      if ((list ? type.of.name : type.name) !== 'double') return;
      const column = batch.columns[index]!;
      if (list) {
        assertFinite(column.values.subarray(column.offsets![0], column.offsets![batch.rowCount]), name);
        return;
      }
      const clean = nanAsNull(column, batch.rowCount, nullable, name);
      if (clean !== column) (columns ??= [...batch.columns])[index] = clean;
    });
    return columns === undefined ? batch : { ...batch, columns };
  }
}

function assertFinite(values: Column['values'], name: string): void {
  const stranger = values.find((value) => !Number.isFinite(value));
  assert(stranger === undefined, `expected finite numbers in column "${name}", found ${stranger}`);
}

function nanAsNull(column: Column, count: number, nullable: boolean, name: string): Column {
  let nulls: Uint8Array | undefined;
  for (let i = 0; i < count; i++) {
    const value = column.values[i]!;
    if (Number.isFinite(value) || column.nulls?.[i] === 1) continue;
    assert(nullable && Number.isNaN(value), `expected finite numbers in column "${name}", found ${value}`);
    nulls ??= column.nulls === undefined ? new Uint8Array(count) : column.nulls.slice(0, count);
    nulls[i] = 1;
  }
  return nulls === undefined ? column : { ...column, nulls };
}
