import { type Node } from 'yaml';
import type { ColumnType, ScalarType } from '../records/columns.ts';
import { isAssignable } from '../expressions/compile-expression.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import { formatType, isNumeric } from '../expressions/typed-tree.ts';
import { BOOLEAN, checkExpression } from './check-expression.ts';
import { parseColumnType, parseScalarType } from './column-type.ts';
import { parseFormat } from './parse-format.ts';
import { scopeOf } from './record-scope.ts';
import type { DerivedColumn, Source, SourceColumn } from './source.ts';
import { asFields, describe, type Entry, type Fields, type OpenFile } from './yaml-fields.ts';

export type Schema = Pick<Source, 'name' | 'title' | 'format' | 'columns' | 'derived' | 'rejects' | 'entity' | 'time' | 'tileMs' | 'latenessMs' | 'tables'> & {
  /** Columns known only after the decision, derived ones included. */
  readonly outcomes: ReadonlySet<string>;
};

const NAME = /^[a-z][a-z0-9_]*$/;
const DAY_MS = 86_400_000;

/** Reads schema.yaml; undefined when the file has no map at all. */
export function parseSchema(file: OpenFile): Schema | undefined {
  const fields = file.root();
  if (fields === undefined) return undefined;
  fields.need('source', 'format', 'columns', 'entity');
  const name = fields.text('source') ?? '';
  if (name !== '' && !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) file.report(fields.at('source'), `source: expected lower case words with hyphens, found '${name}'`);
  const columns = parseColumns(fields.child('columns'));
  const outcomes = new Set(columns.filter((column) => column.outcome).map((column) => column.name));
  const derived = parseDerived(fields.child('derived'), columns, outcomes);
  const scope = scopeOf(columns, derived);
  const schema: Schema = {
    name, title: fields.text('title') ?? name,
    format: parseFormat(fields.child('format'), columns),
    columns, derived, outcomes,
    rejects: parseRejects(fields, scope),
    entity: parseEntity(fields, scope),
    ...parseTime(fields, scope),
  };
  fields.close();
  return schema;
}

export function parseRejects(fields: Fields, scope: Readonly<Record<string, ColumnType>>): Source['rejects'] {
  const { file } = fields;
  return fields.children('rejects').map((reject) => {
    const when = checkExpression(file, reject.need('when', 'reason').at('when'), scope, 'when', BOOLEAN)?.sql ?? '';
    const reason = reject.text('reason') ?? '';
    if (reason !== '' && !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(reason)) file.report(reject.at('reason'), `reason: expected words with hyphens, found '${reason}'`);
    reject.close();
    return { when, reason };
  });
}

export function parseEntity(fields: Fields, scope: Readonly<Record<string, ColumnType>>): string {
  const entity = fields.text('entity') ?? '';
  if (entity === '') return entity;
  const type = Object.hasOwn(scope, entity) ? scope[entity] : undefined;
  if (type?.name !== 'int' && type?.name !== 'bigint' && type?.name !== 'string') {
    fields.file.report(fields.at('entity'), `entity: expected a column of int, bigint or string, found ${entity}${type === undefined ? '' : ` (${formatType(type)})`}`);
  }
  return entity;
}

export function parseTime(fields: Fields, scope: Readonly<Record<string, ColumnType>>): Pick<Source, 'time' | 'tileMs' | 'latenessMs'> {
  const { file } = fields;
  const time = fields.text('time');
  const tileMs = fields.duration('tile');
  const latenessMs = fields.duration('lateness');
  if (time === undefined) {
    for (const key of ['tile', 'lateness']) if (fields.has(key)) file.report(fields.at(key), `${key}: expected only with time`);
    return { time, tileMs: undefined, latenessMs: 0 };
  }
  if (!Object.hasOwn(scope, time) || scope[time].name !== 'timestamp') file.report(fields.at('time'), `time: expected a timestamp column, found ${time}`);
  fields.need('tile');
  if (tileMs !== undefined && (tileMs < 1000 || tileMs > DAY_MS || DAY_MS % tileMs !== 0)) {
    file.report(fields.at('tile'), 'tile: expected at least 1s and a divisor of a day');
  }
  return { time, tileMs, latenessMs: latenessMs ?? 0 };
}

