import type { ColumnType } from '../records/columns.ts';
import { BOOLEAN, checkExpression } from '../sources/check-expression.ts';
import type { Fields } from '../sources/yaml-fields.ts';
import { isNumeric } from '../expressions/typed-tree.ts';
import type { CheckedTable } from './checked-tables.ts';
import type { CheckRule, CheckValue } from './check.ts';
import { checkPattern } from './pattern.ts';

/** An entry being read, and how its columns are asked for: undefined after a mistake was reported. */
export interface RuleContext {
  readonly fields: Fields;
  readonly table: CheckedTable;
  column(key: string, accepts?: (type: ColumnType) => boolean, as?: string): string | undefined;
  columns(key: string): string[];
}

interface ParsedRule {
  readonly rule: CheckRule;
  /** What its name ends in when the entry gives none. */
  readonly suffix: string;
  readonly holds?: string;
}

interface RuleParser {
  readonly parse: (context: RuleContext) => ParsedRule[];
  /** Whether `at_most` is a share of rows, must be given, is relative (default 0.2) or has no meaning. */
  readonly share: 'none' | 'allowed' | 'needed' | 'relative';
  /** Whether `where` may pick rows. */
  readonly filtered: boolean;
}

const isNumberColumn = (type: ColumnType): boolean => type.name === 'decimal' || isNumeric(type.name as never);
const isMoment = (type: ColumnType): boolean => type.name === 'date' || type.name === 'timestamp';
const isText = (type: ColumnType): boolean => type.name === 'string';
const isScalarColumn = (type: ColumnType): boolean => type.name !== 'list';

/** One row for each kind of check. */
export const RULE_PARSERS: Readonly<Record<CheckRule['kind'], RuleParser>> = {
  schema: { share: 'none', filtered: false, parse: () => [{ rule: { kind: 'schema' }, suffix: '' }] },
  readable: { share: 'allowed', filtered: false, parse: () => [{ rule: { kind: 'readable' }, suffix: '' }] },
  not_null: {
    share: 'allowed', filtered: true,
    parse: ({ fields, table, columns }) => {
      fields.need('columns');
      const isNotNull = (name: string): string => (table.columns[name]!.name === 'list' ? `list_count(${name}) is not null` : `${name} is not null`);
      return columns('columns').map((column) => ({ rule: { kind: 'not_null', columns: [column] }, suffix: column, holds: isNotNull(column) }));
    },
  },
  range: { share: 'allowed', filtered: true, parse: parseRange },
  one_of: { share: 'allowed', filtered: true, parse: parseOneOf },
  pattern: { share: 'allowed', filtered: true, parse: parsePatternRule },
  recomputed: { share: 'allowed', filtered: true, parse: parseRecomputed },
  expression: {
    share: 'allowed', filtered: true,
    parse: ({ fields, table }) => {
      fields.need('that', 'name');
      const that = fields.has('that') ? checkExpression(fields.file, fields.node('that'), table.columns, 'that', BOOLEAN)?.sql : undefined;
      return that === undefined ? [] : [{ rule: { kind: 'expression', that }, suffix: '', holds: that }];
    },
  },
  unique: {
    share: 'allowed', filtered: true,
    parse: ({ fields, columns }) => {
      fields.need('columns');
      const keys = columns('columns');
      return keys.length === 0 ? [] : [{ rule: { kind: 'unique', columns: keys }, suffix: keys.join('_') }];
    },
  },
  reference: { share: 'allowed', filtered: true, parse: parseReference },
  freshness: {
    share: 'none', filtered: false,
    parse: ({ fields, column }) => {
      fields.need('column', 'within');
      const of = column('column', isMoment, 'a date or timestamp');
      const withinMs = fields.duration('within');
      return of === undefined || withinMs === undefined ? [] : [{ rule: { kind: 'freshness', column: of, withinMs }, suffix: of }];
    },
  },
  row_count: {
    share: 'none', filtered: true,
    parse: ({ fields }) => {
      const [min, max] = [fields.integer('min', [0, Number.MAX_SAFE_INTEGER]), fields.integer('max', [0, Number.MAX_SAFE_INTEGER])];
      needBound(fields, min, max);
      return [{ rule: { kind: 'row_count', min, max }, suffix: '' }];
    },
  },
  missing_share: {
    share: 'needed', filtered: true,
    parse: ({ fields, columns }) => {
      fields.need('columns');
      return columns('columns').map((column) => ({ rule: { kind: 'missing_share', column }, suffix: column }));
    },
  },
  target_health: { share: 'allowed', filtered: true, parse: parseTargetHealth },
  mean_drift: {
    share: 'relative', filtered: true,
    parse: ({ fields, table, columns }) => {
      fields.need('columns');
      return columns('columns').flatMap((column) => {
        if (isNumberColumn(table.columns[column]!)) return [{ rule: { kind: 'mean_drift', column } as const, suffix: column }];
        fields.file.report(fields.at('columns'), `columns: expected columns of numbers, found ${column} (${table.columns[column]!.name})`);
        return [];
      });
    },
  },
};

