import { modelCard, plainKernels, type Dataset, type FittedModel } from '#tideline/learning';
import type { Source } from '#tideline/retention';
import type { Candidate, TrainingContext } from './train.ts';

interface RunCard {
  readonly source: Source;
  readonly model: FittedModel;
  readonly judged: Omit<Candidate, 'runId'>;
  readonly baseline: Candidate | undefined;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly split: string;
}

/** The card of a run's model, which becomes the card of the version that the run is registered as. */
export function runCard({ source, model, judged, baseline, train, test, split }: RunCard, context: TrainingContext): string {
  const { name, kind, metrics, overBaseline, scores, fitSeconds, bytes } = judged;
  const { task, parameters, featureNames, hasProbability, hasReasons, arithmetic } = model;
  return modelCard({
    name, kind, task, parameters, featureNames, metrics, overBaseline, hasProbability, hasReasons, arithmetic, fitSeconds, bytes, split, baseline,
    target: source.models.target, data: { source: source.name, 'source version': source.version, ...context.tags },
    trainRows: train.rowCount, testRows: test.rowCount, test: { y: test.y, scores }, missing: missingShares(train),
    backend: (context.kernels ?? plainKernels).facts, seed: context.seed,
  });
}

function missingShares({ X, rowCount, columnCount, featureNames }: Dataset): Record<string, number> {
  const counts = new Float64Array(columnCount);
  for (let at = 0; at < X.length; at++) if (Number.isNaN(X[at]!)) counts[at % columnCount]!++;
  return Object.fromEntries(featureNames.map((name, j) => [name, counts[j]! / rowCount]));
}
