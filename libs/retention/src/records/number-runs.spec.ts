// The quick paths of lists take only what the exact readers read the same: dense random tokens around their borders (digits before and behind
// the point, ranges, pads, the end of the line) against the naive twin.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { column, decimal, list, sourceOf } from './fixtures.ts';
import { LogScanner } from './log-scanner.ts';
import { naiveScan } from './naive-scan.ts';

const lists = [
  { name: 'counts', type: list({ name: 'int' }), range: [0, 2_000_000] as const },
  { name: 'small', type: list({ name: 'int' }), range: [0, 7] as const },
  { name: 'rates', type: list(decimal(7, 6)), range: [0, 1] as const },
  { name: 'long_rates', type: list(decimal(9, 7)) },
  { name: 'short_rates', type: list(decimal(8, 5)) },
  { name: 'prices', type: list(decimal(9, 2)) },
  { name: 'tight', type: list(decimal(5, 4)), range: [0, 3] as const },
  { name: 'tenths', type: list(decimal(3, 1)) },
];

const digits = (minLength: number, maxLength: number): fc.Arbitrary<string> => fc.array(fc.constantFrom(...'0012579'), { minLength, maxLength }).map((parts) => parts.join(''));
const number = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('0', '0.0', '1', '7', '8') },
  { weight: 6, arbitrary: fc.tuple(digits(1, 4), digits(1, 7)).map(([whole, fraction]) => `${whole}.${fraction}`) },
  { weight: 4, arbitrary: digits(1, 8) },
);
const odd = fc.constantFrom('', '.', '5.', '.5', '-1', '1e1', '0.00000000', '123456789', '1234567890', '0:', '9/', '1.2.3', '00', '0.12x');

for (const padded of [false, true]) {
  it(`oracle: lists of every shape are read as the naive twin reads them (${padded ? 'padded' : 'of any length'})`, () => {
    for (const { name, type, range } of lists) {
      const format = { separator: ';', listSeparator: ',', maxLineBytes: 4000, ...(padded && { lists: { length: 6, by: name, pad: '0' } }) };
      const source = sourceOf('runs', [column('first', { name: 'int' }), column(name, type, range === undefined ? {} : { range })], format);
      const token = fc.oneof({ weight: 60, arbitrary: number }, { weight: 1, arbitrary: odd });
      const line = fc.tuple(fc.array(token, padded ? { minLength: 6, maxLength: 6 } : { minLength: 1, maxLength: 9 }), fc.nat(6)).map(([tokens, items]) =>
        `1;${tokens.map((text, index) => (padded && index >= items ? '0' : text)).join(',')}`);
      fc.assert(fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 200 }), (lines, size) => {
        const log = Buffer.from(lines.join('\n'));
        const scanner = new LogScanner(source, { chunkRows: 100, byteOffset: 0, skipHeader: false });
        // Each push is a buffer of its own that ends with its bytes: a load too far would be out of bounds.
        for (let start = 0; start < log.length; start += size) expect(scanner.push(new Uint8Array(log.subarray(start, start + size)))).toEqual([]);
        const chunk = scanner.end()!;
        const expected = naiveScan(source, log);
        expect(chunk.rejections.map(({ byteOffset, reason }) => [byteOffset, reason])).toEqual(expected.flatMap(({ byteOffset, reason }) => (reason === undefined ? [] : [[byteOffset, reason]])));
        const { values, offsets } = chunk.batch.columns[1];
        const rows = Array.from({ length: chunk.batch.rowCount }, (_, row) => Array.from(values.slice(offsets![row], offsets![row + 1])));
        expect(rows).toEqual(expected.flatMap(({ row }) => (row === undefined ? [] : [row[name]])));
      }), { numRuns: 150 });
    }
  });
}
