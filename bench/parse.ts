import { openLogFile } from '#tideline/platform';
import { LogScanner } from '#tideline/retention';
import { alibabaLog, peakMemoryMb, requestedBytes } from './inputs.ts';
import { report, secondsOf } from './report.ts';
import { source } from './sources.ts';

// Parsing alone: bytes from the page cache to typed-array chunks of 5,000 rows, one thread, nothing kept.
const alibaba = await source('alibaba');
const log = alibabaLog(requestedBytes);
let rows = 0;
let items = 0;
let bytes = 0;

async function pass(): Promise<void> {
  const file = await openLogFile(log);
  const scanner = new LogScanner(alibaba, { chunkRows: 5000, byteOffset: 0, skipHeader: false });
  for await (const piece of file.read(0)) {
    bytes += piece.byteLength;
    for (const chunk of scanner.push(piece)) count(chunk);
  }
  const last = scanner.end();
  if (last !== undefined) count(last);
  await file.close();
}

function count(chunk: NonNullable<ReturnType<LogScanner['end']>>): void {
  rows += chunk.batch.rowCount;
  items += chunk.batch.columns[chunk.batch.names.indexOf('item_price')]!.values.length;
}

const seconds = await secondsOf(pass);
process.stderr.write(`${rows} rows, ${items} items\n`);
report([
  { name: 'parse the Alibaba format, one thread', value: bytes / 1e6 / seconds, unit: 'MB/s', floor: 150, aim: 300 },
  { name: 'parse, peak resident memory', value: peakMemoryMb(), unit: 'MB', floor: 300, lowerIsBetter: true },
]);
