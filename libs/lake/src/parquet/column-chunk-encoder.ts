import assert from 'node:assert/strict';
import { constants, zstdCompressSync } from 'node:zlib';
import { allocateValues, physicalTypeOf, type Column } from '../columns/column-batch.ts';
import type { TableColumn } from '../columns/table-schema.ts';
import { BoundsTracker } from './bounds.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { writeListLevels, writeScalarLevels } from './levels.ts';
import { i32, struct, writeThrift } from './thrift.ts';
import { createValueEncoder, encodings, type DenseColumn, type Encoding, type ValueEncoder } from './value-encoders.ts';

export type Codec = 'uncompressed' | 'zstd';

/** What the footer says about a finished column chunk; offsets count from the chunk's start. */
export interface ChunkSummary {
  readonly codec: Codec;
  readonly encodings: readonly Encoding[];
  readonly valueCount: number;
  readonly uncompressedByteCount: number;
  readonly byteCount: number;
  readonly hasDictionary: boolean;
  readonly dictionaryByteCount: number;
  readonly bounds: BoundsTracker | undefined;
  readonly nullCount: number;
}

// Compressing has to save this share, or reading pays for nothing. Packed random digits save 1 to 3 %.
const worthwhileShare = 0.88;
const zstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const pageTypes = { data: 0, dictionary: 2 } as const;
// Shared by all columns: a page is put together and moved on within one call.
const body = new GrowingBuffer(256 * 1024);

/** Encodes one column of a row group, a page per call; its finished pages wait in a buffer that is used again for the next group. */
export class ColumnChunkEncoder {
  readonly #column: TableColumn;
  readonly #encoder: ValueEncoder;
  readonly #compress: boolean;
  readonly #wantsBounds: boolean;
  readonly #pages = new GrowingBuffer(4096);
  readonly #used = new Set<Encoding>();
  #codec: Codec | undefined;
  #valueCount = 0;
  #uncompressed = 0;
  #nullCount = 0;
  #bounds: BoundsTracker | undefined;

  constructor(column: TableColumn, options: { compress: boolean; wantsBounds: boolean }) {
    this.#column = column;
    this.#encoder = createValueEncoder(column.type);
    this.#compress = options.compress;
    this.#wantsBounds = options.wantsBounds && column.type.name !== 'list' && column.type.name !== 'boolean';
  }

  /** Bytes that wait for the row group's end, the dictionary aside. */
  get byteCount(): number {
    return this.#pages.length;
  }

  /** Adds rows `[rowStart, rowEnd)` as one page. */
  addPage(column: Column, rowStart: number, rowEnd: number): void {
    assert(rowEnd > rowStart);
    const { nullable, name } = this.#column;
    const nullCount = countNulls(column.nulls, rowStart, rowEnd);
    assert(nullable || nullCount === 0, `expected no null in required column "${name}", found ${nullCount}`);
    body.clear();
    let count = rowEnd - rowStart;
    let encoding: Encoding;
    if (column.type.name === 'list') {
      count = writeListLevels(body, column, nullable, rowStart, rowEnd);
      encoding = this.#encoder.write(body, column, column.offsets![rowStart]!, column.offsets![rowEnd]!);
    } else {
      if (nullable) writeScalarLevels(body, nullCount === 0 ? undefined : column.nulls, rowStart, rowEnd);
      if (nullCount === 0) {
        encoding = this.#encoder.write(body, column, rowStart, rowEnd);
      } else {
        encoding = this.#encoder.write(body, withoutNulls(column, rowStart, rowEnd, count - nullCount), 0, count - nullCount);
      }
    }
    this.#used.add(encoding);
    this.#valueCount += count;
    this.#nullCount += nullCount;
    if (this.#wantsBounds) (this.#bounds ??= new BoundsTracker(column.type)).add(column, rowStart, rowEnd);
    this.#appendPage(this.#pages, body.written(), pageTypes.data, count, encoding);
  }

  /** Hands over the chunk's bytes in order, valid until the next `addPage`, and begins a new chunk. */
  finish(): { summary: ChunkSummary; parts: Uint8Array[] } {
    const dictionary = this.#encoder.dictionary();
    const parts: Uint8Array[] = [];
    if (dictionary !== undefined) {
      const page = new GrowingBuffer(dictionary.bytes.length + 64);
      this.#appendPage(page, dictionary.bytes, pageTypes.dictionary, dictionary.count, encodings.plain);
      parts.push(page.written());
      this.#used.add(encodings.plain);
    }
    parts.push(this.#pages.written());
    const summary: ChunkSummary = {
      codec: this.#codec ?? 'uncompressed',
      encodings: [encodings.rle, ...[...this.#used].filter((encoding) => encoding !== encodings.rle)],
      valueCount: this.#valueCount,
      uncompressedByteCount: this.#uncompressed,
      byteCount: parts.reduce((sum, part) => sum + part.length, 0),
      hasDictionary: dictionary !== undefined,
      dictionaryByteCount: dictionary === undefined ? 0 : parts[0]!.length,
      bounds: this.#bounds,
      nullCount: this.#nullCount,
    };
    this.#encoder.reset();
    this.#pages.clear();
    this.#used.clear();
    this.#codec = undefined;
    this.#valueCount = this.#uncompressed = this.#nullCount = 0;
    this.#bounds = undefined;
    return { summary, parts };
  }

  // All pages of a chunk share a codec; the first page tells whether compressing pays.
  #appendPage(out: GrowingBuffer, bytes: Uint8Array, type: 0 | 2, count: number, encoding: Encoding): void {
    let data = bytes;
    if (this.#compress && this.#codec !== 'uncompressed') {
      const compressed = zstdCompressSync(bytes, zstdOptions);
      this.#codec ??= compressed.length < bytes.length * worthwhileShare ? 'zstd' : 'uncompressed';
      if (this.#codec === 'zstd') data = compressed;
    }
    this.#codec ??= 'uncompressed';
    const before = out.length;
    out.reserve(data.length + 64);
    writeThrift(out, {
      1: i32(type),
      2: i32(bytes.length),
      3: i32(data.length),
      5: type === pageTypes.data ? struct({ 1: i32(count), 2: i32(encoding), 3: i32(encodings.rle), 4: i32(encodings.rle) }) : undefined,
      7: type === pageTypes.dictionary ? struct({ 1: i32(count), 2: i32(encoding) }) : undefined,
    });
    this.#uncompressed += out.length - before + bytes.length;
    out.append(data);
  }
}

function countNulls(nulls: Uint8Array | undefined, rowStart: number, rowEnd: number): number {
  let count = 0;
  if (nulls !== undefined) for (let i = rowStart; i < rowEnd; i++) if (nulls[i] !== 0) count++;
  return count;
}

function withoutNulls(column: Column, rowStart: number, rowEnd: number, count: number): DenseColumn {
  const nulls = column.nulls!;
  const { offsets, values } = column;
  let at = 0;
  if (offsets !== undefined) {
    // Null texts have empty ranges, so dropping their places keeps the bytes in one piece.
    const dense = new Int32Array(count + 1);
    for (let i = rowStart; i < rowEnd; i++) if (nulls[i] === 0) dense[at++] = offsets[i]!;
    dense[count] = offsets[rowEnd]!;
    return { values, offsets: dense };
  }
  const dense = allocateValues(physicalTypeOf(column.type), count);
  for (let i = rowStart; i < rowEnd; i++) if (nulls[i] === 0) dense[at++] = values[i]!;
  return { values: dense };
}
