import { physicalTypeOf, scalarTypeOf, type Column, type ColumnType } from '../columns/column-batch.ts';
import { deltaBound, writeDelta32, writeDelta64 } from './delta-binary-packed.ts';
import { GrowingBuffer } from './growing-buffer.ts';
import { IntDictionary } from './int-dictionary.ts';
import { bitWidthOf, writeRleHybrid } from './rle-hybrid.ts';
import { StringDictionary } from './string-dictionary.ts';

/** Parquet's numbers of the encodings in use. */
export const encodings = { plain: 0, rle: 3, deltaBinaryPacked: 5, deltaLengthByteArray: 6, rleDictionary: 8 } as const;
export type Encoding = (typeof encodings)[keyof typeof encodings];

/** What an encoder reads: no slot in the range is null. */
export type DenseColumn = Pick<Column, 'values' | 'offsets'>;

/** Writes pages of one column chunk; remembers its dictionary from page to page until `reset`. */
export interface ValueEncoder {
  /** Appends slots `[start, end)`, without levels. */
  write(out: GrowingBuffer, column: DenseColumn, start: number, end: number): Encoding;
  /** The dictionary that the pages so far refer to. */
  dictionary(): { readonly count: number; readonly bytes: Uint8Array } | undefined;
  /** Begins a new column chunk. */
  reset(): void;
}

/** The encoder for a column of that type, or for a list's elements. */
export function createValueEncoder(type: ColumnType): ValueEncoder {
  switch (physicalTypeOf(type)) {
    case 'int32':
      return new Int32Encoder();
    case 'int64':
      return new Int64Encoder(scalarTypeOf(type).name === 'timestamp' ? 1000 : 1);
    case 'double':
      return new DoubleEncoder();
    case 'boolean':
      return new BooleanEncoder();
    case 'bytes':
      return new StringEncoder();
  }
}

const sampleSize = 2048;
// Reused by all encoders: encoding is synchronous.
const sample = new GrowingBuffer(16 * 1024);
let codes = new Int32Array(8192);

function codesFor(count: number): Int32Array {
  if (codes.length < count) codes = new Int32Array(count);
  return codes;
}

function writeCodes(out: GrowingBuffer, count: number, distinct: number): void {
  const bitWidth = bitWidthOf(Math.max(0, distinct - 1));
  out.byte(bitWidth);
  writeRleHybrid(out, codes, 0, count, bitWidth);
}

// Values in [0, 16) are their own codes into the dictionary 0, 1, 2, …: flags and small counts need no lookup.
const smallBits = 4;

/**
 * Chooses per column chunk, by its first pages: small values as their own codes, a dictionary while its codes are the smaller form
 * on a sample, differences otherwise and from the first page on that does not fit.
 */
class Int32Encoder implements ValueEncoder {
  readonly #dictionary = new IntDictionary();
  #form: 'undecided' | 'small' | 'dictionary' | 'delta' = 'undecided';
  #codedPages = 0;
  // The greatest code of small values.
  #largest = 0;

