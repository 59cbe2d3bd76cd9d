import {
  asDouble, call, convert, ExpressionError, finite, largestBound, narrow, safe, unifyTypes,
} from './build-tree.ts';
import { isInteger, isNumeric, MAX_INT, MAX_INTEGER, type TypedNode, type ValueType } from './typed-tree.ts';

/** A function of the language: its form for messages, and what checks its arguments and builds the node. */
interface FunctionDefinition {
  readonly form: string;
  readonly arity: readonly [number, number];
  readonly build: (args: readonly TypedNode[], offset: number) => TypedNode;
}

type Accepts = (type: ValueType) => boolean;

const isText: Accepts = (type) => type === 'string';
const isMoment: Accepts = (type) => type === 'timestamp' || type === 'date';

function expectType(node: TypedNode, accepts: Accepts, expected: string, offset: number, name: string): TypedNode {
  if (node.type === 'null') throw new ExpressionError(`${name}: expected ${expected}, found an untyped null; write cast(null as …)`, offset);
  if (!accepts(node.type)) throw new ExpressionError(`${name}: expected ${expected}, found ${node.type}`, offset);
  return node;
}

function numberFunction(name: string, build: (x: TypedNode) => TypedNode): FunctionDefinition {
  return {
    form: `${name}(number)`, arity: [1, 1],
    build: ([x], offset) => build(expectType(x, isNumeric, 'a number', offset, name)),
  };
}

/** `floor` and `ceil`: integers are themselves. */
function towards(op: 'floor' | 'ceil'): FunctionDefinition {
  return numberFunction(op, (x) => isInteger(x.type) ? x : call(op, 'double', [x], Math.min(x.bound + 1, Number.MAX_VALUE)));
}

function extreme(op: 'least' | 'greatest'): FunctionDefinition {
  return {
    form: `${op}(value, value, …)`, arity: [2, 64],
    build: (args, offset) => {
      const type = unifyTypes(args);
      if (type === undefined || type === 'boolean' || type === 'list') throw mixed(op, args, offset);
      return call(op, type, args.map((arg) => convert(arg, type)), largestBound(args));
    },
  };
}

export function mixed(name: string, args: readonly TypedNode[], offset: number): ExpressionError {
  return new ExpressionError(`${name}: expected values of one type, found ${args.map((arg) => arg.type).join(', ')}`, offset);
}

function momentFunction(name: 'hour' | 'day_of_week'): FunctionDefinition {
  const op = name === 'hour' ? 'hour' : 'dayOfWeek';
  const accepts = name === 'hour' ? (type: ValueType) => type === 'timestamp' : isMoment;
  return {
    form: `${name}(timestamp)`, arity: [1, 1],
    build: ([moment], offset) => call(op, 'int', [expectType(moment, accepts, 'a timestamp', offset, name)], op === 'hour' ? 23 : 6),
  };
}

function textFunction(name: 'lower' | 'upper' | 'length'): FunctionDefinition {
  return {
    form: `${name}(string)`, arity: [1, 1],
    build: ([text], offset) => call(name, name === 'length' ? 'int' : 'string', [expectType(text, isText, 'a string', offset, name)], MAX_INT - 1),
  };
}

function listFunction(name: string, op: 'listCount' | 'listSum' | 'listMin' | 'listMax'): FunctionDefinition {
  return {
    form: `${name}(list column)`, arity: [1, 1],
    build: ([list], offset) => {
      if (list.op !== 'column' || list.column.name !== 'list') throw new ExpressionError(`${name}: expected a list column, found ${list.type}`, offset);
      if (op === 'listCount') return call(op, 'int', [list], MAX_INT - 1);
      const { of } = list.column;
      if (of.name !== 'int' && of.name !== 'bigint' && of.name !== 'decimal') {
        throw new ExpressionError(`${name}: expected a list of int, bigint or decimal, found list<${of.name}>`, offset);
      }
      if (of.name === 'decimal') return call(op, 'double', [list], op === 'listSum' ? MAX_INTEGER / 10 ** of.scale : list.bound);
      return op === 'listSum' ? safe(call(op, 'bigint', [list], Infinity)) : call(op, of.name, [list], of.name === 'int' ? MAX_INT : MAX_INTEGER);
    },
  };
}

function round(args: readonly TypedNode[], offset: number): TypedNode {
  const [x, places] = args;
  expectType(x, isNumeric, 'a number', offset, 'round');
  const digits = places === undefined ? 0 : places.op === 'literal' && isInteger(places.type) ? (places.value as number) : -1;
  if (digits < 0 || digits > 15) throw new ExpressionError('round: expected decimal places 0 to 15 as a literal', offset);
  if (isInteger(x.type)) return x;
  return finite(call('round', 'double', [x], x.bound * 10 ** digits <= Number.MAX_VALUE ? x.bound + 1 : Infinity, { digits }));
}

function substring(args: readonly TypedNode[], offset: number): TypedNode {
  const [text, start, length] = args;
  expectType(text, isText, 'a string', offset, 'substring');
  for (const position of args.slice(1)) expectType(position, isInteger, 'integer start and length', offset, 'substring');
  if (start.op === 'literal' && (start.value as number) < 1) throw new ExpressionError('substring: expected a start of 1 or more', offset);
  return call('substring', 'string', length === undefined ? [text, start] : [text, start, length]);
}

function nullif(args: readonly TypedNode[], offset: number): TypedNode {
  const type = unifyTypes(args);
  const [value] = args;
  if (type === undefined || type === 'list' || type === 'null' || value.type === 'null') throw mixed('nullif', args, offset);
  return call('nullif', type, args.map((arg) => convert(arg, type)), value.bound);
}

