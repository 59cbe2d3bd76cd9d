import fc from 'fast-check';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { packTexts, unpackTexts } from '../text-records.ts';
import { compress, compressionTypes, decompress, type Compression } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { committedOf } from './partition-reader.ts';
import { decodeRecordBatch, splitRecordBatches, type RawBatch } from './record-batch-decoder.ts';
import { cutPieces, frameBatch, packRecords } from './record-batch-encoder.ts';

const require = createRequire(import.meta.url);

interface KafkajsRecord { readonly key: Buffer | null; readonly value: Buffer; readonly timestamp: string; readonly offset: string; readonly headers: Record<string, Buffer> }

/** kafkajs's own decoder: written by others from the same specification. */
const decodeByKafkajs = require('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (decoder: unknown) => Promise<{ records: KafkajsRecord[] }>;
const Decoder = require('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => unknown;

const record = fc.record({
  key: fc.string({ unit: 'grapheme', maxLength: 9 }),
  value: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.nat(300).map((length) => 'x'.repeat(length))),
  timestampMs: fc.integer({ min: 0, max: 4e12 }),
});
const number = fc.oneof(fc.nat(), fc.maxSafeInteger(), fc.double({ noNaN: false }), fc.constantFrom(-0, 0.1, 1e21, -7, NaN, Infinity));

test('differential: kafkajs reads the same records, and our own decoder every column', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(record, number), { minLength: 1, maxLength: 30 }),
      fc.constantFrom<Compression>('none', 'gzip', 'lz4', 'zstd'),
      async (rows, compression) => {
        const headers = [{ name: 'fïle', values: 'ä-1' }, { name: 'n', values: Float64Array.from(rows, ([, n]) => n) }];
        const records = packTexts(rows.map(([each]) => each), headers);
        const packed = packRecords(records, { from: 0, to: records.count }, { at: 7, numbers: ['n'] });
        const frame = { count: records.count, firstTime: records.timestamps[0], maxTime: Math.max(...records.timestamps), producerId: 5, producerEpoch: 2, firstSequence: 9 };
        const plain = frameBatch(packed, { ...frame, compression: 'none' });
        const { records: theirs } = await decodeByKafkajs(new Decoder(plain));
        expect(theirs.map(({ key, value, timestamp }) => ({ key: key?.toString() ?? '', value: value.toString(), timestampMs: Number(timestamp) }))).toEqual(rows.map(([each]) => each));
        expect(theirs.map(({ headers: found }) => [found['fïle'].toString(), found['n'].toString()])).toEqual(rows.map(([, n]) => ['ä-1', Object.is(n, -0) ? '-0' : String(n)]));

        const bytes = frameBatch(await compress(compression, packed), { ...frame, compression });
        // Two batches and the beginning of a third, as a fetch may cut them.
        const [raw, second, ...rest] = splitRecordBatches(Buffer.concat([bytes, bytes, bytes.subarray(0, bytes.byteLength - 1)]));
        expect(rest).toEqual([]);
        expect(second.body).toEqual(raw.body);
        const { runs, mark } = await decodeRecordBatch(raw);
        expect(mark).toEqual({ at: 7, numbers: ['n'] });
        expect(runs).toHaveLength(1);
        expect(unpackTexts(runs[0])).toEqual(rows.map(([each]) => each));
        expect(runs[0].headers).toEqual(headers);
      },
    ),
    { numRuns: 150 },
  );
});

test('oracle: pieces follow each other, keep to the limit and cover the append', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), fc.integer({ min: 40, max: 2000 }), (rows, limit) => {
      const records = packTexts(rows, [{ name: 'n', values: new Float64Array(rows.length) }]);
      const pieces = cutPieces(records, limit);
      if (pieces === undefined) {
        expect(rows.some(({ key, value }) => Buffer.byteLength(key + value) + 90 > limit)).toBe(true);
        return;
      }
      expect(pieces[0].from).toBe(0);
      expect(pieces.at(-1)!.to).toBe(rows.length);
      pieces.forEach(({ from, to }, i) => {
        expect(to).toBeGreaterThan(from);
        if (i > 0) expect(from).toBe(pieces[i - 1].to);
        const mark = { at: 1 };
        expect(packRecords(records, { from, to }, mark).byteLength).toBeLessThanOrEqual(limit + 40);
      });
    }),
  );
});

test('CRC-32C has its published values', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test('snappy: copies near and far, as its description writes them', async () => {
  // "abcd", then a copy of 8 bytes from 4 back (overlapping), then a copy of 4 bytes from 12 back with a two-byte offset.
  const block = Buffer.from([16, 3 << 2, 97, 98, 99, 100, ((8 - 4) << 2) | 1, 4, ((4 - 1) << 2) | 2, 12, 0]);
  expect((await decompress(compressionTypes.snappy, block)).toString()).toBe('abcdabcdabcdabcd');
  const framed = Buffer.concat([Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]), Buffer.from([0, 0, 0, block.byteLength]), block, Buffer.from([0, 0, 0, block.byteLength]), block]);
  expect((await decompress(compressionTypes.snappy, framed)).toString()).toBe('abcd'.repeat(8));
  await expect(decompress(compressionTypes.snappy, Buffer.from([4, (4 << 2) | 1, 9]))).rejects.toMatchObject({ code: 'CORRUPT' });
});

test('oracle: committed batches are those that no rolled back transaction covers', () => {
  // A log of transactions, each a few batches and a mark, interleaved over producers; what is committed is known by construction.
  const step = fc.record({ producerId: fc.integer({ min: 1, max: 3 }), batches: fc.nat(3), isAbort: fc.boolean(), isPlain: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), fc.nat(40), fc.integer({ min: 1, max: 40 }), (steps, from, length) => {
      const log: RawBatch[] = [];
      const fates: boolean[] = [];
      const aborted: { producerId: number; firstOffset: number; lastOffset: number }[] = [];
      const raw = (offset: number, producerId: number, kind: 'data' | 'plain' | 'commit' | 'abort'): RawBatch => ({
        baseOffset: offset, lastOffset: offset, maxTime: 0, firstTime: 0, attributes: 0, producerId, recordCount: 1, isTransactional: kind !== 'plain', isControl: kind === 'commit' || kind === 'abort',
        body: Buffer.from([20, 0, 0, 0, 8, 0, 0, 0, kind === 'abort' ? 0 : 1, 0, 0]),
      });
      for (const { producerId, batches, isAbort, isPlain } of steps) {
        const first = log.length;
        for (let b = 0; b < batches; b++) {
          log.push(raw(log.length, producerId, 'data'));
          fates.push(!isAbort);
          if (isPlain) {
            log.push(raw(log.length, 9, 'plain'));
            fates.push(true);
          }
        }
        if (isAbort && batches > 0) aborted.push({ producerId, firstOffset: first, lastOffset: log.length });
        log.push(raw(log.length, producerId, isAbort ? 'abort' : 'commit'));
        fates.push(false);
      }
      // Any stretch of the log, with the rolled back transactions that reach into it, as a broker gives them.
      const stretch = log.slice(from, from + length);
      const told = aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < from + length);
      expect(committedOf(stretch, told).map(({ baseOffset }) => baseOffset)).toEqual(stretch.map(({ baseOffset }) => baseOffset).filter((offset) => fates[offset]));
    }),
    { numRuns: 500 },
  );
});
