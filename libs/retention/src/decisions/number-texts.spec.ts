import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NUMBER_BYTES, NumberTexts } from './number-texts.ts';

const some = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.integer({ min: 0, max: 60 }).map((seconds) => seconds / 60),
  fc.constantFrom(0, -0, 1e21, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), NaN, Infinity),
);

it('differential: NumberTexts writes what JSON.stringify writes, at first and again', () => {
  const texts = new NumberTexts();
  fc.assert(fc.property(fc.array(some, { maxLength: 40 }), (numbers) => {
    const buffer = Buffer.alloc(40 * NUMBER_BYTES * 2 + NUMBER_BYTES);
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    let end = 0;
    let expected = '';
    for (const value of [...numbers, ...numbers]) {
      end = texts.write(value, buffer, view, end);
      expected += JSON.stringify(value);
    }
    expect(buffer.toString('latin1', 0, end)).toBe(expected);
  }), { numRuns: 300 });
});

it('keeps apart numbers of one cell', () => {
  const texts = new NumberTexts();
  const buffer = Buffer.alloc(NUMBER_BYTES);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  // Far more numbers than cells.
  for (let i = 1; i <= 50_000; i++) {
    const value = i / 7;
    expect(buffer.toString('latin1', 0, texts.write(value, buffer, view, 0))).toBe(`${value}`);
  }
});
