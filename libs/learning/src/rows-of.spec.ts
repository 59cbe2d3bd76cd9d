// Goal: raw records become the cells that models read, or an error that says what, which record and which field. Method: values by hand, and
// one model trained and served from records.
import { describe, expect, it } from 'vitest';
import { createEstimator } from './catalog.ts';
import { Random } from './random.ts';
import { rowsOf } from './rows-of.ts';

const categories = { plan: ['basic', 'gold', '3'] };

describe('rowsOf', () => {
  it('reads numbers, text of numbers, truth, labels and what is missing', () => {
    const records = [
      { tenure: 3, plan: 'gold', extra: 'x' }, { tenure: ' -1.5e2 ', plan: 3 }, { tenure: true, plan: null }, { tenure: ' ', plan: '' }, { tenure: NaN, plan: 'basic' },
    ];
    expect([...rowsOf(records, ['tenure', 'plan'], categories)]).toEqual([3, 1, -150, 2, 1, NaN, NaN, NaN, NaN, 0]);
    expect([...rowsOf([{ tenure: 1, plan: 'new' }], ['tenure', 'plan'], categories, { unknownLabels: 'mark' })]).toEqual([1, -1]);
    expect(rowsOf([], ['tenure'])).toEqual(new Float32Array(0));
  });

  it.each<[Record<string, unknown>, string]>([
    [{ plan: 'gold' }, 'expected tenure in record 1 (null where missing), found plan'],
    [{ tenure: 'long', plan: 'gold' }, "expected a number in tenure, record 1, found 'long': a column of text needs its labels as categories, and the step one_hot"],
    [{ tenure: '0x10', plan: 'gold' }, "expected a number in tenure, record 1, found '0x10': a column of text needs its labels as categories, and the step one_hot"],
    [{ tenure: [1], plan: 'gold' }, 'expected a number in tenure, record 1, found [1]'],
    [{ tenure: 1e39, plan: 'gold' }, 'expected a number that float32 holds in tenure, record 1, found 1e+39'],
    [{ tenure: 1, plan: 'silver' }, "expected one of basic, gold, 3 in plan, record 1, found 'silver'"],
    [{ tenure: 1, plan: { name: 'gold' } }, 'expected one of basic, gold, 3 in plan, record 1, found {"name":"gold"}'],
  ])('refuses %j', (record, message) => {
    expect(() => rowsOf([{ tenure: 1, plan: 'gold' }, record], ['tenure', 'plan'], categories)).toThrow(expect.objectContaining({ name: 'InvalidDatasetError', message }) as Error);
  });

  it('feeds a model; text where a number belongs is refused by families that read numbers alone', async () => {
    const random = new Random(3);
    const records = Array.from({ length: 200 }, () => ({ tenure: random.normal(), plan: ['basic', 'gold'][random.int(2)] }));
    const y = Float64Array.from(records, ({ plan }) => (plan === 'gold' && random.uniform() < 0.9 ? 1 : 0));
    const featureNames = ['tenure', 'plan'];
    const data = { rowCount: 200, columnCount: 2, X: rowsOf(records, featureNames, categories), y, featureNames, categories };
    const fit = (kind: string, prepare: { step: string }[], feature?: string): Promise<{ score(X: Float32Array, rowCount: number): Float64Array }> =>
      createEstimator({ kind, task: 'classification', parameters: {}, prepare, feature }).fit(data, { random: new Random(1) });
    for (const kind of ['logistic-regression', 'gradient-boosting']) {
      await expect(fit(kind, [])).rejects.toMatchObject({ name: 'InvalidDatasetError', message: `expected numbers in every column that ${kind} reads, found categories in plan: prepare it with one_hot` });
    }
    await expect(fit('one-feature', [], 'plan')).rejects.toThrow(/found categories in plan/);
    await fit('one-feature', [], 'tenure');
    for (const [kind, prepare] of [['logistic-regression', [{ step: 'one_hot' }]], ['naive-bayes', []], ['constant', []]] as const) {
      const model = await fit(kind, [...prepare]);
      const [gold, basic, unknown] = model.score(rowsOf([{ tenure: 0, plan: 'gold' }, { tenure: 0, plan: 'basic' }, { tenure: 0, plan: 'new' }], featureNames, categories, { unknownLabels: 'mark' }), 3);
      if (kind === 'constant') continue;
      expect(gold).toBeGreaterThan(0.8);
      expect(basic).toBeLessThan(0.1);
      expect(unknown).toBeGreaterThan(basic);
    }
  });
});
