import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSource } from '../sources/parse-source.ts';
import type { Source } from '../sources/source.ts';
import { FeatureFormulas, partialDivisors } from './finish-features.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');

function readSource(name: string): Source {
  const file = (part: string) => ({ path: part, text: readFileSync(`${ROOT}/sources/${name}/${part}.yaml`, 'utf8') });
  const { source } = parseSource({ schema: file('schema'), features: file('features'), models: file('models'), deployment: file('deployment') });
  return source ?? expect.fail(`expected ${name} to parse`);
}

const DAY = 86_400_000;

describe('FeatureFormulas', () => {
  it('computes the invoices\' features from finished aggregates, by hand', () => {
    const source = readSource('online-retail');
    const formulas = new FeatureFormulas(source);
    const asOf = Date.UTC(2011, 8, 9);
    const known: Record<string, number> = {
      last_purchase: asOf - 10 * DAY, first_purchase: asOf - 70 * DAY, orders: 4, spent: 200.5, purchase_lines: 20, products: 11, orders_30d: 1, orders_60d: 2, orders_90d: 4,
      spent_30d: 1.25, spent_60d: 100, spent_90d: 200.5, returns: 1, returned: -5.5, last_country: NaN,
    };
    const partials = Float64Array.from(source.features.aggregates, (aggregate) => known[aggregate.name] ?? NaN);
    const texts: (string | null)[] = source.features.aggregates.map((aggregate) => aggregate.name === 'last_country' ? 'United Kingdom' : null);
    const out = new Float64Array(18);
    formulas.finish(partials, texts, asOf, out);
    expect([...out]).toEqual([10, 4, 200.5, 70, 20, 11, 200.5 / 4, 20, 0.5, 1, 1.25, 2, 100, 4, 200.5, 1, 5.5, 1]);
    texts[14] = 'France';
    formulas.finish(partials, texts, asOf, out);
    expect(out[17]).toBe(0);
  });

  it('keeps null where a formula meets nothing', () => {
    const source = readSource('online-retail');
    const formulas = new FeatureFormulas(source);
    const partials = Float64Array.from(source.features.aggregates, ({ kind }) => kind === 'min' || kind === 'max' || kind === 'last' ? NaN : 0);
    const out = new Float64Array(18);
    formulas.finish(partials, partials.length === 0 ? [] : Array.from(partials, () => null), 0, out);
    expect(Object.fromEntries(formulas.names.map((name, k) => [name, out[k]]))).toMatchObject({ recency: NaN, freq: 0, aov: NaN, gap: NaN, ret_v: 0, uk: 0 });
  });

  it('divides partials by their scale', () => {
    expect([...partialDivisors(readSource('online-retail'))]).toEqual([1, 1, 1, 1000, 1, 1, 1, 1, 1, 1000, 1000, 1000, 1, 1000, 1]);
  });

  it('reads the record where a source has no time, by slots that repeat nothing', () => {
    const source = readSource('alibaba');
    const formulas = new FeatureFormulas(source);
    expect(formulas.record.map((slot) => slot.name)).toEqual(Array.from({ length: 9 }, (_, k) => `record_${k}`));
    const slots = Float64Array.of(-1, 0.5, 3, 12, 40, 0.1, 0.2, 30, 5, 80);
    const out = new Float64Array(12);
    formulas.finish(Float64Array.of(10, 2, 5, 400, 99.5), [], NaN, out, slots, 1);
    expect([...out]).toEqual([0.5, 3, 12, 40, 0.1, 0.2, 30, 5, 80, 0.2, 0.0125, 9.95]);
  });
});
