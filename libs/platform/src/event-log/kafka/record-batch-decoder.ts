import { PlatformError } from '../../errors.ts';
import type { HeaderColumn, PackedRecords } from '../event-log.ts';
import { appendMarkName, readAppendMark, type AppendMark } from './append-mark.ts';
import { decompress } from './compression.ts';
import { batchHeaderBytes, controlBit, transactionalBit } from './record-batch-encoder.ts';

/** A record batch as it lies in an answer, its records not looked at yet. */
export interface RawBatch {
  readonly baseOffset: number;
  /** Offset of its last record. */
  readonly lastOffset: number;
  readonly maxTime: number;
  readonly firstTime: number;
  readonly attributes: number;
  readonly producerId: number;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly recordCount: number;
  /** The records, still compressed. */
  readonly body: Buffer;
}

/** The whole record batches in a piece of a partition's log; a last one that was cut off is left out. */
export function splitRecordBatches(bytes: Buffer): RawBatch[] {
  const batches: RawBatch[] = [];
  for (let at = 0; at + batchHeaderBytes <= bytes.byteLength; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if (end > bytes.byteLength) break;
    const magic = bytes[at + 16];
    if (magic !== 2) throw new PlatformError('CORRUPT', `EVENT_LOG: expected record batches of version 2, found version ${magic}: the topic was written by clients older than Kafka 0.11`);
    const baseOffset = Number(bytes.readBigInt64BE(at));
    const attributes = bytes.readInt16BE(at + 21);
    batches.push({
      baseOffset,
      lastOffset: baseOffset + bytes.readInt32BE(at + 23),
      firstTime: Number(bytes.readBigInt64BE(at + 27)),
      maxTime: Number(bytes.readBigInt64BE(at + 35)),
      attributes,
      producerId: Number(bytes.readBigInt64BE(at + 43)),
      isTransactional: (attributes & transactionalBit) !== 0,
      isControl: (attributes & controlBit) !== 0,
      recordCount: bytes.readInt32BE(at + 57),
      body: bytes.subarray(at + batchHeaderBytes, end),
    });
    at = end;
  }
  return batches;
}

/** Whether a control batch ends a transaction by throwing it away (its one record's key: version, then type 0). */
export function isAbortMarker(batch: RawBatch): boolean {
  const cursor = { bytes: batch.body, at: 0 };
  readVarint(cursor);
  cursor.at++;
  readVarint(cursor);
  readVarint(cursor);
  const keyBytes = readVarint(cursor);
  return keyBytes >= 4 && batch.body.readInt16BE(cursor.at + 2) === 0;
}

/** Records whose offsets follow each other without gaps. */
export interface DecodedRun extends PackedRecords {
  readonly baseOffset: number;
}

