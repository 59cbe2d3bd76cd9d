import { parseCondition, checkTiles, featureNames } from './parse-features.ts';
import { MODEL_RULES } from './known-models.ts';
import type { ValueRule } from './model-rules.ts';
import { parseEventsWhere } from './parse-from.ts';
import type { Schema } from './parse-schema.ts';
import { columnTypeOf, scopeOf } from './record-scope.ts';
import type { FeatureDefinitions, LabelDefinition, ModelDefinition, ModelDefinitions, SplitDefinition, StepValue } from './source.ts';
import { asFields, type Entry, type Fields, type OpenFile } from './yaml-fields.ts';

/** Reads models.yaml against the schema and the features. */
export function parseModels(file: OpenFile, schema: Schema, features: FeatureDefinitions): ModelDefinitions | undefined {
  const fields = file.root();
  if (fields === undefined) return undefined;
  fields.need('target', 'task', 'label', 'features', 'models', schema.time === undefined ? 'holdout' : 'as_of');
  const task = fields.oneOf('task', ['classification', 'regression']) ?? 'classification';
  const names = featureNames(fields, 'features', features.features);
  const split = parseSplit(fields, schema, names);
  const definitions: ModelDefinitions = {
    target: fields.text('target') ?? '', task,
    label: parseLabel(fields, schema, features, task),
    features: names,
    asOf: parseAsOf(fields, schema),
    holdout: parseHoldout(fields, schema),
    ...(split !== undefined && { split }),
    models: parseList(fields.child('models'), names, task),
  };
  fields.close();
  return definitions;
}

function parseLabel(fields: Fields, schema: Schema, features: FeatureDefinitions, task: string): LabelDefinition {
  const label = fields.child('label');
  const none: LabelDefinition = { kind: 'outcome', of: '' };
  if (label === undefined) return none;
  const { file } = fields;
  let parsed: LabelDefinition;
  if (label.has('absence_of')) {
    if (schema.time === undefined) file.report(label.map, 'label: expected absence_of only for a source with time; use outcome');
    if (task !== 'classification') file.report(label.map, `label: expected task classification with absence_of, found ${task}`);
    const scope = scopeOf(schema.columns, schema.derived);
    const where = parseEventsWhere(label, schema, scope, { where: parseCondition(label, 'absence_of', { scope, conditions: features.conditions }) });
    parsed = { kind: 'absence', where, horizonMs: label.need('within').duration('within') ?? 0 };
    checkTiles(label, 'within', parsed.horizonMs, schema);
  } else {
    if (schema.time !== undefined) file.report(label.map, 'label: expected absence_of and within for a source with time');
    const of = label.need('outcome').text('outcome') ?? '';
    if (of !== '' && !schema.outcomes.has(of)) file.report(label.at('outcome'), `outcome: expected a column with outcome: true, found '${of}'`);
    else if (of !== '') checkOutcome(label, of, schema, task);
    parsed = { kind: 'outcome', of };
  }
  label.close();
  return parsed;
}

function checkOutcome(label: Fields, of: string, schema: Schema, task: string): void {
  const type = columnTypeOf(schema, of).name;
  const expected = task === 'classification' ? ['int', 'boolean'] : ['int', 'bigint', 'decimal', 'double'];
  if (!expected.includes(type)) label.file.report(label.at('outcome'), `outcome: expected ${expected.join(' or ')} for ${task}, found ${of} (${type})`);
}

function parseAsOf(fields: Fields, schema: Schema): ModelDefinitions['asOf'] {
  const child = fields.child('as_of');
  if (child === undefined) return undefined;
  if (schema.time === undefined) fields.file.report(child.map, 'as_of: expected only for a source with time');
  child.need('every', 'anchor', 'history');
  const most = child.integer('most', [1, 10_000]);
  const asOf = { everyMs: child.duration('every') ?? 1, anchorMs: child.moment('anchor') ?? 0, historyMs: child.duration('history') ?? 0, ...(most !== undefined && { most }) };
  for (const [key, ms] of [['every', asOf.everyMs], ['anchor', asOf.anchorMs], ['history', asOf.historyMs]] as const) if (child.has(key)) checkTiles(child, key, ms, schema);
  if (asOf.everyMs <= 0) fields.file.report(child.at('every'), 'every: expected more than 0');
  child.close();
  return asOf;
}

function parseHoldout(fields: Fields, schema: Schema): ModelDefinitions['holdout'] {
  const child = fields.child('holdout');
  if (child === undefined) return undefined;
  if (schema.time !== undefined) fields.file.report(child.map, 'holdout: expected only for a source without time; as_of splits by time');
  child.need('test_share');
  const holdout = { testShare: child.number('test_share', [0.01, 0.9]) ?? 0.2, gapRows: child.integer('gap_rows', [0, 1_000_000_000]) ?? 0 };
  child.close();
  return holdout;
}

