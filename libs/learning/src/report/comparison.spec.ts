// Goal: a comparison names the best model, and says so when the rows don't show it. Method: models whose order is known by construction; the
// paired intervals against naive twins from the definition; pages read back.
import { describe, expect, it } from 'vitest';
import { delongInterval } from '../metrics/delong.ts';
import { rmse } from '../metrics/regression.ts';
import { Random } from '../random.ts';
import { comparisonHtml, comparisonMarkdown } from './comparison-page.ts';
import { compareModels, type Bounds, type Comparison, type JudgedModel } from './comparison.ts';

const random = (): Random => new Random(4);
const judged = (name: string, metrics: Record<string, Bounds>, scores: Float64Array, isBaseline = false): JudgedModel =>
  ({ name, kind: 'any', isBaseline, metrics, scores, fitSeconds: 1.5, predictSeconds: 0.02, bytes: 12_345 });

/** Labels, and scores that are the label plus noise. */
function classifiers(rowCount: number, noises: Readonly<Record<string, number>>): { y: Float64Array; models: JudgedModel[] } {
  const source = new Random(1);
  const y = Float64Array.from({ length: rowCount }, () => source.int(2));
  const models = Object.entries(noises).map(([name, noise]) => {
    const scores = y.map((label) => label + noise * source.normal());
    return judged(name, { rocAuc: delongInterval(y, scores), accuracy: { value: 0.5, low: 0.4, high: 0.6 } }, scores, name.startsWith('baseline'));
  });
  return { y, models };
}

describe('compareModels', () => {
  it('names the best of classifiers that differ, and by how much', () => {
    const { y, models } = classifiers(3000, { 'baseline alone': 3, weak: 1.5, strong: 0.8 });
    const comparison = compareModels({ task: 'classification', y, models, random: random() });
    expect(comparison).toMatchObject({ best: 'strong', metric: 'rocAuc', testRows: 3000 });
    expect(comparison.models.map(({ name, withinNoise }) => [name, withinNoise])).toEqual([['strong', false], ['weak', false], ['baseline alone', false]]);
    expect(comparison.models[1]!.behind!.low).toBeGreaterThan(0);
    expect(comparison.models[1]!.behind!.value).toBeCloseTo(models[2]!.metrics['rocAuc']!.value - models[1]!.metrics['rocAuc']!.value, 12);
    expect(comparison.verdict).toMatch(/^strong is the best: ahead of weak by 0\.\d{4} .*It is ahead of the baseline baseline alone by/);
  });

  it('says when the difference is within noise, and when a baseline is not beaten', () => {
    const { y, models } = classifiers(300, { 'baseline alone': 1.001, one: 1, other: 1.002 });
    const { best, verdict, models: compared } = compareModels({ task: 'classification', y, models, random: random() });
    expect(compared.filter(({ withinNoise }) => withinNoise)).toHaveLength(2);
    expect(compared.find(({ name }) => name === best)).toMatchObject({ behind: undefined, isBaseline: false });
    expect(verdict).toMatch(/has the best value, but (one|other) \(.*\) is within noise: these rows do not show which is better\. It is NOT shown to be better than the baseline/);
  });

  it('never names a baseline the best, and ranks what could not be measured last', () => {
    const { y, models } = classifiers(200, { 'baseline alone': 0.1, poor: 3 });
    const unmeasured = judged('unmeasured', { rocAuc: { value: NaN, low: NaN, high: NaN } }, y.map(() => 0));
    const comparison = compareModels({ task: 'classification', y, models: [unmeasured, ...models], random: random() });
    expect(comparison.best).toBe('poor');
    expect(comparison.models.map(({ name }) => name)).toEqual(['baseline alone', 'poor', 'unmeasured']);
    expect(comparison.verdict).toContain('NOT shown');
    expect(() => compareModels({ task: 'classification', y, models: models.slice(0, 1), random: random() })).toThrow('expected a model that is no baseline');
  });

  it('oracle: pairs regressions by a bootstrap of rows, which covers the true difference', () => {
    const source = new Random(2);
    const y = Float64Array.from({ length: 1500 }, () => source.normal());
    const [good, bad] = [0.5, 0.7].map((noise) => y.map((target) => target + noise * source.normal()));
    const bounds = (scores: Float64Array): Bounds => ({ value: rmse(y, scores), low: NaN, high: NaN });
    const models = [judged('bad', { rmse: bounds(bad!) }, bad!), judged('good', { rmse: bounds(good!) }, good!)];
    const { best, models: [, second] } = compareModels({ task: 'regression', y, models, random: random() });
    expect(best).toBe('good');
    expect(second!.behind!.value).toBeCloseTo(rmse(y, bad!) - rmse(y, good!), 12);
    expect(second!.behind!.low).toBeLessThan(0.2);
    expect(second!.behind!.high).toBeGreaterThan(0.2);
    // The delta method on paired squared errors gives the same width.
    const term = y.map((target, i) => (bad![i]! - target) ** 2 / (2 * rmse(y, bad!)) - (good![i]! - target) ** 2 / (2 * rmse(y, good!)));
    const mean = term.reduce((sum, t) => sum + t, 0) / 1500;
    const error = Math.sqrt(term.reduce((sum, t) => sum + (t - mean) ** 2, 0) / 1500 / 1500);
    expect((second!.behind!.high - second!.behind!.low) / (2 * 1.96 * error)).toBeCloseTo(1, 0);
  });
});

describe('comparison pages', () => {
  const { y, models } = classifiers(500, { 'baseline <a|b>': 3, 'strong & "able"': 0.8 });
  const comparison: Comparison = compareModels({ task: 'classification', y, models, random: random() });
  const facts = { title: 'Shop <churn>', notes: ['split by time'], comparison };

  it('show every model with intervals, difference, times and size, as Markdown', () => {
    const page = comparisonMarkdown(facts);
    expect(page).toContain('| strong & "able" | any | ');
    expect(page).toMatch(/\| baseline <a\\\|b> \(baseline\) \| any \| 0\.\d{4} \(0\.\d{4} to 0\.\d{4}\) \| 0\.\d{4} \(0\.\d{4} to 0\.\d{4}\) \| accuracy 0\.5000 \| 1\.50 s \| 20 ms \| 12 kB \|/);
    expect(page).toContain(comparison.verdict);
  });

  it('is one HTML page without anything from elsewhere, names escaped', () => {
    const page = comparisonHtml(facts);
    expect(page).not.toMatch(/https?:|<script|<link|<img|url\(/);
    expect(page).toContain('<h1>Shop &lt;churn&gt;</h1>');
    expect(page).toContain('strong &amp; &quot;able&quot;');
    expect(page.match(/<circle/g)).toHaveLength(2);
    expect(page.match(/<tr class="best">/g)).toHaveLength(1);
  });
});
