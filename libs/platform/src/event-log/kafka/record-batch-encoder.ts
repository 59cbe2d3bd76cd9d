import type { HeaderColumn, PackedRecords } from '../event-log.ts';
import { appendMarkName, writeAppendMark, type AppendMark } from './append-mark.ts';
import { compressionTypes, type Compression } from './compression.ts';
import { crc32c } from './crc32c.ts';

/** Bytes of a record batch before its records. */
export const batchHeaderBytes = 61;

/** Most bytes that a record takes beside its key, value and headers: length, attributes, time, position, lengths, header count. */
const recordOverheadBytes = 40;

/** Records `from` to `to` (exclusive) of an append: one record batch. */
export interface Piece {
  readonly from: number;
  readonly to: number;
}

/** Cuts an append into pieces whose records take at most `byteLimit` bytes by a safe estimate; undefined when one record alone takes more. */
export function cutPieces(records: PackedRecords, byteLimit: number): readonly Piece[] | undefined {
  const pieces: Piece[] = [];
  const headerBytes = headerBytesOf(records.headers);
  let from = 0;
  let byteCount = 0;
  for (let i = 0; i < records.count; i++) {
    const size = estimate(records, i, i + 1, headerBytes);
    if (size > byteLimit) return undefined;
    if (byteCount + size > byteLimit) {
      pieces.push({ from, to: i });
      from = i;
      byteCount = 0;
    }
    byteCount += size;
  }
  pieces.push({ from, to: records.count });
  return pieces;
}

function estimate({ keyOffsets, valueOffsets }: PackedRecords, from: number, to: number, headerBytes: number): number {
  return keyOffsets[to] - keyOffsets[from] + valueOffsets[to] - valueOffsets[from] + (to - from) * (recordOverheadBytes + headerBytes);
}

// 26 bytes hold the longest decimal text of a double, and its length.
function headerBytesOf(headers: readonly HeaderColumn[]): number {
  return headers.reduce((sum, { name, values }) => sum + 10 + 3 * name.length + (typeof values === 'string' ? 3 * values.length : 26), 0);
}

/** The records of a piece as a record batch holds them before compression; `mark` becomes a header of the last one. */
export function packRecords(records: PackedRecords, { from, to }: Piece, mark: AppendMark): Buffer {
  const headers = records.headers.map(({ name, values }) => {
    const nameBytes = Buffer.from(name);
    if (typeof values !== 'string') return { prefix: sized(nameBytes), values };
    return { prefix: Buffer.concat([sized(nameBytes), sized(Buffer.from(values))]), values: undefined };
  });
  const markBytes = Buffer.concat([sized(Buffer.from(appendMarkName)), sized(writeAppendMark(mark))]);
  const out = Buffer.allocUnsafe(estimate(records, from, to, headerBytesOf(records.headers)) + markBytes.byteLength);
  const digits = Buffer.allocUnsafe(32);
  const { keys, values, keyOffsets, valueOffsets, timestamps } = records;
  const firstTime = Math.round(timestamps[from]);
  let at = 0;
  for (let i = from; i < to; i++) {
    const isLast = i === to - 1;
    // The length comes first and is at most 5 bytes: the body is written behind a gap and moved up when the length takes fewer.
    const start = at;
    at = start + 5;
    out[at++] = 0;
    at = putVarint(out, at, Math.round(timestamps[i]) - firstTime);
    at = putVarint(out, at, i - from);
    const keyBytes = keyOffsets[i + 1] - keyOffsets[i];
    // An empty key means none.
    at = putVarint(out, at, keyBytes === 0 ? -1 : keyBytes);
    at = copy(keys, keyOffsets[i], keyOffsets[i + 1], out, at);
    at = putVarint(out, at, valueOffsets[i + 1] - valueOffsets[i]);
    at = copy(values, valueOffsets[i], valueOffsets[i + 1], out, at);
    at = putVarint(out, at, headers.length + (isLast ? 1 : 0));
    for (const { prefix, values: numbers } of headers) {
      at = copy(prefix, 0, prefix.byteLength, out, at);
      if (numbers === undefined) continue;
      const length = putNumber(digits, numbers[i]);
      at = putVarint(out, at, length);
      at = copy(digits, 0, length, out, at);
    }
    if (isLast) at = copy(markBytes, 0, markBytes.byteLength, out, at);
    const bodyBytes = at - start - 5;
    const lengthEnd = putVarint(out, start, bodyBytes);
    if (lengthEnd < start + 5) out.copyWithin(lengthEnd, start + 5, at);
    at = lengthEnd + bodyBytes;
  }
  return out.subarray(0, at);
}

export interface BatchFrame {
  readonly count: number;
  readonly firstTime: number;
  readonly maxTime: number;
  readonly compression: Compression;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly firstSequence: number;
}

/** A whole transactional record batch (version 2) around packed, compressed records. */
export function frameBatch(packed: Buffer, frame: BatchFrame): Buffer {
  const out = Buffer.allocUnsafe(batchHeaderBytes + packed.byteLength);
  out.writeBigInt64BE(0n, 0);
  out.writeInt32BE(batchHeaderBytes - 12 + packed.byteLength, 8);
  out.writeInt32BE(0, 12);
  out.writeInt8(2, 16);
  out.writeInt16BE(compressionTypes[frame.compression] | transactionalBit, 21);
  out.writeInt32BE(frame.count - 1, 23);
  out.writeBigInt64BE(BigInt(frame.firstTime), 27);
  out.writeBigInt64BE(BigInt(frame.maxTime), 35);
  out.writeBigInt64BE(BigInt(frame.producerId), 43);
  out.writeInt16BE(frame.producerEpoch, 51);
  out.writeInt32BE(frame.firstSequence, 53);
  out.writeInt32BE(frame.count, 57);
  out.set(packed, batchHeaderBytes);
  out.writeUInt32BE(crc32c(out.subarray(21)), 17);
  return out;
}

/** Attribute bits of a record batch. */
export const transactionalBit = 0x10;
export const controlBit = 0x20;

function sized(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.byteLength + 5);
  const at = putVarint(out, 0, bytes.byteLength);
  bytes.copy(out, at);
  return out.subarray(0, at + bytes.byteLength);
}

/** Zigzag varint of an integer below 2^52 in magnitude; gives the position behind it. */
function putVarint(out: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value >= 0 ? value * 2 : -value * 2 - 1;
  while (rest > 0x7fffffff) {
    out[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  while (rest > 127) {
    out[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  out[at++] = rest;
  return at;
}

// A call into native code costs more than a short loop.
function copy(source: Uint8Array, from: number, to: number, out: Buffer, start: number): number {
  const length = to - from;
  if (length > 64) {
    out.set(source.subarray(from, to), start);
  } else {
    for (let i = 0; i < length; i++) out[start + i] = source[from + i];
  }
  return start + length;
}

/** Decimal text of a number; gives its length. */
function putNumber(out: Buffer, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) return out.write(Object.is(value, -0) ? '-0' : String(value), 0, 'latin1');
  let length = 1;
  for (let bound = 10; value >= bound; bound *= 10) length++;
  let rest = value;
  for (let at = length - 1; at >= 0; at--) {
    const next = Math.floor(rest / 10);
    out[at] = 48 + (rest - next * 10);
    rest = next;
  }
  return length;
}
