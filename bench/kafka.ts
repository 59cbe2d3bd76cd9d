import { join } from 'node:path';
import { compressFrame } from 'lz4-napi';
import kafkajs, { type CompressionTypes as Compression } from 'kafkajs';
import { openEventLog, type EventLog, type RecordBatch } from '#tideline/platform';
import { freshWorkplace } from './fresh-workplace.ts';
import { requestedBytes, root, tideline } from './inputs.ts';
import { serverSettings } from './real-servers.ts';
import { report, secondsOf } from './report.ts';

// A replay into Kafka, as a user runs it, against kafkajs's own producer with messages that lie ready: the same records, cut into the same
// transactions, on the same broker. Wants the addresses that `npm run services` prints in TIDELINE_SERVICES.
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
const address = serverSettings('bench').EVENT_LOG;
const kafka = address.replace('kafka://', '');
const rowsPerTransaction = 5000;
process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
CompressionCodecs[CompressionTypes.LZ4] = () => ({ compress: ({ buffer }: { buffer: Buffer }) => compressFrame(buffer), decompress: async (bytes: Buffer) => bytes });

async function readBack(log: EventLog, topic: string): Promise<RecordBatch[][]> {
  const described = (await log.describeTopics()).find((each) => each.topic === topic)!;
  return Promise.all(
    described.partitions.map(async ({ partition }) => {
      const all: RecordBatch[] = [];
      for (let offset = 0; ; ) {
        const batches = await log.read(topic, partition, offset);
        if (batches.length === 0) return all;
        all.push(...batches);
        offset = batches[batches.length - 1].baseOffset + batches[batches.length - 1].count;
      }
    }),
  );
}

type Messages = { partition: number; key: Buffer; value: Buffer; timestamp: string; headers: Record<string, string> }[];

/** The records as kafkajs takes them, in transactions of the same size. */
function readyMessages(partitions: readonly (readonly RecordBatch[])[]): Messages[] {
  const transactions: Messages[] = [];
  const count = Math.max(...partitions.map(({ length }) => length));
  for (let b = 0; b < count; b++) {
    const messages: Messages = [];
    partitions.forEach((batches, partition) => {
      const batch = batches[b];
      if (batch === undefined) return;
      const values = Buffer.from(batch.values.buffer, batch.values.byteOffset, batch.values.byteLength);
      const keys = Buffer.from(batch.keys.buffer, batch.keys.byteOffset, batch.keys.byteLength);
      for (let i = 0; i < batch.count; i++) {
        const headers = Object.fromEntries(batch.headers.map(({ name, values: column }) => [name, typeof column === 'string' ? column : String(column[i])]));
        messages.push({
          partition, key: keys.subarray(batch.keyOffsets[i], batch.keyOffsets[i + 1]), value: values.subarray(batch.valueOffsets[i], batch.valueOffsets[i + 1]),
          timestamp: String(batch.timestamps[i]), headers,
        });
      }
    });
    transactions.push(messages);
  }
  return transactions;
}

async function produceByKafkajs(topic: string, transactions: readonly Messages[], compression: Compression): Promise<number> {
  const client = new Kafka({ brokers: kafka!.split(','), logLevel: logLevel.NOTHING, retry: { retries: 30, initialRetryTime: 10, maxRetryTime: 2000 } });
  const producer = client.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  const seconds = await secondsOf(async () => {
    for (const messages of transactions) {
      const transaction = await producer.transaction();
      await transaction.sendBatch({ topicMessages: [{ topic, messages }], compression });
      await transaction.sendOffsets({ consumerGroupId: topic, topics: [{ topic, partitions: [{ partition: 0, offset: '1' }] }] });
      await transaction.commit();
    }
  });
  await producer.disconnect();
  return seconds;
}

const figures = [];
for (const [source, share] of [['user-behavior', 1 / 20], ['alibaba', 1 / 5]] as const) {
  const { folder, name } = freshWorkplace(source);
  const file = join(folder, 'log.txt');
  tideline(root, ['generate', source, '--out', file, '--bytes', String(Math.round(requestedBytes * share)), '--seed', '7']);
  const { answer, peakMemoryMb } = tideline(folder, ['replay', file, '--source', name], { EVENT_LOG: address });
  const { accepted, seconds } = answer as { accepted: number; seconds: number };
  const log = await openEventLog(address, { app: 'bench' });
  let records: RecordBatch[][] = [];
  const readSeconds = await secondsOf(async () => void (records = await readBack(log, `raw.${name}`)));
  const messages = readyMessages(records);
  const topic = `kafkajs.${name}`;
  await log.ensureTopics({ [topic]: { partitions: records.length } });
  await log.close();
  let best = 0;
  for (const compression of [CompressionTypes.None, CompressionTypes.GZIP, CompressionTypes.LZ4]) {
    best = Math.max(best, accepted / (await produceByKafkajs(topic, messages, compression)));
  }
  const own = accepted / seconds;
  figures.push(
    { name: `${source}: replay into Kafka, ${rowsPerTransaction} rows a transaction`, value: own, unit: 'rows/s' },
    { name: `${source}: kafkajs with ready messages, the best of three compressions`, value: best, unit: 'rows/s' },
    { name: `${source}: replay into Kafka against kafkajs`, value: own / best, unit: 'times', floor: 0.8, aim: 2 },
    { name: `${source}: reading it back, batches of columns`, value: accepted / readSeconds, unit: 'rows/s' },
    { name: `${source}: replay into Kafka, peak resident memory`, value: peakMemoryMb, unit: 'MB', floor: 350, aim: 300, lowerIsBetter: true },
  );
}
report(figures);
