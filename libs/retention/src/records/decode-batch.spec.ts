import { expect, test } from 'vitest';
import { generate } from '../synthetic/generate.ts';
import { decodeBatch, UnreadableRecord, type PlacedValues } from './decode-batch.ts';
import { USER_BEHAVIOR } from './fixtures.ts';
import { LogScanner } from './log-scanner.ts';
import { RecordCodec } from './record-codec.ts';

const codec = new RecordCodec(USER_BEHAVIOR, 7);
const scanner = new LogScanner(USER_BEHAVIOR, { chunkRows: 5, byteOffset: 0, skipHeader: false });
const [chunk] = [...generate('user-behavior', { seed: 1, rows: 5 })].flatMap((bytes) => scanner.push(bytes));
const place = { topic: 'raw.user-behavior', partition: 2, baseOffset: 100 };

/** The batch with one record's bytes replaced. */
function withRecord(row: number, change: (bytes: Buffer) => Buffer): PlacedValues {
  const packed = codec.encode(chunk!.batch);
  const parts = Array.from({ length: packed.count }, (_, i) => {
    const bytes = Buffer.from(packed.values.subarray(packed.valueOffsets[i], packed.valueOffsets[i + 1]));
    return i === row ? change(bytes) : bytes;
  });
  const valueOffsets = Uint32Array.from([0, ...parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, part) => sum + part.length, 0))]);
  return { ...place, count: packed.count, valueOffsets, values: Buffer.concat(parts) };
}

function refused(batch: PlacedValues): UnreadableRecord {
  try {
    decodeBatch(codec, batch);
  } catch (error) {
    if (error instanceof UnreadableRecord) return error;
    throw error;
  }
  throw new Error('expected a refusal, found columns');
}

test('a batch of our own is read as the codec reads it', () => {
  const batch = withRecord(-1, (bytes) => bytes);
  expect(decodeBatch(codec, batch)).toEqual(codec.decode(batch));
});

test('a record under a foreign schema id is named with its place, both ids and what to do', () => {
  const error = refused(withRecord(3, (bytes) => Buffer.concat([Buffer.from([0, 0, 0, 1, 44]), bytes.subarray(5)])));
  expect(error).toMatchObject({ topic: place.topic, partition: 2, offset: 103, schemaId: 300, code: 'UNREADABLE_RECORD', retriable: false, outcome: 'not-applied' });
  expect(error.message).toContain('raw.user-behavior partition 2 offset 103: expected schema id 7, found 300');
  expect(error.message).toContain('If the schema registry was emptied or replaced');
});

test('bytes that are no Avro, and Avro cut short or with bytes left over, are named too', () => {
  expect(refused(withRecord(0, () => Buffer.from('hello'))).message).toContain('offset 100: expected Avro in the Confluent wire format, found 5 bytes that begin with 68656c6c6f');
  expect(refused(withRecord(1, () => Buffer.alloc(0)))).toMatchObject({ offset: 101, schemaId: undefined });
  expect(refused(withRecord(4, (bytes) => bytes.subarray(0, bytes.length - 1))).message).toContain('offset 104: expected a record of schema id 7');
  expect(refused(withRecord(2, (bytes) => Buffer.concat([bytes, Buffer.of(0)])))).toMatchObject({ offset: 102, schemaId: 7 });
});
