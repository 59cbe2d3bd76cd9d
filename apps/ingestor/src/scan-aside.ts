import { Worker } from 'node:worker_threads';
import { PlatformError, type Outcome, type PlatformErrorCode } from '#tideline/platform';
import { ReplayRefused } from './replay-refused.ts';
import type { ScannedChunk, ScanRequest } from './scan-chunks.ts';

export interface ScanWorkerData {
  readonly path: string;
  readonly request: ScanRequest;
}

/** What the scanning thread says. */
export type ScanMessage =
  | { readonly kind: 'chunk'; readonly scanned: ScannedChunk }
  | { readonly kind: 'end' }
  | { readonly kind: 'refused'; readonly reason: ReplayRefused['reason']; readonly message: string }
  | { readonly kind: 'platform-error'; readonly code: PlatformErrorCode; readonly message: string; readonly outcome: Outcome; readonly retriable: boolean }
  | { readonly kind: 'error'; readonly message: string };

/** Chunks that may be ready or on their way while another is being committed: more would only hold memory. */
const CHUNKS_AHEAD = 2;

/** `scanChunks` on a thread of its own, so that scanning goes on while this thread packs and commits. Same chunks, same errors. */
export async function* scanChunksAside(path: string, request: ScanRequest): AsyncIterable<ScannedChunk> {
  const script = new URL(import.meta.url.endsWith('.ts') ? './scan-worker.ts' : './scan-worker.js', import.meta.url);
  const workerData: ScanWorkerData = { path, request };
  const worker = new Worker(script, { workerData, resourceLimits: { maxYoungGenerationSizeMb: 8 } });
  const messages: ScanMessage[] = [];
  let wake: (() => void) | undefined;
  const take = (message: ScanMessage): void => {
    messages.push(message);
    wake?.();
  };
  worker.on('message', take);
  worker.on('error', (error) => take({ kind: 'error', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }));
  worker.on('exit', (code) => take({ kind: 'error', message: `the scanning thread ended with code ${code}` }));
  worker.postMessage(CHUNKS_AHEAD);
  try {
    for (;;) {
      const message = messages.shift();
      if (message === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else if (message.kind === 'end') return;
      else if (message.kind !== 'chunk') throw asError(message);
      else {
        worker.postMessage(1);
        yield message.scanned;
      }
    }
  } finally {
    await worker.terminate();
  }
}

function asError(message: Exclude<ScanMessage, { kind: 'chunk' | 'end' }>): Error {
  if (message.kind === 'platform-error') {
    const { code, outcome, retriable } = message;
    return new PlatformError(code, message.message, { outcome, retriable });
  }
  return message.kind === 'refused' ? new ReplayRefused(message.reason, message.message) : new Error(message.message);
}
