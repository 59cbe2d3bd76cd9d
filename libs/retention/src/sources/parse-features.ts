import { isMap, type Node } from 'yaml';
import type { ColumnType } from '../records/columns.ts';
import { suggest } from '../expressions/suggest.ts';
import { formatType } from '../expressions/typed-tree.ts';
import { aggregateScope } from '../features/aggregate-types.ts';
import { mixesRecordText } from '../features/record-parts.ts';
import { BOOLEAN, checkExpression, INTEGER, NUMBER, NUMBER_OR_TEXT } from './check-expression.ts';
import { type AggregateParts, composeAggregate, type WrittenAggregate, type WrittenKind, WRITTEN_KINDS } from './compose-aggregate.ts';
import { expandForm, featureForms, type FormContext } from './feature-forms.ts';
import type { Schema } from './parse-schema.ts';
import { checkTiles, parseWindow } from './parse-window.ts';
import { scopeOf } from './record-scope.ts';
import type { FeatureDefinition, FeatureDefinitions } from './source.ts';
import { asFields, type Entry, type Fields, type OpenFile } from './yaml-fields.ts';

export { checkTiles } from './parse-window.ts';

const SUMMABLE: readonly string[] = ['int', 'bigint', 'decimal', 'boolean'];
/** A standard deviation is exact as long as a sum of this many squares is: that bounds the values. */
const SQUARES_AT_MOST = 1_000_000;
const LARGEST_SQUARED = Math.floor(Math.sqrt(Number.MAX_SAFE_INTEGER / SQUARES_AT_MOST));
const UNITS_MS = { seconds: 1000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;
const ORDERED: readonly string[] = ['int', 'bigint', 'decimal', 'double', 'timestamp', 'date'];
const DISTINCT_LIMIT = 100_000;
/** Columns that the SQL of features adds beside the aggregates. */
const RESERVED = /^(as_of|entity|label|record_\d+)$/;
const NAME = /^[a-z][a-z0-9_]*$/;

/** Reads features.yaml against the schema. */
export function parseFeatures(file: OpenFile, schema: Schema): FeatureDefinitions | undefined {
  const fields = file.root();
  if (fields === undefined) return undefined;
  fields.need('features', 'reward', 'action');
  const scope = scopeOf(schema.columns, schema.derived);
  const conditions = parseConditions(fields.child('conditions'), scope);
  const context: Context = { file, schema, scope, conditions };
  const written = parseAggregates(fields.child('aggregates'), context);
  const all = written.map((aggregate) => composeAggregate(aggregate));
  checkPartNames(fields.child('aggregates'), written, all, file);
  const features = parseFormulas(fields.child('features'), context, written, all);
  const terminal = fields.node('terminal');
  const definitions: FeatureDefinitions = {
    conditions, features,
    aggregates: all.flatMap(({ parts }) => parts),
    composed: all.flatMap(({ composed }) => composed ?? []),
    population: parsePopulation(fields, context),
    state: featureNames(fields, 'state', features),
    reward: checkExpression(file, fields.at('reward'), scope, 'reward', NUMBER)?.sql ?? '',
    action: checkExpression(file, fields.at('action'), scope, 'action', NUMBER_OR_TEXT)?.sql ?? '',
    terminal: terminal === undefined ? undefined : checkExpression(file, terminal, scope, 'terminal', BOOLEAN)?.sql,
    visit: parseVisit(fields.child('visit'), scope),
  };
  fields.close();
  return definitions;
}

interface Context {
  readonly file: OpenFile;
  readonly schema: Schema;
  readonly scope: Readonly<Record<string, ColumnType>>;
  readonly conditions: Readonly<Record<string, string>>;
}

function parseConditions(fields: Fields | undefined, scope: Readonly<Record<string, ColumnType>>): Record<string, string> {
  const conditions: Record<string, string> = {};
  for (const { name, key, value } of fields?.entries() ?? []) {
    const { file } = fields as Fields;
    if (!NAME.test(name) || name === 'any') file.report(key, `expected a name in lower case other than any, found '${name}'`);
    if (Object.hasOwn(scope, name)) file.report(key, `expected a name that no column has, found ${name}`);
    conditions[name] = checkExpression(file, value, scope, name, BOOLEAN)?.sql ?? '';
  }
  return conditions;
}

/** The SQL of a condition given by name, as `any` (every record: undefined) or as an expression. */
export function parseCondition(fields: Fields, key: string, context: Pick<Context, 'scope' | 'conditions'>): string | undefined {
  const text = fields.source(key);
  if (text === undefined || text === 'any') return undefined;
  if (Object.hasOwn(context.conditions, text)) return context.conditions[text];
  const names = Object.keys(context.conditions);
  if (NAME.test(text) && !Object.hasOwn(context.scope, text)) {
    const hint = suggest(text, names);
    fields.file.report(fields.at(key), `${key}: expected a condition (${['any', ...names].join(', ')}) or an expression, found '${text}'${hint === undefined ? '' : `; did you mean ${hint}?`}`);
    return undefined;
  }
  return checkExpression(fields.file, fields.at(key), context.scope, key, BOOLEAN)?.sql;
}

function parsePopulation(fields: Fields, context: Context): FeatureDefinitions['population'] {
  const child = fields.child('population');
  if (child === undefined) {
    if (context.schema.time !== undefined) fields.need('population');
    return undefined;
  }
  child.need('window');
  if (context.schema.time === undefined) context.file.report(child.map, 'population: expected only for a source with time');
  const population = { where: parseCondition(child, 'where', context), windowMs: child.duration('window') ?? 0 };
  checkTiles(child, 'window', population.windowMs, context.schema);
  child.close();
  return population;
}

function parseAggregates(fields: Fields | undefined, context: Context): WrittenAggregate[] {
  const aggregates: WrittenAggregate[] = [];
  for (const entry of fields?.entries() ?? []) {
    if (!NAME.test(entry.name) || RESERVED.test(entry.name)) context.file.report(entry.key, `expected a name in lower case other than as_of, entity, label or record_N, found '${entry.name}'`);
    if (context.schema.time === undefined && Object.hasOwn(context.scope, entry.name)) context.file.report(entry.key, `expected a name that no column has, found ${entry.name}`);
    const definition = asFields(context.file, entry.name, entry.value);
    if (definition !== undefined) aggregates.push(parseAggregate(entry.name, definition, context));
  }
  return aggregates;
}

/** Parts of aggregates have names too: an aggregate of the file must not have one of them. */
function checkPartNames(fields: Fields | undefined, written: readonly WrittenAggregate[], all: readonly AggregateParts[], file: OpenFile): void {
  for (const { name, key } of fields?.entries() ?? []) {
    const owner = all.findIndex(({ parts, composed }) => composed !== undefined && parts.some((part) => part.name === name));
    if (owner >= 0) file.report(key, `expected a name that no part of an aggregate has, found ${name}, a part of ${written[owner].name}`);
  }
}

function parseAggregate(name: string, fields: Fields, context: Context): WrittenAggregate {
  const { file, schema } = context;
  const found = WRITTEN_KINDS.filter((kind) => fields.has(kind));
  const kind = found[0] ?? 'count';
  if (found.length !== 1) file.report(fields.map, `${name}: expected one of ${WRITTEN_KINDS.join(', ')}, found ${found.join(' and ') || fields.entries().map((entry) => entry.name).join(', ')}`);
  const of = found.length === 0 ? undefined : parseOf(name, kind, fields, context);
  const where = parseCondition(fields, 'where', context);
  const window = parseWindow(name, kind, fields, schema);
  const limit = only(fields, 'limit', kind, ['distinct'], () => fields.integer('limit', [1, 10_000_000]));
  const back = only(fields, 'records', kind, ['lag'], () => fields.integer('records', [1, 1000]));
  const length = only(fields, 'length', kind, ['sequence'], () => fields.integer('length', [1, 64]));
  const unit = only(fields, 'unit', kind, ['time_since', 'duration'], () => fields.oneOf('unit', Object.keys(UNITS_MS) as (keyof typeof UNITS_MS)[]));
  if (kind === 'lag') fields.need('records');
  if (kind === 'sequence') fields.need('length');
  const since = kind === 'time_since' ? fields.oneOf('time_since', ['last', 'first']) : undefined;
  fields.close();
  const nullable = schema.columns.find((column) => column.name === of)?.nullable ?? true;
  return {
    name, kind, of, nullable, where, window, limit: kind === 'distinct' ? limit ?? DISTINCT_LIMIT : undefined, values: back ?? length ?? 0,
    unitMs: UNITS_MS[unit ?? (kind === 'duration' ? 'seconds' : 'days')], since: since ?? 'last',
  };
}

/** An option that some kinds have. */
function only<T>(fields: Fields, key: string, kind: WrittenKind, kinds: readonly WrittenKind[], read: () => T | undefined): T | undefined {
  if (!fields.has(key)) return undefined;
  if (!kinds.includes(kind)) fields.file.report(fields.at(key), `${key}: expected with ${kinds.join(' or ')} only`);
  return read();
}

/** The column that an aggregate reads; undefined where it reads none. */
function parseOf(name: string, kind: WrittenKind, fields: Fields, context: Context): string | undefined {
  if (kind === 'count' || kind === 'duration') {
    if (fields.boolean(kind) === false) context.file.report(fields.at(kind), `${kind}: expected true`);
    return undefined;
  }
  if (kind === 'sessions') return undefined;
  if (kind !== 'time_since') return parseColumnOf(name, kind, fields, context);
  if (context.schema.time === undefined) context.file.report(fields.at(kind), `${name}: time_since expected only for a source with time`);
  return context.schema.time;
}

const TYPES_OF: Readonly<Partial<Record<WrittenKind, readonly string[]>>> = { sum: SUMMABLE, mean: SUMMABLE, stddev: SUMMABLE, min: ORDERED, max: ORDERED };

function parseColumnOf(name: string, kind: WrittenKind, fields: Fields, { file, scope, schema }: Context): string {
  const of = fields.text(kind) ?? '';
  if (of === '') return of;
  if (!Object.hasOwn(scope, of)) {
    const hint = suggest(of, Object.keys(scope));
    file.report(fields.at(kind), `${name}: expected a column, found '${of}'${hint === undefined ? '' : `; did you mean ${hint}?`}`);
    return of;
  }
  const type = scope[of];
  const expected = TYPES_OF[kind];
  if (expected === undefined ? type.name === 'list' : !expected.includes(type.name)) {
    const hint = expected === SUMMABLE && type.name === 'double' ? '; a sum of doubles depends on their order, declare a decimal' : '';
    file.report(fields.at(kind), `${name}: ${kind} expected ${expected?.join(', ') ?? 'a scalar column'}, found ${of} (${formatType(type)})${hint}`);
  } else if (kind === 'stddev' && largestInteger(of, type, schema) > LARGEST_SQUARED) {
    const wanted = `a column of integers (decimals without their point) up to ${LARGEST_SQUARED}, so that sums of ${SQUARES_AT_MOST} squares are exact`;
    const allows = schema.columns.some((column) => column.name === of) ? 'range allows' : 'type allows';
    file.report(fields.at(kind), `${name}: stddev expected ${wanted}; found ${of} (${formatType(type)}), whose ${allows} up to ${largestInteger(of, type, schema)}`);
  }
  return of;
}

/** Largest magnitude of a column's values as exact integers. */
function largestInteger(name: string, type: ColumnType, schema: Schema): number {
  const range = schema.columns.find((column) => column.name === name)?.range;
  const unit = type.name === 'decimal' ? 10 ** type.scale : 1;
  if (range !== undefined) return Math.max(Math.abs(range[0]), Math.abs(range[1])) * unit;
  switch (type.name) {
    case 'boolean': return 1;
    case 'int': return 2 ** 31;
    case 'decimal': return 10 ** type.precision - 1;
    default: return Number.MAX_SAFE_INTEGER;
  }
}

/** Formulas in order; `all` gains the aggregates that forms add. */
function parseFormulas(fields: Fields | undefined, context: Context, written: readonly WrittenAggregate[], all: AggregateParts[]): FeatureDefinition[] {
  const { file, schema } = context;
  const timed = schema.time !== undefined;
  const scope: Record<string, ColumnType> = { ...context.scope };
  if (timed) scope.as_of = { name: 'timestamp' };
  const records = new Set(Object.keys(context.scope));
  const know = (aggregates: readonly AggregateParts[]): void => {
    for (const [name, type] of aggregateScope(aggregates.flatMap(({ parts }) => parts), aggregates.flatMap(({ composed }) => composed ?? []), schema)) {
      scope[name] = type;
      records.delete(name);
    }
  };
  know(all);
  const features: FeatureDefinition[] = [];
  const add = (entry: Entry, name: string, formula: string): void => {
    checkFeatureName(entry.key, name, context, features, all);
    features.push({ name, formula });
    scope[name] = { name: 'double' };
    records.delete(name);
  };
  for (const entry of fields?.entries() ?? []) {
    const { name, value } = entry;
    if (isMap(value)) {
      const form: FormContext = { schema, written, scope };
      const expanded = expandForm(entry, asFields(file, name, value), form);
      if (expanded === undefined) file.report(value, `${name}: expected a formula or one of ${featureForms.join(', ')}, found a map`);
      const taken = expanded?.added.flatMap(({ parts }) => parts).find((part) => Object.hasOwn(scope, part.name));
      if (taken !== undefined) file.report(entry.key, `expected a name whose parts no other has, found ${taken.name} twice`);
      know(expanded?.added ?? []);
      all.push(...expanded?.added ?? []);
      for (const feature of expanded?.features ?? []) add(entry, feature.name, feature.formula);
      continue;
    }
    const formula = checkExpression(file, value, scope, name, NUMBER);
    for (const column of formula?.columns ?? []) if (records.has(column)) checkContext(file, value, name, column, schema);
    if (formula !== undefined && mixesRecordText(formula.tree, records)) file.report(value, `${name}: expected comparisons of the record's texts with literals or each other, found one with an aggregate`);
    add(entry, name, formula?.sql ?? '');
  }
  return features;
}

function checkFeatureName(key: Node, name: string, { file, schema, scope }: Context, features: readonly FeatureDefinition[], all: readonly AggregateParts[]): void {
  if (!NAME.test(name)) file.report(key, `expected a name in lower case with underscores, found '${name}'`);
  if (RESERVED.test(name)) file.report(key, `expected a name other than as_of, entity, label or record_N, found '${name}'`);
  const isTaken = all.some(({ parts, composed }) => composed?.name === name || parts.some((part) => part.name === name));
  if (isTaken) file.report(key, `expected a name that no aggregate has, found ${name}`);
  if (features.some((feature) => feature.name === name)) file.report(key, `expected each feature once, found ${name} again`);
  if (schema.time === undefined && Object.hasOwn(scope, name)) file.report(key, `expected a name that no column has, found ${name}`);
}

/** A formula may read what is known when its decision is made, and nothing later. */
function checkContext(file: OpenFile, at: Node | null, feature: string, column: string, schema: Schema): void {
  if (schema.time !== undefined) file.report(at, `${feature}: expected aggregates, earlier features or as_of, found the record's column ${column}`);
  else if (schema.outcomes.has(column)) file.report(at, `${feature}: expected only what is known before the decision, found the outcome ${column}`);
}

/** A list of feature names, each once. */
export function featureNames(fields: Fields, key: string, features: readonly FeatureDefinition[]): string[] {
  const items = fields.texts(key) ?? [];
  const names = features.map((feature) => feature.name);
  const seen = new Set<string>();
  for (const { text, node } of items) {
    const hint = suggest(text, names);
    if (!names.includes(text)) fields.file.report(node, `${key}: unknown feature ${text}${hint === undefined ? '' : `; did you mean ${hint}?`}`);
    else if (seen.has(text)) fields.file.report(node, `${key}: expected each feature once, found ${text} again`);
    seen.add(text);
  }
  return items.map((item) => item.text);
}

function parseVisit(fields: Fields | undefined, scope: Readonly<Record<string, ColumnType>>): FeatureDefinitions['visit'] {
  if (fields === undefined) return undefined;
  fields.need('step', 'by', 'last');
  const visit = {
    step: checkExpression(fields.file, fields.at('step'), scope, 'step', INTEGER)?.sql ?? '',
    by: checkExpression(fields.file, fields.at('by'), scope, 'by', NUMBER_OR_TEXT)?.sql ?? '',
    last: checkExpression(fields.file, fields.at('last'), scope, 'last', BOOLEAN)?.sql ?? '',
  };
  fields.close();
  return visit;
}
