import { describe, expect, it } from 'vitest';
import { delongInterval, Random, type Dataset } from '#tideline/learning';
import { ManualClock, MemoryExperimentTracker } from '#tideline/platform';
import { sourceNamed } from '../../batch-layer/src/batch-fixtures.ts';
import { decide, type Decision } from './decide.ts';
import { pairedDifference } from './judge.ts';
import type { Candidate } from './train.ts';

const shop = sourceNamed('online-retail');
const ROWS = 400;
const y = Float64Array.from({ length: ROWS }, (_, row) => row % 2);
const test: Dataset = { rowCount: ROWS, columnCount: 1, X: new Float32Array(ROWS), y, featureNames: ['recency'] };

/** Scores that know the label through this much noise; the same seed gives nearly the same order. */
function scoresOf(noise: number, seed: number): Float64Array {
  const random = new Random(seed);
  return y.map((label) => 1 / (1 + Math.exp(-(label - 0.5 + noise * random.normal()))));
}

const baselineScores = scoresOf(1.2, 1);

async function decided(models: readonly { name: string; scores: Float64Array; overBaseline?: Candidate['overBaseline'] }[]): Promise<{ decision: Decision; tracker: MemoryExperimentTracker }> {
  const tracker = new MemoryExperimentTracker();
  const { id } = await tracker.ensureExperiment(shop.name);
  const judged: Candidate[] = [];
  for (const { name, scores, overBaseline } of [{ name: 'alone', scores: baselineScores }, ...models] as typeof models) {
    const run = await tracker.startRun(id, name);
    const kind = name === 'alone' ? 'one-feature' : 'logistic-regression';
    judged.push({
      name, kind, scores, runId: run.id, fitSeconds: 0, predictSeconds: 0, bytes: 0,
      definition: { name, kind, feature: undefined, parameters: {}, prepare: [] },
      metrics: { rocAuc: delongInterval(y, scores) },
      overBaseline: name === 'alone' ? undefined : (overBaseline ?? pairedDifference('classification', y, scores, baselineScores)),
    });
  }
  return { decision: await decide(shop, judged, test, { tracker, clock: new ManualClock(), seed: 42 }), tracker };
}

describe('deciding', () => {
  // Two models of the same quality: which one leads is chance.
  const [one, other] = [scoresOf(0.5, 2), scoresOf(0.5, 3)];
  const otherLeads = pairedDifference('classification', y, other, one)!.value > 0;
  const [behind, ahead] = otherLeads ? [one, other] : [other, one];

  it('prefers the simpler model within noise of the best, and says by how much it is behind', async () => {
    const { decision, tracker } = await decided([{ name: 'simple', scores: behind }, { name: 'rich', scores: ahead }]);
    expect(decision).toMatchObject({ candidate: { model: 'simple', promoted: true }, champion: { model: 'simple', version: '1' } });
    expect(decision.candidate!.remark).toMatch(/^rich is ahead by 0\.0\d+ \(-0\.\d+ to 0\.\d+\), within noise; the simpler simple is preferred$/);
    expect((await tracker.versionByAlias('churn-online-retail', 'champion'))!.tags['model']).toBe('simple');
  });

  it('takes the best when the simpler one is worse beyond noise, or when nothing simpler stands before it', async () => {
    const beyond = await decided([{ name: 'simple', scores: scoresOf(0.9, 4) }, { name: 'rich', scores: ahead }]);
    expect(beyond.decision.candidate).toMatchObject({ model: 'rich', promoted: true });
    expect(beyond.decision.candidate!.remark).toMatch(/^rich is ahead of simple by 0\.\d+ \(0\.\d+ to 0\.\d+\)$/);
    const first = await decided([{ name: 'rich', scores: ahead }, { name: 'simple', scores: behind }]);
    expect(first.decision.candidate).toMatchObject({ model: 'rich', promoted: true });
  });

  it('takes the best when the simpler one does not pass the gate, and names its reasons when neither does', async () => {
    const failing = { value: 0.01, low: -0.01, high: 0.03 };
    const { decision } = await decided([{ name: 'simple', scores: behind, overBaseline: failing }, { name: 'rich', scores: ahead }]);
    expect(decision.candidate).toMatchObject({ model: 'rich', promoted: true });
    const neither = await decided([{ name: 'simple', scores: behind, overBaseline: failing }, { name: 'rich', scores: ahead, overBaseline: failing }]);
    expect(neither.decision).toMatchObject({ candidate: { model: 'rich', promoted: false }, champion: undefined });
    expect(neither.decision.candidate!.reasons).toHaveLength(1);
    expect(await neither.tracker.listModels()).toEqual([]);
  });
});