export const KINDS = Object.keys(RULE_PARSERS) as readonly CheckRule['kind'][];

function needBound(fields: Fields, min: CheckValue | undefined, max: CheckValue | undefined): void {
  if (!fields.has('min') && !fields.has('max')) fields.file.report(fields.map, 'expected min or max, found neither');
  if (typeof min === 'number' && typeof max === 'number' && min > max) fields.file.report(fields.at('max'), `max: expected at least min (${min}), found ${max}`);
}

/** A value as a literal of the expression language; reports one that the column can't have. */
function literal(fields: Fields, key: string, text: string, type: ColumnType): { value: CheckValue; sql: string } | undefined {
  const wrong = (expected: string): undefined => {
    fields.file.report(fields.at(key), `${key}: expected ${expected}, found '${text}'`);
    return undefined;
  };
  if (type.name === 'string') return { value: text, sql: `'${text.replaceAll("'", "''")}'` };
  if (isMoment(type)) {
    const [, day, clock] = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)Z?)?$/.exec(text) ?? [];
    const ms = day === undefined ? NaN : Date.parse(`${day}T${clock ?? '00:00:00'}Z`);
    if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== day) return wrong('a moment such as 2011-09-09 or 2011-09-09T06:00:00Z');
    if (type.name === 'date') return clock === undefined ? { value: day!, sql: `date '${day}'` } : wrong('a date such as 2011-09-09');
    return { value: new Date(ms).toISOString(), sql: `timestamp '${day} ${clock ?? '00:00:00'}'` };
  }
  if (!isNumberColumn(type)) return wrong(`a check that fits ${type.name}`);
  if (!/^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return wrong('a plain number such as -5 or 0.01');
  return { value: Number(text), sql: text.startsWith('-') ? `(${text})` : text };
}

function parseRange({ fields, table, column }: RuleContext): ParsedRule[] {
  fields.need('column');
  const name = column('column', (type) => isNumberColumn(type) || isMoment(type), 'a number, date or timestamp');
  if (name === undefined) return [];
  const [low, high] = (['min', 'max'] as const).map((key) => {
    const text = fields.source(key);
    return text === undefined ? undefined : literal(fields, key, text, table.columns[name]!);
  });
  needBound(fields, low?.value, high?.value);
  const parts = [...(low === undefined ? [] : [`${name} >= ${low.sql}`]), ...(high === undefined ? [] : [`${name} <= ${high.sql}`])];
  return parts.length === 0 ? [] : [{ rule: { kind: 'range', column: name, min: low?.value, max: high?.value }, suffix: name, holds: parts.join(' and ') }];
}

function parseOneOf({ fields, table, column }: RuleContext): ParsedRule[] {
  fields.need('column', 'values');
  const name = column('column', (type) => isText(type) || type.name === 'int' || type.name === 'bigint', 'a text or integer');
  const texts = fields.texts('values') ?? [];
  if (fields.has('values') && texts.length === 0) fields.file.report(fields.at('values'), 'values: expected at least one');
  if (name === undefined) return [];
  const values = texts.map(({ text }) => literal(fields, 'values', text, table.columns[name]!)).filter((value) => value !== undefined);
  if (values.length === 0) return [];
  return [{ rule: { kind: 'one_of', column: name, values: values.map(({ value }) => value) }, suffix: name, holds: `${name} in (${values.map(({ sql }) => sql).join(', ')})` }];
}

