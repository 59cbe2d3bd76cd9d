import assert from 'node:assert';
import { endianness } from 'node:os';
import { PlatformError } from '../errors.ts';
import type { HeaderColumn, PackedRecords } from './event-log.ts';

/** Records for one partition that their writer is known to own. */
export interface PlacedAppend {
  readonly topic: string;
  readonly partition: number;
  readonly records: PackedRecords;
}

// SQLite holds one row of at most 10^9 bytes.
const batchByteCountMax = 900_000_000;

/*
 * Everything of a batch but its values, as one blob that typed arrays can look at in place (sections start at multiples of 8):
 *   u32 layout, record count, key bytes, header count
 *   f64 x count timestamps; u32 x (count + 1) key offsets; u32 x (count + 1) value offsets
 *   per header: u32 kind (0 text, 1 numbers), name bytes, text bytes, 0; the name; the text or f64 x count
 *   the keys
 */
const layoutVersion = 1;
const prefixBytes = 16;
const textKind = 0;
const numberKind = 1;

assert(endianness() === 'LE', 'batches are laid out for little-endian machines');

/** Throws (an assertion: the caller's mistake) unless the columns fit each other. */
export function checkPackedRecords(records: PackedRecords): void {
  const { count, keyOffsets, valueOffsets } = records;
  assert(Number.isInteger(count) && count > 0, `expected at least one record in an append, found ${count}`);
  assert(keyOffsets.length === count + 1 && keyOffsets[0] === 0, `expected ${count + 1} key offsets from 0`);
  assert(valueOffsets.length === count + 1 && valueOffsets[0] === 0, `expected ${count + 1} value offsets from 0`);
  assert(keyOffsets[count] <= records.keys.byteLength, 'key offsets reach past the keys');
  assert(valueOffsets[count] <= records.values.byteLength, 'value offsets reach past the values');
  assert(records.timestamps.length === count, `expected ${count} timestamps, found ${records.timestamps.length}`);
  for (const header of records.headers) {
    assert(typeof header.values === 'string' || header.values.length === count, `header ${header.name}: expected ${count} numbers`);
  }
}

/** Refuses (`TOO_LARGE`) a batch that no row can hold. */
export function checkBatchSize({ topic, partition, records }: PlacedAppend): void {
  const { count } = records;
  const found = records.valueOffsets[count] + records.keyOffsets[count] + 16 * count + 8 * count * records.headers.length;
  if (found <= batchByteCountMax) return;
  throw new PlatformError('TOO_LARGE', `append to ${topic}/${partition}: expected at most ${batchByteCountMax} bytes, found ${found}`);
}

/** The blob of all columns but the values; the values travel beside it untouched. */
export function encodeColumns(records: PackedRecords): Uint8Array {
  const { count, headers } = records;
  const keyByteCount = records.keyOffsets[count];
  const names = headers.map((header) => Buffer.from(header.name));
  const texts = headers.map((header) => (typeof header.values === 'string' ? Buffer.from(header.values) : undefined));
  const headerByteCount = headers.reduce(
    (sum, _, i) => sum + 16 + pad(names[i].byteLength) + pad(texts[i]?.byteLength ?? 8 * count),
    0,
  );
  const offsetsByteCount = pad(4 * (count + 1));
  const bytes = new Uint8Array(prefixBytes + 8 * count + 2 * offsetsByteCount + headerByteCount + keyByteCount);
  const buffer = bytes.buffer;
  new Uint32Array(buffer, 0, 4).set([layoutVersion, count, keyByteCount, headers.length]);
  let at = prefixBytes;
  new Float64Array(buffer, at, count).set(records.timestamps);
  at += 8 * count;
  new Uint32Array(buffer, at, count + 1).set(records.keyOffsets);
  at += offsetsByteCount;
  new Uint32Array(buffer, at, count + 1).set(records.valueOffsets);
  at += offsetsByteCount;
  headers.forEach((header, i) => {
    const text = texts[i];
    new Uint32Array(buffer, at, 4).set([text === undefined ? numberKind : textKind, names[i].byteLength, text?.byteLength ?? 0, 0]);
    at += 16;
    bytes.set(names[i], at);
    at += pad(names[i].byteLength);
    if (text !== undefined) bytes.set(text, at);
    else new Float64Array(buffer, at, count).set(header.values as Float64Array);
    at += pad(text?.byteLength ?? 8 * count);
  });
  bytes.set(records.keys.subarray(0, keyByteCount), at);
  return bytes;
}

/** The records back, as views of the two blobs (nothing is copied when the blob is aligned, as SQLite hands it over). */
export function decodeColumns(columns: Uint8Array, values: Uint8Array): PackedRecords {
  const bytes = columns.byteOffset % 8 === 0 ? columns : new Uint8Array(columns);
  const { buffer, byteOffset: base } = bytes;
  const [layout, count, keyByteCount, headerCount] = new Uint32Array(buffer, base, 4);
  if (layout !== layoutVersion) throw new RangeError(`expected batch layout ${layoutVersion}, found ${layout}`);
  const offsetsByteCount = pad(4 * (count + 1));
  let at = base + prefixBytes;
  const timestamps = new Float64Array(buffer, at, count);
  at += 8 * count;
  const keyOffsets = new Uint32Array(buffer, at, count + 1);
  at += offsetsByteCount;
  const valueOffsets = new Uint32Array(buffer, at, count + 1);
  at += offsetsByteCount;
  const headers: HeaderColumn[] = [];
  for (let i = 0; i < headerCount; i++) {
    const [kind, nameByteCount, textByteCount] = new Uint32Array(buffer, at, 4);
    at += 16;
    const name = Buffer.from(buffer, at, nameByteCount).toString();
    at += pad(nameByteCount);
    if (kind === textKind) {
      headers.push({ name, values: Buffer.from(buffer, at, textByteCount).toString() });
      at += pad(textByteCount);
    } else {
      headers.push({ name, values: new Float64Array(buffer, at, count) });
      at += 8 * count;
    }
  }
  return { count, keyOffsets, keys: new Uint8Array(buffer, at, keyByteCount), valueOffsets, values, timestamps, headers };
}

/** An own copy of everything, for logs that keep records in memory. */
export function copyPackedRecords(records: PackedRecords): PackedRecords {
  return {
    count: records.count,
    keyOffsets: records.keyOffsets.slice(),
    // Not `slice`, which gives a view where the bytes are a Buffer.
    keys: new Uint8Array(records.keys.subarray(0, records.keyOffsets[records.count])),
    valueOffsets: records.valueOffsets.slice(),
    values: new Uint8Array(records.values.subarray(0, records.valueOffsets[records.count])),
    timestamps: records.timestamps.slice(),
    headers: records.headers.map(({ name, values }) => ({ name, values: typeof values === 'string' ? values : values.slice() })),
  };
}

function pad(byteCount: number): number {
  return (byteCount + 7) & ~7;
}
