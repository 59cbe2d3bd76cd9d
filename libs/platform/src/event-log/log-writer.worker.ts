/* The thread behind `LogWriterThread`: owns the write connection to one app's file and carries out requests in order. */
import assert from 'node:assert';
import { parentPort } from 'node:worker_threads';
import { isPlatformError } from '../errors.ts';
import { AppLogWriterFile } from './app-log-file.ts';
import { viewShared, type WriterReply, type WriterRequest } from './log-writer-thread.ts';

const port = parentPort;
assert(port !== null, 'this file runs only as a thread');
let file: AppLogWriterFile | undefined;

function carryOut(request: WriterRequest): unknown {
  if (request.does === 'open') {
    file = new AppLogWriterFile(request.path, request.pageCountMax);
    return undefined;
  }
  assert(file !== undefined);
  switch (request.does) {
    case 'take-over':
      return file.takeOver(request.writerId);
    case 'commit':
      return file.commit(request.writerId, request.epoch, viewShared(request.buffer, request.appends), request.offsets, request.nowMs);
    case 'close':
      return file.close();
  }
}

port.on('message', ({ number, request }: { number: number; request: WriterRequest }) => {
  let reply: WriterReply;
  try {
    reply = { number, result: carryOut(request) };
  } catch (error) {
    const { code, outcome, retriable } = isPlatformError(error) ? error : { code: undefined, outcome: 'unknown' as const, retriable: false };
    reply = { number, failure: { code, message: error instanceof Error ? error.message : String(error), outcome, retriable } };
  }
  port.postMessage(reply);
});
