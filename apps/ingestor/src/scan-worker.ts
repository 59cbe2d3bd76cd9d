// A thread that scans a file ahead of the thread that commits, at most as many chunks as it was granted.
import { strict as assert } from 'node:assert';
import { parentPort, workerData } from 'node:worker_threads';
import { isPlatformError, openLogFile } from '#tideline/platform';
import { ReplayRefused } from './replay-refused.ts';
import type { ScanWorkerData, ScanMessage } from './scan-aside.ts';
import { scanChunks, type ScannedChunk } from './scan-chunks.ts';

assert(parentPort !== null, 'this runs as a worker');
const port = parentPort;
const { path, request } = workerData as ScanWorkerData;
let granted = 0;
let wake: (() => void) | undefined;
port.on('message', (chunks: number) => {
  granted += chunks;
  wake?.();
});

try {
  const file = await openLogFile(path);
  for await (const scanned of scanChunks(file, request)) {
    while (granted === 0) await new Promise<void>((resolve) => (wake = resolve));
    granted--;
    port.postMessage({ kind: 'chunk', scanned } satisfies ScanMessage, buffersOf(scanned));
  }
  await file.close();
  port.postMessage({ kind: 'end' } satisfies ScanMessage);
} catch (error) {
  port.postMessage(describe(error));
}
port.close();

/** Buffers that may change hands: those that a column fills alone. */
function buffersOf({ chunk }: ScannedChunk): ArrayBuffer[] {
  const views = [chunk.byteOffsets, chunk.originals?.bytes, chunk.originals?.offsets, ...chunk.batch.columns.flatMap(({ values, offsets, nulls }) => [values, offsets, nulls])];
  const buffers = new Set<ArrayBuffer>();
  for (const view of views) {
    if (view !== undefined && view.buffer instanceof ArrayBuffer && view.byteLength === view.buffer.byteLength) buffers.add(view.buffer);
  }
  return [...buffers];
}

/** Classes of errors do not survive the way between threads, so what they say travels as plain data. */
function describe(error: unknown): ScanMessage {
  if (isPlatformError(error)) {
    const { code, message, outcome, retriable } = error;
    return { kind: 'platform-error', code, message, outcome, retriable };
  }
  if (error instanceof ReplayRefused) return { kind: 'refused', reason: error.reason, message: error.message };
  return { kind: 'error', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
