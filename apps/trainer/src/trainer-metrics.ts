import type { Metrics, Pulse, Traces } from '#tideline/platform';
import type { ScheduleObserver } from './schedule.ts';

const SECONDS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800];

/** What the trainer does by itself, as Prometheus metrics and one span a training with one part a model. */
export function watchTrainer(metrics: Metrics, pulse: Pulse, traces: Traces | undefined): ScheduleObserver {
  const trainings = metrics.histogram('train_seconds', 'One training of a source: reading gold, fitting and judging all models, the gate', SECONDS, ['source']);
  const fits = metrics.histogram('train_fit_seconds', 'Fitting of one model', SECONDS, ['source', 'model']);
  const outcomes = metrics.counter('train_gate_total', 'What the gate said of the candidate', ['source', 'outcome']);
  const quality = metrics.gauge('train_metric', 'Value of a metric on the judged rows, of the last training', ['source', 'model', 'metric']);
  const rows = metrics.gauge('train_rows', 'Rows of the last training, by what they were for', ['source', 'use']);
  const trainedAt = metrics.gauge('train_timestamp_seconds', 'When a source was last learned, seconds since the epoch', ['source']);
  const failures = metrics.counter('train_failures_total', 'Trainings that failed and are tried again', ['source']);
  return {
    pulse,
    trained: ({ report, startMs, endMs }) => {
      const { source, models, candidate, split } = report;
      trainings.observe({ source }, (endMs - startMs) / 1000);
      outcomes.inc({ source, outcome: candidate === undefined ? 'no-candidate' : candidate.promoted ? 'promoted' : 'refused' });
      rows.set({ source, use: 'learn' }, split.trainRows);
      rows.set({ source, use: 'judge' }, split.testRows);
      trainedAt.set({ source }, endMs / 1000);
      for (const { name, fitSeconds, metrics: judged } of models) {
        fits.observe({ source, model: name }, fitSeconds);
        for (const [metric, { value }] of Object.entries(judged)) quality.set({ source, model: name, metric }, value);
      }
      if (traces === undefined) return;
      // Models are fitted one after the other; where each began is not known to the millisecond, how long it took is.
      let fittedAtMs = startMs;
      const parts = models.map(({ name, kind, fitSeconds, predictSeconds, bytes }) => {
        const part = { name: `fit ${name}`, startMs: fittedAtMs, endMs: fittedAtMs + fitSeconds * 1000, attributes: { kind, fitSeconds, predictSeconds, bytes } };
        fittedAtMs = part.endMs + predictSeconds * 1000;
        return part;
      });
      traces.record({ name: 'train', startMs, endMs, attributes: { source, trainRows: split.trainRows, testRows: split.testRows, promoted: candidate?.promoted ?? false }, parts });
    },
    failed: (source) => failures.inc({ source }),
  };
}