function parseSplit(fields: Fields, schema: Schema, names: readonly string[]): SplitDefinition | undefined {
  const child = fields.child('split');
  if (child === undefined) return undefined;
  if (schema.time === undefined) fields.file.report(child.map, 'split: expected only for a source with time; use holdout');
  const among = child.need('test_share').child('among')?.need('feature', 'at_most');
  const feature = among?.text('feature');
  if (feature !== undefined && !names.includes(feature)) fields.file.report(among!.at('feature'), `feature: expected one of the model features, found '${feature}'`);
  const split: SplitDefinition = {
    testShare: child.number('test_share', [0.01, 0.9]) ?? 0.2,
    withoutGap: child.boolean('without_gap') ?? false,
    among: among && { feature: feature ?? '', atMost: among.number('at_most') ?? 0, title: among.text('title') ?? `${feature} at most ${among.source('at_most')}` },
  };
  among?.close();
  child.close();
  return split;
}

function parseList(fields: Fields | undefined, names: readonly string[], task: ModelDefinitions['task']): ModelDefinition[] {
  const models = fields?.entries().map((entry) => parseModel(fields.file, entry, names, task)).filter((model) => model !== undefined) ?? [];
  if (fields?.entries().length === 0) fields.file.report(fields.map, 'models: expected at least one model');
  return models;
}

function parseModel(file: OpenFile, { name, key, value }: Entry, names: readonly string[], task: ModelDefinitions['task']): ModelDefinition | undefined {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) file.report(key, `expected a name in lower case with hyphens, found '${name}'`);
  const fields = asFields(file, name, value);
  if (fields === undefined) return undefined;
  const kind = fields.need('kind').oneOf('kind', Object.keys(MODEL_RULES.kinds));
  // Without a kind nothing tells which keys belong there.
  if (kind === undefined) return undefined;
  const rules = MODEL_RULES.kinds[kind];
  const feature = fields.text('feature');
  if (rules.feature === 'needed') fields.need('feature');
  else if (feature !== undefined && rules.feature === 'refused') file.report(fields.at('feature'), `feature: expected with ${kindsThatTakeFeatures} only, found with ${kind}`);
  if (feature !== undefined && !names.includes(feature)) file.report(fields.at('feature'), `feature: expected one of the model features, found '${feature}'`);
  const parameters = parseValues(fields, rules.parameters) as ModelDefinition['parameters'];
  const prepare = parseSteps(fields.children('prepare'), names);
  const calibrate = fields.oneOf('calibrate', CALIBRATIONS);
  if (calibrate !== undefined && task !== 'classification') file.report(fields.at('calibrate'), `calibrate: expected with task classification only, found ${task}`);
  fields.close();
  return { name, kind, feature, parameters, prepare, ...(calibrate === undefined ? {} : { calibrate }) };
}

const CALIBRATIONS = ['platt', 'isotonic'] as const;
const kindsThatTakeFeatures = Object.entries(MODEL_RULES.kinds).filter(([, { feature }]) => feature !== 'refused').map(([kind]) => kind).join(', ');

function parseValues(fields: Fields, rules: Readonly<Record<string, ValueRule>>): Record<string, StepValue> {
  const values: Record<string, StepValue> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const value = parseValue(fields, name, rule);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function parseValue(fields: Fields, name: string, rule: ValueRule): StepValue | undefined {
  if ('flag' in rule) return fields.boolean(name);
  if ('choices' in rule) return fields.oneOf(name, rule.choices);
  const range = [rule.min, rule.max] as const;
  if ('mostItems' in rule) return fields.numbers(name, range, rule.mostItems, rule.integer);
  return rule.integer ? fields.integer(name, range) : fields.number(name, range);
}

/** Columns are checked against the model features up to the first step that makes columns of other names. */
function parseSteps(steps: readonly Fields[], names: readonly string[]): ModelDefinition['prepare'] {
  let known: readonly string[] | undefined = names;
  return steps.map((fields) => {
    const step = fields.need('step').oneOf('step', Object.keys(MODEL_RULES.steps)) ?? 'standardize';
    const columnsOf = (key: 'except' | 'columns'): readonly string[] | undefined => {
      const texts = fields.texts(key);
      for (const { text, node } of texts ?? []) if (known?.includes(text) === false) fields.file.report(node, `${key}: expected a model feature, found '${text}'`);
      return texts?.map(({ text }) => text);
    };
    const [except, columns] = [columnsOf('except'), columnsOf('columns')];
    if (except !== undefined && columns !== undefined) fields.file.report(fields.map, `${step}: expected either columns or except, found both`);
    const options = parseValues(fields, MODEL_RULES.steps[step].options);
    fields.close();
    if (!MODEL_RULES.steps[step].keepsNames) known = undefined;
    return { step, ...(except === undefined ? {} : { except }), ...(columns === undefined ? {} : { columns }), ...options };
  });
}