  write(out: GrowingBuffer, column: DenseColumn, start: number, end: number): Encoding {
    const values = column.values as Int32Array;
    if (start < end && this.#writeCodes(out, values, start, end)) return encodings.rleDictionary;
    if (writeDelta32(out, values, start, end)) return encodings.deltaBinaryPacked;
    out.reserve((end - start) * 4);
    for (let i = start; i < end; i++, out.length += 4) out.view.setInt32(out.length, values[i]!, true);
    return encodings.plain;
  }

  #writeCodes(out: GrowingBuffer, values: Int32Array, start: number, end: number): boolean {
    if (this.#form === 'undecided' || this.#form === 'small') {
      const bits = bitWidthOf(unionOf(values, start, end));
      if (bits <= smallBits) {
        this.#form = 'small';
        this.#codedPages++;
        this.#largest = Math.max(this.#largest, 2 ** bits - 1);
        out.byte(bits);
        writeRleHybrid(out, values, start, end, bits);
        return true;
      }
      // A chunk has one dictionary, so after small pages it can't become one of looked-up codes.
      this.#form = this.#form === 'undecided' ? 'dictionary' : 'delta';
    }
    if (this.#form === 'delta') return false;
    const sampleEnd = Math.min(end, start + sampleSize);
    if (!this.#paysOnSample(values, start, sampleEnd) || !this.#dictionary.encode(values, start, end, codesFor(end - start))) {
      this.#form = 'delta';
      return false;
    }
    this.#codedPages++;
    writeCodes(out, end - start, this.#dictionary.size);
    return true;
  }

  #paysOnSample(values: Int32Array, start: number, end: number): boolean {
    if (!this.#dictionary.encode(values, start, end, codesFor(end - start))) return false;
    sample.clear();
    writeRleHybrid(sample, codes, 0, end - start, bitWidthOf(Math.max(0, this.#dictionary.size - 1)));
    const asCodes = sample.length;
    sample.clear();
    return !writeDelta32(sample, values, start, end) || asCodes <= sample.length;
  }

  dictionary(): { count: number; bytes: Uint8Array } | undefined {
    if (this.#codedPages === 0) return undefined;
    if (this.#dictionary.size > 0) return { count: this.#dictionary.size, bytes: this.#dictionary.plain() };
    const view = new DataView(new ArrayBuffer((this.#largest + 1) * 4));
    for (let value = 0; value <= this.#largest; value++) view.setInt32(value * 4, value, true);
    return { count: this.#largest + 1, bytes: new Uint8Array(view.buffer) };
  }

  reset(): void {
    this.#dictionary.clear();
    this.#form = 'undecided';
    this.#codedPages = this.#largest = 0;
  }
}

/** Ones where any value has a one; 2^31 or more (as unsigned) when one is negative. */
function unionOf(values: Int32Array, start: number, end: number): number {
  let union = 0;
  for (let i = start; i < end; i++) union |= values[i]!;
  return union;
}

const largestDelta64 = 2 ** 52;

class Int64Encoder implements ValueEncoder {
  readonly #factor: number;

  constructor(factor: number) {
    this.#factor = factor;
  }

  write(out: GrowingBuffer, column: DenseColumn, start: number, end: number): Encoding {
    const values = column.values as Float64Array;
    let low = Infinity;
    let high = -Infinity;
    for (let i = start; i < end; i++) {
      const value = values[i]!;
      if (!Number.isSafeInteger(value)) throw new RangeError(`expected an integer within +-(2^53 - 1), found ${value}`);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (end === start || (high - low) * this.#factor < largestDelta64) {
      writeDelta64(out, values, start, end, this.#factor);
      return encodings.deltaBinaryPacked;
    }
    const factor = BigInt(this.#factor);
    out.reserve((end - start) * 8);
    for (let i = start; i < end; i++, out.length += 8) {
      out.view.setBigInt64(out.length, BigInt(values[i]!) * factor, true);
    }
    return encodings.plain;
  }

  dictionary(): undefined {
    return undefined;
  }

  reset(): void {}
}

class DoubleEncoder implements ValueEncoder {
  write(out: GrowingBuffer, column: DenseColumn, start: number, end: number): Encoding {
    const values = column.values as Float64Array;
    out.reserve((end - start) * 8);
    for (let i = start; i < end; i++, out.length += 8) out.view.setFloat64(out.length, values[i]!, true);
    return encodings.plain;
  }

  dictionary(): undefined {
    return undefined;
  }

  reset(): void {}
}

class BooleanEncoder implements ValueEncoder {
  write(out: GrowingBuffer, column: DenseColumn, start: number, end: number): Encoding {
    const { values } = column;
    out.reserve((end - start + 7) >> 3);
    for (let i = start; i < end; i += 8) {
      let byte = 0;
      for (let bit = 0; bit < 8 && i + bit < end; bit++) if (values[i + bit] !== 0) byte |= 1 << bit;
      out.byte(byte);
    }
    return encodings.plain;
  }

  dictionary(): undefined {
    return undefined;
  }

  reset(): void {}
}

// A dictionary while values repeat, lengths and bytes from then on.
class StringEncoder implements ValueEncoder {
  readonly #dictionary = new StringDictionary();
  #usesDictionary = true;
  #pages = 0;

  write(out: GrowingBuffer, column: DenseColumn, start: number, end: number): Encoding {
    const bytes = column.values as Uint8Array;
    const offsets = column.offsets!;
    const count = end - start;
    if (this.#usesDictionary && count > 0) {
      const before = this.#dictionary.size;
      if (
        this.#dictionary.encode(bytes, offsets, start, end, codesFor(count)) &&
        this.#dictionary.size - before <= Math.max(16, count / 2)
      ) {
        writeCodes(out, count, this.#dictionary.size);
        this.#pages++;
        return encodings.rleDictionary;
      }
      this.#dictionary.truncate(before);
      this.#usesDictionary = false;
    }
    const lengths = codesFor(count);
    for (let i = 0; i < count; i++) lengths[i] = offsets[start + i + 1]! - offsets[start + i]!;
    out.reserve(deltaBound(count, 4) + (count > 0 ? offsets[end]! - offsets[start]! : 0));
    writeDelta32(out, lengths, 0, count);
    if (count > 0) out.append(bytes.subarray(offsets[start], offsets[end]));
    return encodings.deltaLengthByteArray;
  }

  dictionary(): { count: number; bytes: Uint8Array } | undefined {
    if (this.#pages === 0) return undefined;
    return { count: this.#dictionary.size, bytes: this.#dictionary.plain() };
  }

  reset(): void {
    this.#dictionary.clear();
    this.#usesDictionary = true;
    this.#pages = 0;
  }
}