export interface DecodedBatch {
  readonly runs: readonly DecodedRun[];
  readonly mark: AppendMark | undefined;
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/** Positions of the records' parts in the decompressed bytes. */
interface Layout {
  readonly count: number;
  readonly offsets: Int32Array;
  readonly timestamps: Float64Array;
  readonly keyAt: Int32Array;
  readonly keyBytes: Int32Array;
  readonly valueAt: Int32Array;
  readonly valueBytes: Int32Array;
  readonly headersAt: Int32Array;
}

/** The records of a batch in columns; more than one run only where compaction took records out of the middle. */
export async function decodeRecordBatch(batch: RawBatch): Promise<DecodedBatch> {
  const bytes = await decompress(batch.attributes & 7, batch.body);
  const layout = layOut(bytes, batch);
  if (layout.count === 0) return { runs: [], mark: undefined };
  const mark = markOf(bytes, layout.headersAt[layout.count - 1]);
  const runs: DecodedRun[] = [];
  for (let from = 0; from < layout.count; ) {
    let to = from + 1;
    while (to < layout.count && layout.offsets[to] === layout.offsets[to - 1] + 1) to++;
    runs.push({ baseOffset: batch.baseOffset + layout.offsets[from], ...columnsOf(bytes, layout, from, to, mark) });
    from = to;
  }
  return { runs, mark };
}

function layOut(bytes: Buffer, batch: RawBatch): Layout {
  const count = batch.recordCount;
  const layout: Layout = {
    count,
    offsets: new Int32Array(count),
    timestamps: new Float64Array(count),
    keyAt: new Int32Array(count),
    keyBytes: new Int32Array(count),
    valueAt: new Int32Array(count),
    valueBytes: new Int32Array(count),
    headersAt: new Int32Array(count),
  };
  // The broker's own clock, when the topic is set to use it.
  const isAppendTime = (batch.attributes & 8) !== 0;
  const cursor: Cursor = { bytes, at: 0 };
  for (let i = 0; i < count; i++) {
    const length = readVarint(cursor);
    const end = cursor.at + length;
    if (end > bytes.byteLength) throw new PlatformError('CORRUPT', `EVENT_LOG: expected ${count} records in the batch at offset ${batch.baseOffset}, found the end of its bytes in record ${i}`);
    cursor.at++;
    const timeDelta = readVarint(cursor);
    layout.timestamps[i] = isAppendTime ? batch.maxTime : batch.firstTime + timeDelta;
    layout.offsets[i] = readVarint(cursor);
    layout.keyBytes[i] = Math.max(0, readVarint(cursor));
    layout.keyAt[i] = cursor.at;
    cursor.at += layout.keyBytes[i];
    layout.valueBytes[i] = Math.max(0, readVarint(cursor));
    layout.valueAt[i] = cursor.at;
    cursor.at += layout.valueBytes[i];
    layout.headersAt[i] = cursor.at;
    cursor.at = end;
  }
  return layout;
}

function columnsOf(bytes: Buffer, layout: Layout, from: number, to: number, mark: AppendMark | undefined): PackedRecords {
  const count = to - from;
  const [keyOffsets, keys] = gather(bytes, layout.keyAt, layout.keyBytes, from, to);
  const [valueOffsets, values] = gather(bytes, layout.valueAt, layout.valueBytes, from, to);
  const headers = mark === undefined ? foreignHeaders(bytes, layout, from, to) : ownHeaders(bytes, layout, from, to, mark);
  return { count, keyOffsets, keys, valueOffsets, values, timestamps: layout.timestamps.slice(from, to), headers };
}

function gather(bytes: Buffer, starts: Int32Array, lengths: Int32Array, from: number, to: number): [Uint32Array, Uint8Array] {
  const offsets = new Uint32Array(to - from + 1);
  for (let i = from; i < to; i++) offsets[i - from + 1] = offsets[i - from] + lengths[i];
  const gathered = new Uint8Array(offsets[to - from]);
  for (let i = from; i < to; i++) {
    const length = lengths[i];
    const target = offsets[i - from];
    const start = starts[i];
    if (length > 64) gathered.set(bytes.subarray(start, start + length), target);
    else for (let k = 0; k < length; k++) gathered[target + k] = bytes[start + k];
  }
  return [offsets, gathered];
}

/** Headers that this client wrote: the same names in the same order in every record, texts the same in all. */
function ownHeaders(bytes: Buffer, layout: Layout, from: number, to: number, { numbers = [] }: AppendMark): HeaderColumn[] {
  const first = headersAt(bytes, layout.headersAt[from]).filter(({ name }) => name !== appendMarkName);
  const columns = first.map(({ name, value }) => ({ name, values: numbers.includes(name) ? new Float64Array(to - from) : value.toString() }));
  if (columns.every(({ values }) => typeof values === 'string')) return columns;
  const cursor: Cursor = { bytes, at: 0 };
  for (let i = from; i < to; i++) {
    cursor.at = layout.headersAt[i];
    readVarint(cursor);
    for (const { values } of columns) {
      const nameBytes = readVarint(cursor);
      cursor.at += nameBytes;
      const length = readVarint(cursor);
      if (typeof values !== 'string') values[i - from] = readNumber(bytes, cursor.at, length);
      cursor.at += length;
    }
  }
  return columns;
}

/**
 * Headers of another producer, as far as they fit columns: a header that every record has once, either with the same text everywhere or
 * with a number in each; others are left out.
 */
function foreignHeaders(bytes: Buffer, layout: Layout, from: number, to: number): HeaderColumn[] {
  const columns = new Map<string, string[]>();
  for (let i = from; i < to; i++) {
    for (const { name, value } of headersAt(bytes, layout.headersAt[i])) {
      const texts = columns.get(name) ?? [];
      texts.push(value.toString());
      columns.set(name, texts);
    }
  }
  const headers: HeaderColumn[] = [];
  for (const [name, texts] of columns) {
    if (texts.length !== to - from) continue;
    if (texts.every((text) => text === texts[0])) headers.push({ name, values: texts[0] });
    else if (texts.every((text) => text !== '' && String(Number(text)) === text)) headers.push({ name, values: Float64Array.from(texts, Number) });
  }
  return headers;
}

function markOf(bytes: Buffer, at: number): AppendMark | undefined {
  const header = headersAt(bytes, at).find(({ name }) => name === appendMarkName);
  return header === undefined ? undefined : readAppendMark(header.value);
}

function headersAt(bytes: Buffer, at: number): { readonly name: string; readonly value: Buffer }[] {
  const cursor: Cursor = { bytes, at };
  const take = (): Buffer => {
    const length = Math.max(0, readVarint(cursor));
    cursor.at += length;
    return bytes.subarray(cursor.at - length, cursor.at);
  };
  return Array.from({ length: readVarint(cursor) }, () => ({ name: take().toString(), value: take() }));
}

function readNumber(bytes: Buffer, at: number, length: number): number {
  // 15 digits are exact when added up; longer texts and others go the general way.
  if (length === 0 || length > 15) return Number(bytes.toString('latin1', at, at + length));
  let value = 0;
  for (let i = at; i < at + length; i++) {
    const digit = bytes[i] - 48;
    if (digit < 0 || digit > 9) return Number(bytes.toString('latin1', at, at + length));
    value = value * 10 + digit;
  }
  return value;
}

/** Zigzag varint of up to 53 bits. */
function readVarint(cursor: Cursor): number {
  const { bytes } = cursor;
  let byte = bytes[cursor.at++];
  let value = byte & 127;
  for (let scale = 128; byte > 127; scale *= 128) {
    byte = bytes[cursor.at++];
    value += (byte & 127) * scale;
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
