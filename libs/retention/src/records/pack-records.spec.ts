// Keys, partitions and identities of records; partitions against the values that Kafka's own tests give for its hash.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ColumnBatch } from './columns.ts';
import { ALIBABA, ONLINE_RETAIL, USER_BEHAVIOR } from './fixtures.ts';
import { writeInteger, writeScaled } from './integer-text.ts';
import { LogScanner } from './log-scanner.ts';
import type { Chunk } from './log-scanner.ts';
import { murmur2, partitionOf } from './murmur2.ts';
import { deadLetterRecords, packRecords } from './pack-records.ts';
import { RecordCodec } from './record-codec.ts';
import { generate } from '../synthetic/generate.ts';

const ORIGIN = { fileId: 'f1', loop: 2, createdAtMs: 1234 };

function hash(text: string): number {
  const bytes = Buffer.from(text);
  return murmur2(bytes, 0, bytes.length);
}

function scanned(source: typeof ALIBABA, rows: number): Chunk {
  const scanner = new LogScanner(source, { chunkRows: rows, byteOffset: 0, skipHeader: source.format.header });
  return [...generate(source.name, { seed: 4, rows })].flatMap((block) => scanner.push(block))[0];
}

function withSegment(batch: ColumnBatch): ColumnBatch {
  const texts = Array.from({ length: batch.rowCount }, (_, row) => Buffer.from(batch.columns.slice(0, 3).map(({ values }) => values[row]).join('-')));
  const offsets = new Int32Array(batch.rowCount + 1);
  texts.forEach((text, row) => (offsets[row + 1] = offsets[row] + text.length));
  const segment = { type: { name: 'string' as const }, values: new Uint8Array(Buffer.concat(texts)), offsets };
  return { ...batch, names: [...batch.names, 'segment'], columns: [...batch.columns, segment] };
}

describe('murmur2', () => {
  it('gives the values of Kafka (org.apache.kafka.common.utils.UtilsTest)', () => {
    expect(['21', 'foobar', 'a-little-bit-long-string', 'a-little-bit-longer-string', 'lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', 'abc'].map(hash)).toEqual([
      -973932308, -790332482, -985981536, -1486304829, -58897971, 479470107,
    ]);
  });

  it('hashes the range alone', () => {
    const bytes = Buffer.from('xxfoobaryy');
    expect(murmur2(bytes, 2, 8)).toBe(hash('foobar'));
    expect(partitionOf(bytes, 2, 8, 10)).toBe((-790332482 & 0x7fffffff) % 10);
  });
});

describe('writeScaled', () => {
  it('oracle: writes what the language writes', () => {
    const written = (write: (target: Uint8Array) => number): string => {
      const target = new Uint8Array(32);
      return Buffer.from(target.subarray(0, write(target))).toString();
    };
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -100, max: 100 })), fc.integer({ min: 1, max: 9 }), (value, scale) => {
        expect(written((target) => writeInteger(value, target, 0))).toBe(String(value));
        const digits = BigInt(Math.abs(value)).toString().padStart(scale + 1, '0');
        expect(written((target) => writeScaled(value, scale, target, 0))).toBe(`${value < 0 ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`);
      }),
    );
  });
});

describe('packRecords', () => {
  it('splits rows by the hash of the key, in order, and keeps every identity', () => {
    const chunk = scanned(USER_BEHAVIOR, 500);
    const codec = new RecordCodec(USER_BEHAVIOR, 1);
    const packed = packRecords(USER_BEHAVIOR, codec, chunk, ORIGIN);
    expect(packed.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    const seen: number[] = [];
    for (const { partition, records } of packed) {
      const { columns } = codec.decode(records);
      const offsets = records.headers[2].values as Float64Array;
      expect(records.headers.slice(0, 2)).toEqual([{ name: 'file', values: 'f1' }, { name: 'loop', values: '2' }]);
      expect([...offsets]).toEqual([...offsets].sort((a, b) => a - b));
      expect(records.timestamps).toEqual(columns[4].values);
      for (let index = 0; index < records.count; index++) {
        const key = Buffer.from(records.keys.slice(records.keyOffsets[index], records.keyOffsets[index + 1])).toString();
        const row = chunk.byteOffsets.indexOf(offsets[index]);
        expect(key).toBe(String(chunk.batch.columns[0].values[row]));
        expect(columns[1].values[index]).toBe(chunk.batch.columns[1].values[row]);
        expect((hash(key) & 0x7fffffff) % 4).toBe(partition);
        seen.push(row);
      }
    }
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, row) => row));
  });

  it('keys by a derived column, dates records without time, and leaves out rows that were not kept', () => {
    const chunk = scanned(ALIBABA, 20);
    const kept = Int32Array.from({ length: 10 }, (_, index) => index * 2);
    const codec = new RecordCodec(ALIBABA, 1);
    const all = codec.encode(chunk.batch);
    const batch = withSegment(codec.decode(codec.encode(chunk.batch, kept)));
    const [{ partition, records }] = packRecords(ALIBABA, codec, { batch, byteOffsets: chunk.byteOffsets, kept }, ORIGIN);
    expect(partition).toBe(0);
    expect(records.count).toBe(10);
    expect([...records.timestamps]).toEqual(Array(10).fill(1234));
    expect([...(records.headers[2].values as Float64Array)]).toEqual([...kept].map((row) => chunk.byteOffsets[row]));
    const first = chunk.batch.columns.slice(0, 3).map(({ values }) => values[2]).join('-');
    expect(Buffer.from(records.keys.slice(records.keyOffsets[1], records.keyOffsets[2])).toString()).toBe(first);
    expect(records.values.slice(0, records.valueOffsets[1])).toEqual(all.values.slice(0, all.valueOffsets[1]));
  });

  it('writes whole numbers as keys without the fraction that the file gave them', () => {
    const chunk = scanned(ONLINE_RETAIL, 60);
    const [{ records }] = packRecords(ONLINE_RETAIL, new RecordCodec(ONLINE_RETAIL, 1), chunk, ORIGIN);
    expect(Buffer.from(records.keys.slice(0, records.keyOffsets[1])).toString()).toMatch(/^1\d{4}$/);
  });
});

describe('deadLetterRecords', () => {
  it('keeps reason and original, in base64 when it is no text', () => {
    const rejections = [
      { byteOffset: 10, reason: 'field-count', detail: 'expected 5 fields, found 1', original: Buffer.from('né,"') },
      { byteOffset: 20, reason: 'invalid-utf8', detail: 'no', original: Buffer.from([0xff, 0x00]) },
    ];
    const records = deadLetterRecords(USER_BEHAVIOR, 'f1', rejections, { loop: 1, createdAtMs: 5 });
    const values = [0, 1].map((index) => JSON.parse(Buffer.from(records.values.subarray(records.valueOffsets[index], records.valueOffsets[index + 1])).toString()));
    expect(values[0]).toEqual({
      source: 'user-behavior', file: 'f1', byteOffset: 10, reason: 'field-count', detail: 'expected 5 fields, found 1', original: 'né,"', encoding: 'utf8',
    });
    expect(values[1]).toMatchObject({ original: '/wA=', encoding: 'base64' });
    expect(records).toMatchObject({ count: 2, timestamps: Float64Array.of(5, 5), keyOffsets: Uint32Array.of(0, 0, 0) });
    expect(records.headers[2]).toEqual({ name: 'offset', values: Float64Array.of(10, 20) });
  });
});
