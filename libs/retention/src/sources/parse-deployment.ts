import { checkTiles } from './parse-features.ts';
import type { Schema } from './parse-schema.ts';
import { scopeOf } from './record-scope.ts';
import type { Deployment, ModelDefinitions, ValidatedLoad } from './source.ts';
import type { Fields, OpenFile } from './yaml-fields.ts';

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
    load: parseLoad(fields.child('load'), schema),
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

const DAY_MS = 86_400_000;

/** Whole deliveries, validated before they are loaded. */
function parseLoad(fields: Fields | undefined, schema: Schema): ValidatedLoad | undefined {
  if (fields === undefined) return undefined;
  const { file } = fields;
  fields.need('validated', 'window', 'by', 'key');
  if (schema.tables !== undefined) file.report(fields.map, 'load: expected only for a source of one table, found tables');
  const validated = fields.boolean('validated');
  if (validated === false) file.report(fields.at('validated'), 'validated: expected true, found false; leave out load for a source whose records go through its topic');
  const scope = scopeOf(schema.columns, schema.derived);
  const windowMs = fields.duration('window');
  if (windowMs !== undefined && (windowMs === 0 || windowMs % DAY_MS !== 0)) file.report(fields.at('window'), 'window: expected whole days such as 5d');
  const by = fields.text('by') ?? '';
  const type = Object.hasOwn(scope, by) ? scope[by]!.name : undefined;
  if (fields.has('by') && type !== 'date' && type !== 'timestamp') file.report(fields.at('by'), `by: expected a date or timestamp column, found ${by}${type === undefined ? '' : ` (${type})`}`);
  const key = fields.texts('key') ?? [];
  for (const { text, node } of key) {
    const found = Object.hasOwn(scope, text) ? scope[text]!.name : undefined;
    if (found === undefined || found === 'list' || found === 'double') file.report(node, `key: expected a column that can name a row, found ${text}${found === undefined ? '' : ` (${found})`}`);
  }
  if (key.length > 0 && !key.some(({ text }) => text === by)) file.report(fields.at('key'), `key: expected ${by} (the column of by) among them, so that a row outside the window can't be meant`);
  if (fields.has('key') && key.length === 0) file.report(fields.at('key'), 'key: expected at least one column');
  fields.close();
  return { windowMs: windowMs ?? DAY_MS, by, key: key.map(({ text }) => text) };
}