/** A column's name must work bare in an expression. */
function checkName(file: OpenFile, { name, key }: Entry, taken: ReadonlySet<string>): void {
  if (!NAME.test(name)) file.report(key, `expected a name in lower case with underscores, found '${name}'`);
  else if (taken.has(name)) file.report(key, `expected a new name, found ${name} again`);
  else if (parseExpression(name, { [name]: { name: 'int' } }).expression?.columns[0] !== name) file.report(key, `expected a name that SQL does not reserve, found ${name}`);
}

export function parseColumns(fields: Fields | undefined): SourceColumn[] {
  const columns: SourceColumn[] = [];
  for (const entry of fields?.entries() ?? []) {
    const { file } = fields as Fields;
    checkName(file, entry, new Set(columns.map((column) => column.name)));
    const column = asFields(file, entry.name, entry.value);
    if (column !== undefined) columns.push(parseColumn(entry.name, column));
  }
  if (fields !== undefined && columns.length === 0) fields.file.report(fields.map, 'columns: expected at least one column');
  return columns;
}

function parseColumn(name: string, fields: Fields): SourceColumn {
  const type = readType(fields.need('type'), parseColumnType) ?? { name: 'int' };
  const scalar = type.name === 'list' ? type.of : type;
  const range = parseRange(fields, scalar);
  const allowed = fields.texts('allowed')?.map((item) => item.text);
  if (allowed !== undefined && type.name !== 'string') fields.file.report(fields.at('allowed'), `allowed: expected with string only, found with ${formatType(type)}`);
  const zeroFraction = fields.boolean('zero_fraction') ?? false;
  if (zeroFraction && type.name !== 'int' && type.name !== 'bigint') fields.file.report(fields.at('zero_fraction'), `zero_fraction: expected with int or bigint, found with ${formatType(type)}`);
  const column: SourceColumn = {
    name, type, range, allowed, zeroFraction,
    field: fields.text('field') ?? name,
    nullable: fields.boolean('nullable') ?? false,
    outcome: fields.boolean('outcome') ?? false,
    description: fields.text('description') ?? '',
  };
  fields.close();
  return column;
}

function readType<T extends ColumnType>(fields: Fields, parse: (text: string) => { type: T } | { problem: string }): T | undefined {
  const text = fields.text('type');
  if (text === undefined) return undefined;
  const parsed = parse(text);
  if ('type' in parsed) return parsed.type;
  fields.file.report(fields.at('type'), `type: ${parsed.problem}`);
  return undefined;
}

function parseRange(fields: Fields, type: ScalarType): readonly [number, number] | undefined {
  const items = fields.texts('range');
  if (items === undefined) return undefined;
  const [low, high] = items.map((item) => Number(item.text));
  if (items.length !== 2 || !(low <= high)) fields.file.report(fields.at('range'), `range: expected [low, high], found [${items.map((item) => item.text).join(', ')}]`);
  else if (type.name !== 'decimal' && !isNumeric(type.name)) fields.file.report(fields.at('range'), `range: expected with numbers only, found with ${formatType(type)}`);
  return [low, high];
}

export function parseDerived(fields: Fields | undefined, columns: readonly SourceColumn[], outcomes: Set<string>): DerivedColumn[] {
  const derived: DerivedColumn[] = [];
  for (const entry of fields?.entries() ?? []) {
    const { file } = fields as Fields;
    checkName(file, entry, new Set([...columns, ...derived].map((column) => column.name)));
    const definition = asFields(file, entry.name, entry.value);
    if (definition === undefined) continue;
    const type = readType(definition.need('type', 'formula'), parseScalarType);
    const node: Node | undefined = definition.node('formula');
    const formula = node === undefined ? undefined : checkExpression(file, node, scopeOf(columns, derived), entry.name);
    definition.close();
    if (formula !== undefined && type !== undefined && !isAssignable(formula.type, type)) {
      file.report(node, `${entry.name}: expected a formula of ${formatType(type)}, found ${formula.type.name} in ${describe(node)}`);
    }
    if (formula?.columns.some((name) => outcomes.has(name)) === true) outcomes.add(entry.name);
    derived.push({ name: entry.name, type: type ?? formula?.type ?? { name: 'int' }, formula: formula?.sql ?? '' });
  }
  return derived;
}
