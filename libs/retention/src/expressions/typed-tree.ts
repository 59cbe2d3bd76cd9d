import type { ColumnType, ScalarType } from '../records/columns.ts';

/** A value of an expression: timestamps in ms, dates in days, decimals as plain numbers `value / 10^s`, null where SQL has null. */
export type Scalar = number | string | boolean | null;

/** Names an expression may use, with the types of their columns. */
export type Scope = Readonly<Record<string, ColumnType>>;

/** The type of a value inside an expression: a decimal column is read as a double. `null` only before its context is known. */
export type ValueType = 'int' | 'bigint' | 'double' | 'boolean' | 'string' | 'timestamp' | 'date' | 'list' | 'null';

/**
 * What a call node does. `write-javascript.ts` and `render-sql.ts` have one row each for every operation and rely on the
 * checker for argument types: conversions and range guards are nodes of their own.
 */
export type Operation =
  | 'add' | 'subtract' | 'multiply' | 'divide' | 'remainder' | 'negate'
  | 'finite' | 'safe' | 'toDouble' | 'toBigint' | 'truncate' | 'narrow'
  | 'abs' | 'floor' | 'ceil' | 'round' | 'sqrt' | 'ln' | 'exp' | 'power'
  | 'least' | 'greatest' | 'coalesce' | 'nullif' | 'case'
  | 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' | 'in' | 'like' | 'startsWith'
  | 'and' | 'or' | 'not' | 'isNull' | 'isTrue' | 'isFalse'
  | 'concat' | 'lower' | 'upper' | 'length' | 'substring'
  | 'integerToText' | 'booleanToText' | 'textToBigint' | 'textToDouble' | 'textToBoolean' | 'booleanToInt' | 'integerToBoolean'
  | 'dateToTimestamp' | 'timestampToDate' | 'daysBetween' | 'hour' | 'dayOfWeek' | 'dateTrunc'
  | 'listCount' | 'listSum' | 'listMin' | 'listMax';

/** A checked expression. `bound` is the largest magnitude a number can have: what needs no guard gets none. */
export type TypedNode =
  | { readonly op: 'column'; readonly type: ValueType; readonly name: string; readonly column: ColumnType; readonly bound: number }
  | { readonly op: 'literal'; readonly type: ValueType; readonly value: Scalar; readonly bound: number }
  | CallNode;

export interface CallNode {
  readonly op: Operation;
  readonly type: ValueType;
  readonly args: readonly TypedNode[];
  readonly bound: number;
  /** LIKE pattern, or unit of `date_trunc`. */
  readonly text?: string;
  /** Decimal places of `round`. */
  readonly digits?: number;
}

/** Largest integer that a double carries exactly with all its neighbours. */
export const MAX_INTEGER = Number.MAX_SAFE_INTEGER;
export const MAX_INT = 2 ** 31;
/** Largest distance of a timestamp from 1970 in ms, as in ECMAScript. */
const MAX_TIME = 8.64e15;

/** The type that values of a column have inside expressions. */
export function valueTypeOf(column: ColumnType): ValueType {
  return column.name === 'decimal' ? 'double' : column.name;
}

/** The column type that carries an expression's value when nothing else is asked for. */
export function scalarTypeOf(type: ValueType): ScalarType {
  if (type === 'list' || type === 'null') throw new TypeError(`expected a scalar type, found ${type}`);
  return { name: type };
}

export function isNumeric(type: ValueType): boolean {
  return type === 'int' || type === 'bigint' || type === 'double';
}

export function isInteger(type: ValueType): boolean {
  return type === 'int' || type === 'bigint';
}

/** Largest magnitude of a column's values as expressions see them. */
export function boundOf(column: ColumnType): number {
  switch (column.name) {
    case 'int': return MAX_INT;
    case 'bigint': return MAX_INTEGER;
    case 'decimal': return Math.min(10 ** column.precision, 2 ** 53) / 10 ** column.scale;
    case 'double': return Number.MAX_VALUE;
    case 'timestamp': return MAX_TIME;
    case 'date': return MAX_TIME / 86_400_000;
    default: return 1;
  }
}

/** How a type is written in schemas and messages: `decimal(10,3)`, `list<int>`. */
export function formatType(type: ColumnType): string {
  if (type.name === 'list') return `list<${formatType(type.of)}>`;
  return type.name === 'decimal' ? `decimal(${type.precision},${type.scale})` : type.name;
}