function parsePatternRule({ fields, column }: RuleContext): ParsedRule[] {
  fields.need('column', 'pattern');
  const name = column('column', isText, 'a text');
  const pattern = fields.source('pattern');
  if (pattern === undefined) return [];
  const checked = checkPattern(pattern);
  if ('problem' in checked) fields.file.report(fields.at('pattern'), `pattern: ${checked.problem}`);
  return name === undefined || 'problem' in checked ? [] : [{ rule: { kind: 'pattern', column: name, pattern }, suffix: name }];
}

function parseRecomputed({ fields, table, column }: RuleContext): ParsedRule[] {
  fields.need('column', 'formula');
  const name = column('column', isScalarColumn, 'a scalar column');
  const formula = fields.has('formula') ? checkExpression(fields.file, fields.node('formula'), table.columns, 'formula') : undefined;
  const tolerance = fields.number('tolerance', [0, 1e15]) ?? 0;
  if (name === undefined || formula === undefined) return [];
  const type = table.columns[name]!;
  const numbers = isNumberColumn(type) && isNumeric(formula.type.name as never);
  if (!numbers && (fields.has('tolerance') || type.name !== formula.type.name)) {
    fields.file.report(fields.at('formula'), `formula: expected a value of ${type.name}${fields.has('tolerance') ? ' (and a tolerance for numbers only)' : ''}, found ${formula.type.name}`);
    return [];
  }
  const same = tolerance > 0 ? `abs(${name} - (${formula.sql})) <= ${plainNumber(tolerance)}` : `${name} = (${formula.sql})`;
  const holds = `case when ${name} is null then (${formula.sql}) is null when (${formula.sql}) is null then false else ${same} end`;
  return [{ rule: { kind: 'recomputed', column: name, formula: formula.sql, tolerance }, suffix: name, holds }];
}

/** Without an exponent, which SQL would read as a name. */
function plainNumber(value: number): string {
  return value.toFixed(15).replace(/\.?0+$/, '');
}

function parseReference({ fields, columns }: RuleContext): ParsedRule[] {
  fields.need('columns', 'table');
  const own = columns('columns');
  const table = fields.text('table') ?? '';
  if (table !== '' && !/^(bronze|silver|gold)\.[a-z][a-z0-9_]*$/.test(table)) fields.file.report(fields.at('table'), `table: expected a table like silver.users, found '${table}'`);
  const keys = fields.texts('keys')?.map(({ text }) => text) ?? own;
  const strange = keys.find((key) => !/^[a-z_][a-z0-9_]*$/.test(key));
  if (strange !== undefined) fields.file.report(fields.at('keys'), `keys: expected names of columns, found '${strange}'`);
  if (keys.length !== own.length) fields.file.report(fields.at('keys'), `keys: expected ${own.length} columns, one for each of columns, found ${keys.length}`);
  return own.length === 0 ? [] : [{ rule: { kind: 'reference', columns: own, table, keys }, suffix: own.join('_') }];
}

function parseTargetHealth({ fields, column }: RuleContext): ParsedRule[] {
  fields.need('column');
  const name = column('column', isScalarColumn, 'a scalar column');
  const minorityAtLeast = fields.number('minority_at_least', [0, 0.5]);
  const [min, max] = [fields.number('min'), fields.number('max')];
  if (minorityAtLeast === undefined && min === undefined && max === undefined) fields.file.report(fields.map, 'expected minority_at_least, min or max, found none of them');
  if (minorityAtLeast !== undefined && (min !== undefined || max !== undefined)) fields.file.report(fields.map, 'expected minority_at_least for classes, or min and max for numbers, found both');
  return name === undefined ? [] : [{ rule: { kind: 'target_health', column: name, minorityAtLeast, min, max }, suffix: name }];
}
