/*
 * A worker of its own process for the tests: joins a group, copies each input record to the output partition of the same number, exactly
 * once. Told to, it stops itself (SIGSTOP) in the middle of a transaction: records sent, offsets not.
 */
import { openEventLog, openObjectStore, type RecordBatch } from '#tideline/platform';
import { runGroup } from '#tideline/streaming';
import { KafkaNode, type KafkaCall } from '../../libs/platform/src/event-log/kafka/kafka-node.ts';

const task = JSON.parse(process.argv[2]) as { address: string; group: string; input: string; output: string; store: string; stallAfter?: number };

if (task.stallAfter !== undefined) {
  let commits = 0;
  const send = KafkaNode.prototype.send;
  KafkaNode.prototype.send = async function <T>(this: KafkaNode, call: KafkaCall<T>): Promise<T> {
    if (call.name === 'AddOffsetsToTxn' && ++commits === task.stallAfter) {
      // Time for the records to be taken by the broker.
      await new Promise((resolve) => setTimeout(resolve, 500));
      process.stdout.write('stalled\n');
      process.kill(process.pid, 'SIGSTOP');
    }
    return send.call(this, call) as Promise<T>;
  };
}

const log = await openEventLog(task.address, { app: 'worker' });
const store = await openObjectStore(`file:${task.store}`, { login: undefined });
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
try {
  await runGroup({
    log,
    store,
    clock: { nowMs: Date.now, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) },
    group: task.group,
    topics: [task.input],
    open: ({ partition }) => ({
      processor: {
        version: '1',
        process: ({ count, keyOffsets, keys, valueOffsets, values, timestamps, headers }: RecordBatch) => ({
          appends: [{ topic: task.output, partition, records: { count, keyOffsets, keys, valueOffsets, values, timestamps, headers } }],
        }),
        snapshot: () => new Uint8Array(0),
        restore: () => undefined,
      },
      observer: { committed: ({ offset }) => void process.stdout.write(`${partition} ${offset}\n`) },
    }),
    limits: { transactionRecords: 20, idleMs: 100 },
    signal: stop.signal,
  });
} catch (error) {
  process.stdout.write(`failed ${(error as { code?: string }).code ?? ''} ${(error as Error).message}\n`);
  process.exitCode = 3;
}
await log.close();
process.exit();
