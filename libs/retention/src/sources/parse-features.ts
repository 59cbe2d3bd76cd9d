import type { Node } from 'yaml';
import type { ColumnType } from '../records/columns.ts';
import { suggest } from '../expressions/suggest.ts';
import { formatType } from '../expressions/typed-tree.ts';
import { finishedType, finishedValues } from '../features/aggregate-types.ts';
import { mixesRecordText } from '../features/record-parts.ts';
import { BOOLEAN, checkExpression, INTEGER, NUMBER, NUMBER_OR_TEXT } from './check-expression.ts';
import { parseDuration, parseRecordCount } from './duration.ts';
import { parseAttribute, parseEventsWhere } from './parse-from.ts';
import type { Schema } from './parse-schema.ts';
import { scopeOf } from './record-scope.ts';
import type { AggregateDefinition, AggregateKind, AttributeDefinition, FeatureDefinition, FeatureDefinitions } from './source.ts';
import { asFields, describe, type Fields, type OpenFile } from './yaml-fields.ts';

const KINDS = ['count', 'sum', 'min', 'max', 'distinct', 'last'] as const;
const SUMMABLE: readonly string[] = ['int', 'bigint', 'decimal', 'boolean'];
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
  const attributes: AttributeDefinition[] = [];
  const aggregates = parseAggregates(fields.child('aggregates'), context, attributes);
  const features = parseFormulas(fields.child('features'), context, finishedValues({ aggregates, attributes }));
  const terminal = fields.node('terminal');
  const definitions: FeatureDefinitions = {
    conditions, aggregates, features, ...(attributes.length > 0 && { attributes }),
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
  const snapshot = context.schema.tables?.find((table) => table.kind === 'snapshot' && table.name === child.source('from'));
  if (snapshot !== undefined) {
    child.close();
    return { where: undefined, windowMs: 0, from: snapshot.name };
  }
  child.need('window');
  if (context.schema.time === undefined) context.file.report(child.map, 'population: expected only for a source with time');
  const where = parseEventsWhere(child, context.schema, context.scope, { where: parseCondition(child, 'where', context) });
  const population = { where, windowMs: child.duration('window') ?? 0 };
  checkTiles(child, 'window', population.windowMs, context.schema);
  child.close();
  return population;
}

/** Windows, horizons and schedules lie on tile borders. */
export function checkTiles(fields: Fields, key: string, ms: number | undefined, schema: Schema): void {
  if (ms === undefined || schema.tileMs === undefined || ms === 0) return;
  if (ms % schema.tileMs !== 0) fields.file.report(fields.at(key), `${key}: expected a multiple of the tile (${schema.tileMs / 1000} s), found ${describe(fields.at(key))}`);
}

/** Aggregates of the records in a window; a `last` without one becomes an attribute. */
function parseAggregates(fields: Fields | undefined, context: Context, attributes: AttributeDefinition[]): AggregateDefinition[] {
  const aggregates: AggregateDefinition[] = [];
  for (const entry of fields?.entries() ?? []) {
    if (!NAME.test(entry.name) || RESERVED.test(entry.name)) context.file.report(entry.key, `expected a name in lower case other than as_of, entity, label or record_N, found '${entry.name}'`);
    if (context.schema.time === undefined && Object.hasOwn(context.scope, entry.name)) context.file.report(entry.key, `expected a name that no column has, found ${entry.name}`);
    const definition = asFields(context.file, entry.name, entry.value);
    if (definition === undefined) continue;
    if (context.schema.tables !== undefined && definition.has('last') && !definition.has('window')) attributes.push(...parseNewest(entry.name, definition, context));
    else aggregates.push(parseAggregate(entry.name, definition, context));
  }
  return aggregates;
}

function parseNewest(name: string, fields: Fields, context: Context): AttributeDefinition[] {
  const reads = { of: parseColumnOf(name, 'last', fields, context), where: parseCondition(fields, 'where', context) };
  const attribute = parseAttribute(name, fields, context.schema, context.scope, reads);
  fields.close();
  return attribute === undefined ? [] : [attribute];
}

