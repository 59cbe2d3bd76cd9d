import { checkTiles } from './parse-features.ts';
import type { Schema } from './parse-schema.ts';
import type { Deployment, ModelDefinitions } from './source.ts';
import type { OpenFile } from './yaml-fields.ts';

const METRICS = {
  classification: ['rocAuc', 'prAuc', 'accuracy', 'precision', 'recall', 'f1'],
  regression: ['r2'],
} as const;

/** Reads deployment.yaml; a gate's metric is one where more is better. */
export function parseDeployment(file: OpenFile, schema: Schema, models: ModelDefinitions): Deployment | undefined {
  const fields = file.root();
  if (fields === undefined) return undefined;
  fields.need('partitions', 'gate');
  const gate = fields.child('gate')?.need('metric', 'at_least');
  const rescoreEveryMs = fields.duration('rescore_every');
  if (rescoreEveryMs !== undefined) {
    if (schema.time === undefined) file.report(fields.at('rescore_every'), 'rescore_every: expected only for a source with time');
    else if (rescoreEveryMs === 0) file.report(fields.at('rescore_every'), 'rescore_every: expected more than 0');
    checkTiles(fields, 'rescore_every', rescoreEveryMs, schema);
  }
  const deployment: Deployment = {
    partitions: fields.integer('partitions', [1, 1024]) ?? 1,
    rescoreEveryMs,
    gate: {
      metric: gate?.oneOf('metric', METRICS[models.task]) ?? 'rocAuc',
      atLeast: gate?.number('at_least') ?? 0,
      maxDrop: gate?.number('max_drop', [0, 1]) ?? 0,
      beatsBaseline: gate?.boolean('beats_baseline') ?? false,
    },
  };
  gate?.close();
  fields.close();
  return deployment;
}
