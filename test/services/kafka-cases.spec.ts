import { CompressionCodecs, CompressionTypes, Kafka, logLevel, type Producer } from 'kafkajs';
import { compressFrame } from 'lz4-napi';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openEventLog, packTexts, unpackTexts, type EventLog, type PackedRecords, type RecordBatch } from '#tideline/platform';
import { kafkaAddress, uniqueName } from './kafka-names.ts';
import { services } from './services.ts';

process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
// What kafkajs lacks to write; decompression is never asked of it here.
const codec = (compress: (bytes: Buffer) => Buffer | Promise<Buffer>) => () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => compress(buffer),
  decompress: async (bytes: Buffer) => bytes,
});
CompressionCodecs[CompressionTypes.ZSTD] = codec((bytes) => zstdCompressSync(bytes));
CompressionCodecs[CompressionTypes.LZ4] = codec((bytes) => compressFrame(bytes));
CompressionCodecs[CompressionTypes.Snappy] = codec(snappyLiterals);

const client = new Kafka({ brokers: services().kafka.split(','), logLevel: logLevel.NOTHING, retry: { retries: 30, initialRetryTime: 20 } });
let foreign: Producer;
let log: EventLog;
let topic: string;

beforeAll(async () => {
  foreign = client.producer();
  await foreign.connect();
});
afterAll(() => foreign.disconnect());
beforeEach(async () => {
  log = await openEventLog(kafkaAddress, { app: 'cases' });
  topic = uniqueName('cases');
  await log.ensureTopics({ [topic]: { partitions: 2 } });
});
afterEach(() => log.close());

const one = (value: string): PackedRecords => packTexts([{ key: 'k', value, timestampMs: 1_300_000_000_000 }]);

async function readAll(maxBytes = 1, partition = 0): Promise<RecordBatch[]> {
  const all: RecordBatch[] = [];
  for (let offset = 0; ; ) {
    const batches = await log.read(topic, partition, offset, { maxBytes });
    if (batches.length === 0) return all;
    all.push(...batches);
    offset = all[all.length - 1].baseOffset + all[all.length - 1].count;
  }
}

const valuesOf = (batches: readonly RecordBatch[]): string[] => batches.flatMap((batch) => unpackTexts(batch).map(({ value }) => value.slice(0, 20)));

async function transact(producer: Producer, values: readonly string[], end: 'commit' | 'abort'): Promise<void> {
  const transaction = await producer.transaction();
  for (const value of values) await transaction.send({ topic, messages: [{ partition: 0, value }] });
  await transaction[end]();
}

