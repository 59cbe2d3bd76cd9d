import type { Expression } from './parse-expression.ts';
import type { CallNode, Operation, TypedNode, ValueType } from './typed-tree.ts';

/** An engine's SQL. Spark's session must run in UTC with ANSI mode on or off alike: nothing rendered relies on it. */
export type Dialect = 'duckdb' | 'spark';

/**
 * The expression as SQL for an engine, wrapped in parentheses where it is not atomic. `column` says how a column is written; by
 * default its quoted name. Values are those of the closure, bit for bit, save 1e-12 relative under ln, exp and power.
 */
export function renderSql(expression: Expression, dialect: Dialect, column: (name: string) => string = (name) => quoteName(name, dialect)): string {
  return renderTree(expression.tree, dialect, column);
}

export function renderTree(tree: TypedNode, dialect: Dialect, column: (name: string) => string): string {
  const sql = new SqlRenderer(dialect, column).render(tree);
  // An engine's products and quotients can be minus zero, the closure's never; adding zero makes them equal.
  return tree.type === 'double' && tree.op !== 'literal' ? `(${sql} + ${literalSql(0, 'double', dialect)})` : sql;
}

export function quoteName(name: string, dialect: Dialect): string {
  return dialect === 'duckdb' ? `"${name.replaceAll('"', '""')}"` : `\`${name.replaceAll('`', '``')}\``;
}

