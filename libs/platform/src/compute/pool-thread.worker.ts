/* A thread of `WorkerThreadsPool`: sleeps until a round begins, runs the export asked for, and wakes the caller when it is the last. */
import assert from 'node:assert';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { argumentsOffsetBytes, controlWords, type PoolMessage, type PoolThreadData } from './worker-threads-pool.ts';

const port = parentPort;
assert(port !== null, 'this file runs only as a thread');
const { thread, threadCount, control } = workerData as PoolThreadData;
const words = new Int32Array(control, 0, argumentsOffsetBytes / 4);
const values = new Float64Array(control, argumentsOffsetBytes);
const modules = new Map<number, { readonly instance: WebAssembly.Instance; readonly names: readonly string[] }>();

/** Messages about modules are read between rounds, never by the loop of this thread, which it does not return to. */
function readMessages(from: NonNullable<typeof port>): void {
  for (let received = receiveMessageOnPort(from); received !== undefined; received = receiveMessageOnPort(from)) {
    const message = received.message as PoolMessage;
    if (message.does === 'detach') {
      modules.delete(message.id);
    } else {
      const { id, module, memory } = message;
      modules.set(id, { instance: new WebAssembly.Instance(module, { env: { memory } }), names: WebAssembly.Module.exports(module).map(({ name }) => name) });
    }
  }
}

function runExport(): void {
  const attached = modules.get(words[controlWords.moduleId]!);
  assert(attached !== undefined, 'expected the module of a call to be attached');
  const run = attached.instance.exports[attached.names[words[controlWords.exportIndex]!]!] as (...args: number[]) => void;
  run(thread, threadCount, ...values.subarray(0, words[controlWords.argumentCount]!));
}

for (let round = 0; ; ) {
  Atomics.wait(words, controlWords.round, round);
  round = Atomics.load(words, controlWords.round);
  try {
    readMessages(port);
    runExport();
  } catch (error) {
    // The round never ends for the caller, who starts new threads.
    port.postMessage({ failure: error });
    continue;
  }
  if (Atomics.sub(words, controlWords.running, 1) === 1) {
    Atomics.store(words, controlWords.doneRound, round);
    Atomics.notify(words, controlWords.doneRound);
  }
}
