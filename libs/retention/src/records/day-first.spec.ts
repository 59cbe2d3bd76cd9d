// Goal: D/M/YYYY is read as people write it, and days that a month does not have are refused. Method: every day of some years, and texts that are no dates.
import { describe, expect, it } from 'vitest';
import { timestampParser } from './timestamps.ts';

const parse = (text: string): number => {
  const bytes = Buffer.from(`,${text},9/9/2000`);
  return timestampParser('d/M/yyyy')(bytes, 1, 1 + text.length);
};

describe('timestamps written D/M/YYYY', () => {
  it('oracle: reads every day, with and without leading zeros', () => {
    for (const year of [1900, 1999, 2000, 2024, 2026]) {
      for (let ms = Date.UTC(year, 0, 1); ms < Date.UTC(year + 1, 0, 1); ms += 86_400_000) {
        const date = new Date(ms);
        const [day, month] = [date.getUTCDate(), date.getUTCMonth() + 1];
        expect(parse(`${day}/${month}/${year}`)).toBe(ms);
        expect(parse(`${String(day).padStart(2, '0')}/${String(month).padStart(2, '0')}/${year}`)).toBe(ms);
      }
    }
  });

  it.each(['31/02/2026', '29/2/2026', '29/2/1900', '31/4/2026', '32/1/2026', '0/1/2026', '1/0/2026', '1/13/2026', '1/1/26', '1/1/02026', '001/1/2026', '1/001/2026', '1-1-2026', '2026-01-01', '1/1', '1//2026', '/1/2026', '+1/1/2026', '1/1/2026 ', ''])('refuses %s', (text) => {
    expect(parse(text)).toBeNaN();
  });
});
