import { generate } from '#tideline/retention';
import { requestedBytes } from './inputs.ts';
import { report, secondsOf } from './report.ts';

let bytes = 0;
const target = Math.min(requestedBytes, 3e8);
const seconds = await secondsOf(() => {
  for (const block of generate('alibaba', { seed: 7, bytes: target })) bytes += block.byteLength;
});
report([{ name: 'synthetic Alibaba log, generating', value: bytes / 1e6 / seconds, unit: 'MB/s', floor: 100 }]);
