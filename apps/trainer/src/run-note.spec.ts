// Goal: a run's description reads well to a person. Method: the text for known metrics.
import { expect, it } from 'vitest';
import { runNote } from './run-note.ts';

const rocAuc = (value: number) => ({ rocAuc: { value, low: value - 0.02, high: value + 0.02 } });

it('puts every metric with its interval beside the baseline', () => {
  const note = runNote({
    definition: { name: 'boosting', kind: 'gradient-boosting' }, target: 'churn', trainRows: 1541, testRows: 1809,
    metrics: { ...rocAuc(0.78), logLoss: { value: 0.5, low: 0.4, high: 0.6 } }, baseline: { name: 'recency-alone', metrics: rocAuc(0.7) }, overBaseline: { value: 0.08, low: 0.01, high: 0.15 },
  });
  expect(note.split('\n')).toEqual([
    '**boosting** (gradient-boosting) predicts churn: learned from 1541 rows, judged by 1809 later ones. Intervals hold 95 %.',
    'ROC AUC above the baseline on the same rows: **0.0800 (0.0100 to 0.1500)**.',
    '',
    '| metric | boosting | recency-alone (baseline) |',
    '| --- | --- | --- |',
    '| rocAuc | 0.7800 (0.7600 to 0.8000) | 0.7000 (0.6800 to 0.7200) |',
    '| logLoss | 0.5000 (0.4000 to 0.6000) |  |',
  ]);
});

it('stands alone for the baseline itself', () => {
  const note = runNote({ definition: { name: 'recency-alone', kind: 'one-feature' }, target: 'churn', trainRows: 1, testRows: 2, metrics: rocAuc(0.7), baseline: undefined, overBaseline: undefined });
  expect(note).toContain('| rocAuc | 0.7000 (0.6800 to 0.7200) |');
  expect(note).not.toContain('baseline');
});