export function quoteText(text: string, dialect: Dialect): string {
  return dialect === 'duckdb' ? `'${text.replaceAll("'", "''")}'` : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A timestamp literal of ms since 1970 in UTC. */
export function timestampSql(ms: number): string {
  return `CAST('${new Date(ms).toISOString().replace('T', ' ').replace('Z', '')}' AS TIMESTAMP)`;
}

const SQL_TYPES: Readonly<Record<Exclude<ValueType, 'list' | 'null'>, string>> = {
  int: 'INTEGER', bigint: 'BIGINT', double: 'DOUBLE', boolean: 'BOOLEAN', string: 'STRING', timestamp: 'TIMESTAMP', date: 'DATE',
};

function literalSql(value: number | string | boolean | null, type: ValueType, dialect: Dialect): string {
  if (type === 'list' || type === 'null') throw new TypeError(`expected a scalar literal, found ${type}`);
  const sqlType = SQL_TYPES[type];
  if (value === null) return `CAST(NULL AS ${sqlType})`;
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (typeof value === 'string') return `CAST(${quoteText(value, dialect)} AS ${sqlType})`;
  if (type === 'timestamp') return timestampSql(value);
  if (type === 'date') return `CAST('${new Date(value * 86_400_000).toISOString().slice(0, 10)}' AS DATE)`;
  return type === 'double' ? `CAST('${value}' AS DOUBLE)` : `CAST(${value} AS ${sqlType})`;
}

/** Past this, repeating a value at every level would make SQL grow exponentially with depth. */
const REUSED_LENGTH_MAX = 300;

class SqlRenderer {
  readonly dialect: Dialect;
  readonly #column: (name: string) => string;

  constructor(dialect: Dialect, column: (name: string) => string) {
    this.dialect = dialect;
    this.#column = column;
  }

  render(node: TypedNode): string {
    if (node.op === 'literal') return literalSql(node.value, node.type, this.dialect);
    if (node.op === 'column') {
      const name = this.#column(node.name);
      return node.column.name === 'decimal' ? `CAST(${name} AS DOUBLE)` : name;
    }
    return SQL[node.op](this, node);
  }

  /** SQL that uses a value several times: written out while that is short, else bound once in a lambda. */
  reuse(value: string, write: (x: string) => string): string {
    if (value.length <= REUSED_LENGTH_MAX) return write(value);
    return this.pick(`(list_transform([${value}], lambda v: ${write('v')})[1])`, `(transform(array(${value}), v -> ${write('v')})[0])`);
  }

  /** The two engines' own forms. */
  pick(duckdb: string, spark: string): string {
    return this.dialect === 'duckdb' ? duckdb : spark;
  }
}

type SqlWriter = (r: SqlRenderer, node: CallNode) => string;

function infix(operator: string): SqlWriter {
  return (r, { args }) => `(${args.map((arg) => r.render(arg)).join(` ${operator} `)})`;
}

function prefix(name: string): SqlWriter {
  return (r, { args }) => `${name}(${args.map((arg) => r.render(arg)).join(', ')})`;
}

/** The value where a condition on it holds, else null. */
function where(condition: (x: string) => string, then: (x: string) => string = (x) => x): SqlWriter {
  return (r, { args: [a] }) => r.reuse(r.render(a), (x) => `(CASE WHEN ${condition(x)} THEN ${then(x)} END)`);
}

const double = (value: number): string => `CAST('${value}' AS DOUBLE)`;
const within = (most: (type: ValueType) => string): SqlWriter => (r, node) => where((x) => `${x} BETWEEN -${most(node.args[0].type)} AND ${most(node.args[0].type)}`)(r, node);
const largest = (type: ValueType): string => type === 'double' ? double(Number.MAX_SAFE_INTEGER) : `CAST(${Number.MAX_SAFE_INTEGER} AS BIGINT)`;
const ASCII = { upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', lower: 'abcdefghijklmnopqrstuvwxyz' };

function divide(operator: '/' | '%'): SqlWriter {
  return (r, { args: [a, b] }) => `(${r.render(a)} ${operator} NULLIF(${r.render(b)}, ${literalSql(0, b.type, r.dialect)}))`;
}

function textTo(type: 'BIGINT' | 'DOUBLE', pattern: string): SqlWriter {
  return (r, { args: [a] }) => r.reuse(r.render(a), (x) => {
    const fits = r.pick(`regexp_matches(${x}, '${pattern}')`, `${x} RLIKE '${pattern.replaceAll('\\', '\\\\')}'`);
    return `(CASE WHEN ${fits} THEN TRY_CAST(${x} AS ${type}) END)`;
  });
}

function extremeOfList(name: string): SqlWriter {
  return (r, { args: [list], type }) => {
    const x = r.render(list);
    return `CAST(${r.pick(`list_${name}(${x})`, `array_${name}(${x})`)} AS ${type === 'double' ? 'DOUBLE' : 'BIGINT'})`;
  };
}

/** Every operation's SQL. */
const SQL: Readonly<Record<Operation, SqlWriter>> = {
  add: infix('+'), subtract: infix('-'), multiply: infix('*'), divide: divide('/'), remainder: divide('%'),
  negate: (r, { args: [a] }) => `(${literalSql(0, a.type, r.dialect)} - ${r.render(a)})`,
  finite: within(() => double(Number.MAX_VALUE)),
  safe: within(largest),
  narrow: where((x) => `${x} BETWEEN -2147483648 AND 2147483647`, (x) => `CAST(${x} AS INTEGER)`),
  toDouble: (r, { args: [a] }) => `CAST(${r.render(a)} AS DOUBLE)`,
  toBigint: (r, { args: [a] }) => `CAST(${r.render(a)} AS BIGINT)`,
  truncate: (r, { args: [a] }) => r.pick(`CAST(trunc(${r.render(a)}) AS BIGINT)`, `CAST(${r.render(a)} AS BIGINT)`),
  abs: (r, { args: [a], type }) => type === 'bigint' ? `abs(CAST(${r.render(a)} AS BIGINT))` : `abs(${r.render(a)})`,
  floor: (r, node) => `CAST(${prefix('floor')(r, node)} AS DOUBLE)`,
  ceil: (r, node) => `CAST(${prefix('ceil')(r, node)} AS DOUBLE)`,
  round: (r, { args: [a], digits = 0 }) => {
    const size = (x: string): string => `CAST(floor(abs(${x}) * ${double(10 ** digits)} + ${double(0.5)}) AS DOUBLE)`;
    return r.reuse(r.render(a), (x) => `(sign(${x}) * ${size(x)} / ${double(10 ** digits)})`);
  },
  sqrt: where((x) => `${x} >= ${double(0)}`, (x) => `sqrt(${x})`),
  ln: where((x) => `${x} > ${double(0)}`, (x) => `ln(${x})`),
  exp: prefix('exp'), power: prefix('power'),
  least: prefix('least'), greatest: prefix('greatest'), coalesce: prefix('coalesce'), nullif: prefix('nullif'),
  case: (r, { args }) => {
    const branches: string[] = [];
    for (let k = 0; k + 1 < args.length; k += 2) branches.push(`WHEN ${r.render(args[k])} THEN ${r.render(args[k + 1])}`);
    return `(CASE ${branches.join(' ')} ELSE ${r.render(args[args.length - 1])} END)`;
  },
  eq: infix('='), ne: infix('<>'), lt: infix('<'), le: infix('<='), gt: infix('>'), ge: infix('>='),
  in: (r, { args: [value, ...items] }) => `(${r.render(value)} IN (${items.map((item) => r.render(item)).join(', ')}))`,
  like: (r, { args: [a], text = '' }) => `(${r.render(a)} LIKE ${quoteText(r.pick(text, text.replaceAll('\\', '\\\\')), r.dialect)})`,
  startsWith: (r, node) => prefix(r.pick('starts_with', 'startswith'))(r, node),
  and: infix('AND'), or: infix('OR'),
  not: (r, { args: [a] }) => `(NOT ${r.render(a)})`,
  isNull: (r, { args: [a] }) => `(${r.render(a)} IS NULL)`,
  isTrue: (r, { args: [a] }) => `(${r.render(a)} IS TRUE)`,
  isFalse: (r, { args: [a] }) => `(${r.render(a)} IS FALSE)`,
  concat: infix('||'),
  lower: (r, { args: [a] }) => `translate(${r.render(a)}, '${ASCII.upper}', '${ASCII.lower}')`,
  upper: (r, { args: [a] }) => `translate(${r.render(a)}, '${ASCII.lower}', '${ASCII.upper}')`,
  length: (r, { args: [a] }) => `CAST(length(${r.render(a)}) AS INTEGER)`,
  substring: (r, { args: [text, start, length] }) => {
    const [from, count] = [r.render(start), length === undefined ? undefined : r.render(length)];
    // Past the 32-bit range engines differ; no text is that long, so positions are cut there.
    const cut = (x: string): string => `CAST(least(${x}, 2147483647) AS INTEGER)`;
    return `(CASE WHEN ${from} >= 1${count === undefined ? '' : ` AND ${count} >= 0`} THEN substring(${r.render(text)}, ${cut(from)}${count === undefined ? '' : `, ${cut(count)}`}) END)`;
  },
  integerToText: (r, { args: [a] }) => `CAST(${r.render(a)} AS STRING)`,
  booleanToText: (r, { args: [a] }) => r.reuse(r.render(a), (x) => `(CASE WHEN ${x} THEN 'true' WHEN NOT ${x} THEN 'false' END)`),
  textToBigint: (r, node) => {
    const value = textTo('BIGINT', '^-?[0-9]{1,16}\\z')(r, node);
    return r.reuse(value, (x) => `(CASE WHEN ${x} BETWEEN -${largest('bigint')} AND ${largest('bigint')} THEN ${x} END)`);
  },
  textToDouble: textTo('DOUBLE', '^-?[0-9]{1,32}([.][0-9]{1,32})?([eE][+-]?[0-9]{1,3})?\\z'),
  textToBoolean: (r, { args: [a] }) => {
    return r.reuse(r.render(a), (x) => `(CASE WHEN ${x} = 'true' THEN TRUE WHEN ${x} = 'false' THEN FALSE END)`);
  },
  booleanToInt: (r, { args: [a] }) => `CAST(${r.render(a)} AS INTEGER)`,
  integerToBoolean: (r, { args: [a] }) => `(${r.render(a)} <> 0)`,
  dateToTimestamp: (r, { args: [a] }) => `CAST(${r.render(a)} AS TIMESTAMP)`,
  timestampToDate: (r, { args: [a] }) => `CAST(${r.render(a)} AS DATE)`,
  daysBetween: (r, { args: [a, b] }) => `(CAST(${millis(r, b)} - ${millis(r, a)} AS DOUBLE) / ${double(86_400_000)})`,
  hour: (r, { args: [a] }) => `CAST(hour(${r.render(a)}) AS INTEGER)`,
  dayOfWeek: (r, { args: [a] }) => r.pick(`CAST(dayofweek(${r.render(a)}) AS INTEGER)`, `(dayofweek(${r.render(a)}) - 1)`),
  dateTrunc: (r, { args: [a], text }) => `CAST(date_trunc('${text}', ${r.render(a)}) AS TIMESTAMP)`,
  listCount: (r, { args: [a] }) => `CAST(${r.pick(`len(${r.render(a)})`, `(CASE WHEN ${r.render(a)} IS NOT NULL THEN size(${r.render(a)}) END)`)} AS INTEGER)`,
  listSum: (r, { args: [a], type }) => {
    const x = r.render(a);
    const sum = r.pick(`coalesce(list_sum(${x}), 0)`, `aggregate(${x}, CAST(0 AS DECIMAL(38, ${listScale(a)})), (s, v) -> CAST(s + v AS DECIMAL(38, ${listScale(a)})))`);
    const guarded = type === 'double' ? `CAST(${sum} AS DOUBLE)` : `TRY_CAST(${sum} AS BIGINT)`;
    return `(CASE WHEN ${x} IS NOT NULL THEN ${guarded} END)`;
  },
  listMin: extremeOfList('min'), listMax: extremeOfList('max'),
};

function millis(r: SqlRenderer, node: TypedNode): string {
  const x = r.render(node);
  return r.pick(`epoch_ms(${x})`, `unix_millis(${x})`);
}

function listScale(node: TypedNode): number {
  const of = node.op === 'column' && node.column.name === 'list' ? node.column.of : undefined;
  return of?.name === 'decimal' ? of.scale : 0;
}
