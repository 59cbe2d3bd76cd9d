import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { alibabaLog, requestedBytes, root, scratch, tideline } from './inputs.ts';
import { report } from './report.ts';

// The whole command, as a user runs it: file to embedded event log, one durable transaction for each 5,000 rows.
interface Summary {
  readonly accepted: number;
  readonly bytes: number;
  readonly seconds: number;
}

function replay(bytes: number): { summary: Summary; peakMemoryMb: number } {
  const folder = join(scratch, 'replay');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  symlinkSync(join(root, 'sources'), join(folder, 'sources'));
  const { answer, peakMemoryMb } = tideline(folder, ['replay', alibabaLog(bytes), '--source', 'alibaba']);
  return { summary: answer as Summary, peakMemoryMb };
}

const small = replay(requestedBytes / 10);
const large = replay(requestedBytes);
process.stderr.write(`${large.summary.accepted} rows accepted\n`);
report([
  { name: 'replay into the embedded log, durable per chunk', value: large.summary.bytes / 1e6 / large.summary.seconds, unit: 'MB/s', floor: 100, aim: 200 },
  { name: `replay, peak resident memory at ${requestedBytes / 1e6} MB`, value: large.peakMemoryMb, unit: 'MB', floor: 300, aim: 250, lowerIsBetter: true },
  { name: `replay, peak resident memory at ${requestedBytes / 1e7} MB`, value: small.peakMemoryMb, unit: 'MB' },
]);
