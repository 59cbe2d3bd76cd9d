import type { ExperimentTracker } from '#tideline/platform';

/** Experiments with everything that can be logged: names with blanks and umlauts, histories, NaN and infinities, folders, several versions. */
export async function fillTracker(tracker: ExperimentTracker, suffix: string, runsEach = 3): Promise<{ readonly model: string; readonly experiments: readonly string[] }> {
  const experiments = [`online-retail ${suffix}`, `Äpfel: "rot" ${suffix}`];
  const model = `churn-${suffix}`;
  for (const [e, experiment] of experiments.entries()) {
    const { id } = await tracker.ensureExperiment(experiment);
    for (let r = 0; r < runsEach; r++) {
      const run = await tracker.startRun(id, `run ${e}.${r}`, { source: 'online-retail', note: 'two\nlines, ä' });
      const startedMs = Date.now();
      await tracker.logRun(run.id, {
        params: { rate: '0.05', empty: '', features: 'recency,freq', number: String(r) },
        tags: { gate: 'passed' },
        metrics: [
          ...Array.from({ length: 40 }, (_, step) => ({ name: 'trainingLoss', value: 0.7 / (step + 1 + r), step, timestampMs: startedMs })),
          { name: 'rocAuc', value: 0.7861234567890123, step: 0, timestampMs: startedMs }, { name: 'test/auc', value: -1e-300, step: 0, timestampMs: startedMs },
          { name: 'odd', value: NaN, step: 0, timestampMs: startedMs }, { name: 'odd', value: Infinity, step: 1, timestampMs: startedMs + 1 }, { name: 'odd', value: -Infinity, step: 2, timestampMs: startedMs + 2 },
        ],
      });
      await tracker.putArtifact(run.id, 'model/model.bin', Uint8Array.from({ length: 5_000 }, (_, i) => (i * (r + 3)) & 255));
      await tracker.putArtifact(run.id, 'reports/drift 1.html', Buffer.from('<p>ä</p>'));
      await tracker.endRun(run.id, r === 1 ? 'FAILED' : 'FINISHED');
      if (e === 0 && r !== 1) await tracker.registerVersion(model, run.id, 'model', { source: 'online-retail', kind: `kind ${r}` });
      // Runs are listed by the millisecond in which they started.
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  }
  await tracker.setAlias(model, 'champion', '2');
  await tracker.setAlias(model, 'baseline', '1');
  return { model, experiments };
}