function coalesce(args: readonly TypedNode[], offset: number): TypedNode {
  const type = unifyTypes(args);
  if (type === undefined || type === 'list') throw mixed('coalesce', args, offset);
  return call('coalesce', type, args.map((arg) => convert(arg, type)), largestBound(args));
}

function daysBetween(args: readonly TypedNode[], offset: number): TypedNode {
  const moments = args.map((arg) => expectType(arg, isMoment, 'a timestamp or date', offset, 'days_between'));
  return call('daysBetween', 'double', moments.map(asTimestamp), 2 * 8.64e15 / 86_400_000);
}

export function asTimestamp(node: TypedNode): TypedNode {
  return node.type === 'date' ? call('dateToTimestamp', 'timestamp', [node], node.bound * 86_400_000) : node;
}

function dateTrunc(args: readonly TypedNode[], offset: number): TypedNode {
  const [unit, moment] = args;
  if (unit.op !== 'literal' || (unit.value !== 'day' && unit.value !== 'hour')) {
    throw new ExpressionError(`date_trunc: expected 'day' or 'hour', found ${unit.op === 'literal' ? String(unit.value) : 'an expression'}`, offset);
  }
  return call('dateTrunc', 'timestamp', [expectType(moment, (type) => type === 'timestamp', 'a timestamp', offset, 'date_trunc')], moment.bound, { text: unit.value });
}

/** Every function by its SQL name. */
export const FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  abs: numberFunction('abs', (x) => isInteger(x.type) && x.type === 'int' ? call('abs', 'bigint', [x], x.bound) : call('abs', x.type, [x], x.bound)),
  floor: towards('floor'),
  ceil: towards('ceil'),
  round: { form: 'round(number[, places])', arity: [1, 2], build: round },
  sqrt: numberFunction('sqrt', (x) => call('sqrt', 'double', [asDouble(x)], Math.max(1, x.bound))),
  ln: numberFunction('ln', (x) => call('ln', 'double', [asDouble(x)], 746)),
  exp: numberFunction('exp', (x) => finite(call('exp', 'double', [asDouble(x)], x.bound <= 709 ? Math.exp(x.bound) : Infinity))),
  power: {
    form: 'power(base, exponent)', arity: [2, 2],
    build: (args, offset) => finite(call('power', 'double',
      args.map((arg) => asDouble(expectType(arg, isNumeric, 'numbers', offset, 'power'))), Infinity)),
  },
  least: extreme('least'),
  greatest: extreme('greatest'),
  coalesce: { form: 'coalesce(value, value, …)', arity: [1, 64], build: coalesce },
  nullif: { form: 'nullif(value, value)', arity: [2, 2], build: nullif },
  lower: textFunction('lower'),
  upper: textFunction('upper'),
  length: textFunction('length'),
  substring: { form: 'substring(string, start[, length])', arity: [2, 3], build: substring },
  starts_with: {
    form: 'starts_with(string, prefix)', arity: [2, 2],
    build: (args, offset) => call('startsWith', 'boolean', args.map((arg) => expectType(arg, isText, 'strings', offset, 'starts_with'))),
  },
  days_between: { form: 'days_between(from, to)', arity: [2, 2], build: daysBetween },
  hour: momentFunction('hour'),
  day_of_week: momentFunction('day_of_week'),
  date_trunc: { form: "date_trunc('day' | 'hour', timestamp)", arity: [2, 2], build: dateTrunc },
  list_count: listFunction('list_count', 'listCount'),
  list_sum: listFunction('list_sum', 'listSum'),
  list_min: listFunction('list_min', 'listMin'),
  list_max: listFunction('list_max', 'listMax'),
};

/** A cast by docs/expressions.md; combinations that are not there are mistakes. */
export function buildCast(node: TypedNode, to: ValueType, offset: number): TypedNode {
  const from = node.type;
  if (from === 'null') return { ...node, type: to } as TypedNode;
  if (from === to) return node;
  switch (`${from} ${to}`) {
    case 'int bigint': return convert(node, 'bigint');
    case 'int double': case 'bigint double': return asDouble(node);
    case 'bigint int': return narrow(node);
    case 'double bigint': return call('truncate', 'bigint', [safe(node)], Math.min(node.bound, MAX_INTEGER));
    case 'double int': return narrow(call('truncate', 'bigint', [safe(node)], Math.min(node.bound, MAX_INTEGER)));
    case 'boolean int': return call('booleanToInt', 'int', [node], 1);
    case 'boolean bigint': return convert(call('booleanToInt', 'int', [node], 1), 'bigint');
    case 'int boolean': case 'bigint boolean': return call('integerToBoolean', 'boolean', [node]);
    case 'int string': case 'bigint string': return call('integerToText', 'string', [node]);
    case 'boolean string': return call('booleanToText', 'string', [node]);
    case 'string bigint': return call('textToBigint', 'bigint', [node], MAX_INTEGER);
    case 'string int': return narrow(call('textToBigint', 'bigint', [node], MAX_INTEGER));
    case 'string double': return finite(call('textToDouble', 'double', [node], Infinity));
    case 'string boolean': return call('textToBoolean', 'boolean', [node]);
    case 'date timestamp': return asTimestamp(node);
    case 'timestamp date': return call('timestampToDate', 'date', [node], node.bound / 86_400_000);
    default: break;
  }
  const hint = from === 'double' && to === 'string' ? ' (a double has no one text form)'
    : to === 'timestamp' || to === 'date' ? ' (only a literal like \'2011-09-09\' becomes a moment)' : '';
  throw new ExpressionError(`cast: no cast from ${from} to ${to}${hint}`, offset);
}