function parseAggregate(name: string, fields: Fields, context: Context): AggregateDefinition {
  const { file } = context;
  const found = KINDS.filter((kind) => fields.has(kind));
  const kind: AggregateKind = found[0] ?? 'count';
  if (found.length !== 1) file.report(fields.map, `${name}: expected one of ${KINDS.join(', ')}, found ${found.join(' and ') || fields.entries().map((entry) => entry.name).join(', ')}`);
  let of: string | undefined;
  if (kind === 'count') {
    if (found.length === 1 && fields.boolean('count') === false) file.report(fields.at('count'), 'count: expected true');
  } else of = parseColumnOf(name, kind, fields, context);
  const where = parseEventsWhere(fields, context.schema, context.scope, { of, where: parseCondition(fields, 'where', context) });
  const window = parseWindow(fields.need('window'), context);
  const limit = fields.integer('limit', [1, 10_000_000]);
  if (limit !== undefined && kind !== 'distinct') file.report(fields.at('limit'), 'limit: expected with distinct only');
  fields.close();
  return { name, kind, of, where, ...window, limit: kind === 'distinct' ? limit ?? DISTINCT_LIMIT : undefined };
}

function parseColumnOf(name: string, kind: AggregateKind, fields: Fields, { file, scope }: Context): string {
  const of = fields.text(kind) ?? '';
  if (of === '') return of;
  if (!Object.hasOwn(scope, of)) {
    const hint = suggest(of, Object.keys(scope));
    file.report(fields.at(kind), `${name}: expected a column, found '${of}'${hint === undefined ? '' : `; did you mean ${hint}?`}`);
    return of;
  }
  const type = scope[of];
  const expected = kind === 'sum' ? SUMMABLE : kind === 'min' || kind === 'max' ? ORDERED : undefined;
  if (expected === undefined ? type.name === 'list' : !expected.includes(type.name)) {
    const hint = kind === 'sum' && type.name === 'double' ? '; a sum of doubles depends on their order, declare a decimal' : '';
    file.report(fields.at(kind), `${name}: ${kind} expected ${expected?.join(', ') ?? 'a scalar column'}, found ${of} (${formatType(type)})${hint}`);
  }
  return of;
}

function parseWindow(fields: Fields, context: Context): Pick<AggregateDefinition, 'windowMs' | 'windowRecords'> {
  const text = fields.source('window');
  if (text === undefined) return { windowMs: undefined, windowRecords: undefined };
  const timed = context.schema.time !== undefined;
  const windowMs = parseDuration(text);
  const windowRecords = parseRecordCount(text);
  if (timed ? windowMs === undefined || windowMs === 0 : windowRecords === undefined) {
    context.file.report(fields.at('window'), `window: expected ${timed ? 'a duration such as 30d' : 'a number of records such as 500 records'}, found '${text}'`);
  }
  checkTiles(fields, 'window', windowMs, context.schema);
  return timed ? { windowMs, windowRecords: undefined } : { windowMs: undefined, windowRecords };
}

function parseFormulas(fields: Fields | undefined, context: Context, aggregates: readonly AggregateDefinition[]): FeatureDefinition[] {
  const { file, schema } = context;
  const timed = schema.time !== undefined;
  const scope: Record<string, ColumnType> = { ...context.scope };
  if (timed) scope.as_of = { name: 'timestamp' };
  for (const aggregate of aggregates) scope[aggregate.name] = finishedType(aggregate, schema);
  const records = new Set(Object.keys(context.scope).filter((name) => !aggregates.some((aggregate) => aggregate.name === name)));
  const features: FeatureDefinition[] = [];
  for (const { name, key, value } of fields?.entries() ?? []) {
    if (!NAME.test(name)) file.report(key, `expected a name in lower case with underscores, found '${name}'`);
    if (RESERVED.test(name)) file.report(key, `expected a name other than as_of, entity, label or record_N, found '${name}'`);
    if (aggregates.some((aggregate) => aggregate.name === name)) file.report(key, `expected a name that no aggregate has, found ${name}`);
    if (!timed && Object.hasOwn(context.scope, name)) file.report(key, `expected a name that no column has, found ${name}`);
    const formula = checkExpression(file, value, scope, name, NUMBER);
    for (const column of formula?.columns ?? []) if (records.has(column)) checkContext(file, value, name, column, schema);
    if (formula !== undefined && mixesRecordText(formula.tree, records)) file.report(value, `${name}: expected comparisons of the record's texts with literals or each other, found one with an aggregate`);
    features.push({ name, formula: formula?.sql ?? '' });
    scope[name] = { name: 'double' };
    records.delete(name);
  }
  return features;
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