test('two transactions of one producer rolled back within one fetch are both left out', async () => {
  const producer = client.producer({ transactionalId: uniqueName('aborting'), maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  await transact(producer, ['a'], 'commit');
  await transact(producer, ['lost 1', 'lost 2'], 'abort');
  await foreign.send({ topic, messages: [{ partition: 0, value: 'between' }] });
  await transact(producer, ['lost 3'], 'abort');
  await transact(producer, ['b'], 'commit');
  await producer.disconnect();
  expect(valuesOf(await readAll(1e6))).toEqual(['a', 'between', 'b']);
  expect(valuesOf(await readAll(1))).toEqual(['a', 'between', 'b']);
});

test('a rolled back transaction larger than a fetch is left out, from wherever reading begins', async () => {
  const producer = client.producer({ transactionalId: uniqueName('aborting'), maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  await transact(producer, ['a'], 'commit');
  // A read of one byte fetches 64 KiB.
  await transact(producer, Array.from({ length: 8 }, (_, i) => `lost ${i}`.padEnd(50_000, '.')), 'abort');
  await transact(producer, ['b'], 'commit');
  await producer.disconnect();
  expect(valuesOf(await readAll(1))).toEqual(['a', 'b']);
  for (let offset = 1; offset < 12; offset++) expect(valuesOf(await log.read(topic, 0, offset, { maxBytes: 1 }))).toEqual(['b']);
  const { end } = await log.offsets(topic, 0);
  expect(await log.read(topic, 0, end)).toEqual([]);
});

test('a rollback that left only its mark does not hide the commits around it', async () => {
  const id = uniqueName('marks');
  const writer = await log.openWriter(id);
  await writer.commit({ appends: [{ topic, partition: 0, records: one('a') }] });
  // The partition is added to the transaction, but no record follows.
  const producer = client.producer({ transactionalId: id, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [{ partition: 0, value: 'x'.repeat(17 * 1024 * 1024) }] }).catch(() => undefined);
  await transaction.abort();
  await producer.disconnect();
  const next = await log.openWriter(id);
  await next.commit({ appends: [{ topic, partition: 0, records: one('b') }] });
  expect(valuesOf(await readAll(1))).toEqual(['a', 'b']);
  expect(valuesOf(await readAll(1e6))).toEqual(['a', 'b']);
});

test('a restart with the same identity rolls back what was left open, and readers go on at once', async () => {
  const id = uniqueName('restart');
  const dying = client.producer({ transactionalId: id, maxInFlightRequests: 1, idempotent: true });
  await dying.connect();
  const transaction = await dying.transaction();
  await transaction.send({ topic, messages: [{ partition: 0, value: 'half' }] });
  await dying.disconnect();
  expect(await log.read(topic, 0, 0, { maxWaitMs: 50 })).toEqual([]);
  const writer = await log.openWriter(id);
  await writer.commit({ appends: [{ topic, partition: 0, records: one('whole') }], offsets: [{ group: id, topic, partition: 0, offset: 1 }] });
  expect(valuesOf(await readAll())).toEqual(['whole']);
  expect((await log.committed(id, topic, 0))?.offset).toBe(1);
});

test('a failed transaction leaves nothing, and the writer goes on', async () => {
  const writer = await log.openWriter(uniqueName('writer'));
  const compacted = uniqueName('compacted');
  await log.ensureTopics({ [compacted]: { partitions: 1, cleanup: 'compact' } });
  // A compacted topic refuses records without a key, after the other append was taken.
  const keyless = packTexts([{ key: '', value: 'v', timestampMs: 1 }]);
  const failing = { appends: [{ topic, partition: 0, records: one('never') }, { topic: compacted, partition: 0, records: keyless }] };
  for (let i = 0; i < 3; i++) {
    await expect(writer.commit(failing)).rejects.toMatchObject({ outcome: 'not-applied', retriable: false });
    await writer.commit({ appends: [{ topic, partition: 0, records: one(`kept ${i}`) }] });
  }
  expect(valuesOf(await readAll(1e6))).toEqual(['kept 0', 'kept 1', 'kept 2']);
});

test('batches of other producers are read whatever their compression', async () => {
  const all: [string, CompressionTypes][] = Object.entries(CompressionTypes).filter((entry): entry is [string, CompressionTypes] => typeof entry[1] === 'number');
  expect(all.length).toBe(5);
  for (const [name, compression] of all) {
    const messages = Array.from({ length: 300 }, (_, i) => ({
      partition: 0, key: `key ${i}`, value: `${name} ${i}`, timestamp: String(1_300_000_000_000 + i), headers: { source: 'elsewhere', number: String(i), odd: i % 2 === 0 ? 'even' : 'odd' },
    }));
    await foreign.send({ topic, compression, messages });
  }
  const batches = await readAll(1e6);
  expect(batches.map(({ count }) => count)).toEqual(all.map(() => 300));
  batches.forEach((batch, b) => {
    expect(unpackTexts(batch)).toEqual(Array.from({ length: 300 }, (_, i) => ({ key: `key ${i}`, value: `${all[b][0]} ${i}`, timestampMs: 1_300_000_000_000 + i })));
    expect(batch.headers).toEqual([{ name: 'source', values: 'elsewhere' }, { name: 'number', values: Float64Array.from({ length: 300 }, (_, i) => i) }]);
    expect(batch.appendedAtMs).toBe(1_300_000_000_299);
  });
});

test('other clients see plain keys, values, times and headers', async () => {
  const writer = await log.openWriter(uniqueName('writer'));
  const headers = [{ name: 'file', values: 'f' }, { name: 'offset', values: Float64Array.of(5, 17) }];
  const records = packTexts([{ key: 'k', value: 'v1', timestampMs: 1_300_000_000_000 }, { key: '', value: 'v2', timestampMs: 1_200_000_000_000 }], headers);
  await writer.commit({ appends: [{ topic, partition: 0, records }] });
  const consumer = client.consumer({ groupId: uniqueName('foreign') });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen: unknown[] = [];
  const done = Promise.withResolvers<void>();
  // Our batches are compressed, and kafkajs needs to be told how.
  CompressionCodecs[CompressionTypes.LZ4] = () => ({ compress: async ({ buffer }: { buffer: Buffer }) => buffer, decompress: async (bytes: Buffer) => (await import('lz4-napi')).decompressFrame(bytes) });
  await consumer.run({
    eachMessage: async ({ message }) => {
      const { file, offset } = message.headers ?? {};
      seen.push([message.key?.toString() ?? null, message.value?.toString(), message.timestamp, file?.toString(), offset?.toString()]);
      if (seen.length === 2) done.resolve();
    },
  });
  await done.promise;
  await consumer.disconnect();
  expect(seen).toEqual([['k', 'v1', '1300000000000', 'f', '5'], [null, 'v2', '1200000000000', 'f', '17']]);
});

test('an append larger than the topic takes at once comes back as one batch', async () => {
  const count = 9;
  const big = packTexts(
    Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: String(i).repeat(5_000_000), timestampMs: i })),
    [{ name: 'file', values: 'f' }, { name: 'offset', values: Float64Array.from({ length: count }, (_, i) => i * 7) }],
  );
  const writer = await log.openWriter(uniqueName('writer'));
  const [small, large, after] = await writer.commit({ appends: [one('small'), big, one('after')].map((records) => ({ topic, partition: 0, records })) });
  expect([small, large, after]).toEqual([0, 1, count + 1]);
  const batches = await readAll(1);
  expect(batches.map(({ count: found }) => found)).toEqual([1, count, 1]);
  expect(unpackTexts(batches[1])).toEqual(unpackTexts(big));
  expect(batches[1].headers).toEqual(big.headers);
  // From a record in a later piece, too: the whole append.
  for (const offset of [2, count, count - 1]) {
    const [batch] = await log.read(topic, 0, offset, { maxBytes: 1 });
    expect({ base: batch.baseOffset, count: batch.count }).toEqual({ base: 1, count });
  }
  const huge = packTexts([{ key: '', value: 'x'.repeat(17 * 1024 * 1024), timestampMs: 0 }]);
  await expect(writer.commit({ appends: [{ topic, partition: 0, records: huge }] })).rejects.toMatchObject({ code: 'TOO_LARGE', outcome: 'not-applied' });
});

test('a group shares partitions, hands them over only when let go, and takes them back', async () => {
  await log.ensureTopics({ [`${topic}-b`]: { partitions: 4 } });
  const group = uniqueName('group');
  const held = new Map<string, string>();
  const problems: string[] = [];
  const join = async (name: string): Promise<{ count(): number; leave(): Promise<void> }> => {
    const own = await openEventLog(kafkaAddress, { app: name });
    const member = await own.joinGroup(group, [topic, `${topic}-b`], {
      assigned: async (partitions) => {
        for (const at of partitions) {
          const key = `${at.topic}/${at.partition}`;
          if (held.has(key)) problems.push(`${name} got ${key} while ${held.get(key)} held it`);
          held.set(key, name);
        }
      },
      revoked: async (partitions) => {
        // Long enough that a hand-over that does not wait would be seen.
        await new Promise((resolve) => setTimeout(resolve, 300));
        for (const at of partitions) held.delete(`${at.topic}/${at.partition}`);
      },
    });
    return { count: () => [...held.values()].filter((holder) => holder === name).length, leave: async () => (await member.leave(), own.close()) };
  };
  const until = async (counts: () => number[], wanted: number[]): Promise<void> => {
    for (const deadline = Date.now() + 40_000; String(counts().sort()) !== String(wanted); ) {
      if (Date.now() > deadline) expect(counts().sort()).toEqual(wanted);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const first = await join('first');
  await until(() => [first.count()], [6]);
  const second = await join('second');
  await until(() => [first.count(), second.count()], [3, 3]);
  const third = await join('third');
  await until(() => [first.count(), second.count(), third.count()], [2, 2, 2].sort());
  await first.leave();
  await until(() => [second.count(), third.count()], [3, 3]);
  await Promise.all([second.leave(), third.leave()]);
  expect(held.size).toBe(0);
  expect(problems).toEqual([]);
});

test('a topic with another number of partitions is refused with what to do', async () => {
  await expect(log.ensureTopics({ [topic]: { partitions: 3 } })).rejects.toMatchObject({ code: 'VERSION_MISMATCH', message: expect.stringMatching(/EVENT_LOG.*expected 3 partitions, found 2; set the partitions/) });
});

test('what cannot be reached or entered is said soon, with the setting and what to do', async () => {
  const server = services().kafka;
  const plain = { username: 'someone', password: 'hunter2' };
  const cases = [
    { address: 'kafka://127.0.0.1:1', code: 'UNAVAILABLE', says: /EVENT_LOG kafka:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*check host and port/ },
    { address: 'kafka://no-such-host.invalid:9092', code: 'UNAVAILABLE', says: /EVENT_LOG .*no-such-host.*check host/ },
    { address: `kafka://${server}?tls=true`, code: 'UNAVAILABLE', says: /EVENT_LOG .*tls=true needs a listener that speaks TLS/ },
    { address: `kafka://${server}?sasl=plain`, login: plain, code: 'PERMISSION', says: /EVENT_LOG .*login.*KAFKA_USERNAME/ },
    { address: `kafka://${server}?sasl=plain`, code: 'SETTING_INVALID', says: /KAFKA_USERNAME and KAFKA_PASSWORD/ },
    { address: `kafka://${server}?sasl=kerberos`, login: plain, code: 'ADDRESS_INVALID', says: /expected sasl to be one of/ },
  ];
  const before = performance.now();
  await Promise.all(cases.map(async ({ address, login, code, says }) => {
    const failure: unknown = await openEventLog(address, { app: 'lost', login }).then(() => undefined, (error: unknown) => error);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(says) });
    expect(String((failure as Error).message)).not.toContain('hunter2');
    expect(performance.now() - before).toBeLessThan(25_000);
  }));
});

/** Snappy without finding repetitions: valid, if not smaller. */
function snappyLiterals(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let rest = bytes.byteLength;
  const length: number[] = [];
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  parts.push(Buffer.from([...length, rest]));
  for (let at = 0; at < bytes.byteLength; at += 60) {
    const piece = bytes.subarray(at, at + 60);
    parts.push(Buffer.from([(piece.byteLength - 1) << 2]), piece);
  }
  return Buffer.concat(parts);
}
