import type { Expr, ExprBinary, ExprCase, ExprCast, ExprUnary } from 'pgsql-ast-parser';
import { arithmetic, asDouble, call, convert, ExpressionError, integerLiteral, largestBound, literal, negate, unifyTypes } from './build-tree.ts';
import { asTimestamp, buildCast, FUNCTIONS, mixed } from './functions.ts';
import { suggest } from './suggest.ts';
import { boundOf, isNumeric, MAX_INTEGER, valueTypeOf, type Operation, type Scope, type TypedNode, type ValueType } from './typed-tree.ts';

const CAST_TYPES: Readonly<Record<string, ValueType>> = {
  'int': 'int', 'integer': 'int', 'bigint': 'bigint', 'double': 'double', 'double precision': 'double',
  'string': 'string', 'varchar': 'string', 'text': 'string', 'boolean': 'boolean', 'timestamp': 'timestamp', 'date': 'date',
};
const COMPARISONS: Readonly<Record<string, Operation>> = { '=': 'eq', '!=': 'ne', '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge' };
const LOOSE = new Set(['=', '!=', '<', '<=', '>', '>=', 'IN', 'NOT IN', 'LIKE', 'NOT LIKE', 'IS NULL', 'IS NOT NULL', 'IS TRUE', 'IS NOT TRUE',
  'IS FALSE', 'IS NOT FALSE', 'BETWEEN', 'NOT BETWEEN']);
const DEPTH_MAX = 64;

/** Turns a parsed expression into a typed tree; mistakes are thrown as `ExpressionError` with their offset. */
export class TypeChecker {
  readonly columns = new Set<string>();
  readonly #text: string;
  readonly #scope: Scope;
  #depth = 0;

  constructor(text: string, scope: Scope) {
    this.#text = text;
    this.#scope = scope;
  }

  check(expr: Expr): TypedNode {
    if (++this.#depth > DEPTH_MAX) this.#fail(expr, `expected at most ${DEPTH_MAX} levels of nesting`);
    const node = this.#checkKind(expr);
    this.#depth--;
    return node;
  }

  #checkKind(expr: Expr): TypedNode {
    switch (expr.type) {
      case 'integer': return this.#integer(expr);
      case 'numeric': return literal(this.#finiteLiteral(expr), 'double');
      case 'string': return literal(expr.value, 'string');
      case 'boolean': return literal(expr.value, 'boolean');
      case 'null': return literal(null, 'null');
      case 'ref': return this.#column(expr.name, expr.table !== undefined, expr);
      case 'unary': return this.#unary(expr);
      case 'binary': return this.#binary(expr);
      case 'ternary': {
        this.#refuseChain(expr, [expr.value, expr.lo, expr.hi]);
        const [value, lo, hi] = [this.check(expr.value), this.check(expr.lo), this.check(expr.hi)];
        const between = call('and', 'boolean', [this.#compare('ge', value, lo, expr), this.#compare('le', value, hi, expr)]);
        return expr.op === 'BETWEEN' ? between : call('not', 'boolean', [between]);
      }
      case 'case': return this.#case(expr);
      case 'cast': return this.#cast(expr);
      case 'call': {
        if (expr.distinct || expr.orderBy || expr.filter || expr.over || expr.withinGroup || expr.function.schema) {
          this.#fail(expr, `expected a plain call, found an aggregate or qualified form of ${expr.function.name}`);
        }
        return this.#call(expr.function.name, expr.args, expr);
      }
      case 'substring': return this.#call('substring', [expr.value, expr.from, expr.for].filter((arg): arg is Expr => !!arg), expr);
      case 'list': this.#fail(expr, 'expected one value, found a list'); break;
      default: break;
    }
    this.#fail(expr, `expected a scalar expression, found ${expr.type === 'keyword' ? `the reserved word ${expr.keyword}` : `a form that the language leaves out (${expr.type})`}`);
  }

  #fail(at: Expr, message: string): never {
    throw new ExpressionError(message, at._location?.start ?? 0);
  }

  #integer(expr: Expr & { type: 'integer' }): TypedNode {
    if (Math.abs(expr.value) > MAX_INTEGER) this.#fail(expr, 'expected an integer within 2^53 - 1; a larger one is not exact');
    return integerLiteral(expr.value + 0);
  }

  #finiteLiteral(expr: Expr & { type: 'numeric' }): number {
    if (!Number.isFinite(expr.value)) this.#fail(expr, 'expected a finite number');
    return expr.value + 0;
  }

  #column(name: string, qualified: boolean, at: Expr): TypedNode {
    if (qualified) this.#fail(at, 'expected a bare column name, found a qualified one');
    if (!Object.hasOwn(this.#scope, name)) {
      if (Object.hasOwn(this.#scope, `${name}__1`)) this.#fail(at, `expected one value, found the sequence ${name}; write sequence_at(${name}, 1) for its newest`);
      const names = Object.keys(this.#scope);
      const hint = name === '*' ? undefined : suggest(name, names);
      this.#fail(at, `unknown name ${name}${hint === undefined ? '' : `; did you mean ${hint}?`}`);
    }
    const column = this.#scope[name];
    this.columns.add(name);
    const element = column.name === 'list' ? column.of : column;
    return { op: 'column', type: valueTypeOf(column), name, column, bound: boundOf(element) };
  }

  #boolean(expr: Expr, what: string): TypedNode {
    const node = this.check(expr);
    if (node.type === 'null') return { ...node, type: 'boolean' } as TypedNode;
    if (node.type !== 'boolean') this.#fail(expr, `${what}: expected boolean, found ${node.type}`);
    return node;
  }

  #unary(expr: ExprUnary): TypedNode {
    if (expr.op === 'NOT') return call('not', 'boolean', [this.#boolean(expr.operand, 'not')]);
    if (expr.op === '-' || expr.op === '+') {
      const node = this.check(expr.operand);
      if (!isNumeric(node.type)) this.#fail(expr, `${expr.op}: expected a number, found ${node.type}`);
      return expr.op === '-' ? negate(node) : node;
    }
    this.#refuseChain(expr, [expr.operand]);
    if (expr.op === 'IS NULL' || expr.op === 'IS NOT NULL') {
      const node = call('isNull', 'boolean', [this.check(expr.operand)]);
      return expr.op === 'IS NULL' ? node : call('not', 'boolean', [node]);
    }
    const test = call(expr.op.endsWith('TRUE') ? 'isTrue' : 'isFalse', 'boolean', [this.#boolean(expr.operand, expr.op.toLowerCase())]);
    return expr.op.startsWith('IS NOT') ? call('not', 'boolean', [test]) : test;
  }

  #binary(expr: ExprBinary): TypedNode {
    const { op } = expr;
    if (op === 'AND' || op === 'OR') {
      return call(op === 'AND' ? 'and' : 'or', 'boolean', [this.#boolean(expr.left, op.toLowerCase()), this.#boolean(expr.right, op.toLowerCase())]);
    }
    if (LOOSE.has(op)) this.#refuseChain(expr, [expr.left, expr.right]);
    if (op in COMPARISONS) return this.#compare(COMPARISONS[op], this.check(expr.left), this.check(expr.right), expr);
    if (op === 'IN' || op === 'NOT IN') return this.#in(expr);
    if (op === 'LIKE' || op === 'NOT LIKE') return this.#like(expr);
    if (op === '||') {
      const args = [this.check(expr.left), this.check(expr.right)];
      if (args.some((arg) => arg.type !== 'string')) this.#fail(expr, `||: expected strings, found ${args.map((arg) => arg.type).join(' and ')}; cast numbers to string`);
      return call('concat', 'string', args.flatMap((arg) => arg.op === 'concat' ? arg.args : [arg]));
    }
    if (op === '+' || op === '-' || op === '*' || op === '/' || op === '%') {
      const [left, right] = [this.check(expr.left), this.check(expr.right)];
      for (const side of [left, right]) {
        if (!isNumeric(side.type)) {
          this.#fail(expr, `${op}: expected numbers, found ${side.type}${side.type === 'timestamp' || side.type === 'date' ? '; use days_between(from, to)' : ''}`);
        }
      }
      return arithmetic(op, left, right);
    }
    this.#fail(expr, `expected an operator of the language, found ${op}${op === '^' ? '; use power(base, exponent)' : ''}`);
  }

  /** `a = b is null` and `a < b = c` read differently in each dialect: parentheses are asked for. */
  #refuseChain(at: Expr, operands: readonly Expr[]): void {
    for (const operand of operands) {
      const op = operand.type === 'binary' || operand.type === 'unary' || operand.type === 'ternary' ? operand.op : '';
      const place = operand._location;
      if (!LOOSE.has(op) || place === undefined) continue;
      const before = this.#text.slice(0, place.start).trimEnd().at(-1);
      const after = this.#text.slice(place.end).trimStart().at(0);
      if (before !== '(' || after !== ')') this.#fail(at, `expected parentheses around ${this.#text.slice(place.start, place.end)}`);
    }
  }

  #compare(op: Operation, left: TypedNode, right: TypedNode, at: Expr): TypedNode {
    if (left.type === 'null' || right.type === 'null') this.#fail(at, 'comparing with null gives null; use is null');
    const type = unifyTypes([left, right]);
    if (type === undefined || type === 'list') {
      const dated = (left.type === 'timestamp' || left.type === 'date' || right.type === 'timestamp' || right.type === 'date');
      this.#fail(at, `expected two values of one type, found ${left.type} and ${right.type}${dated ? "; write timestamp '2011-09-09 00:00:00' or date '2011-09-09'" : ''}`);
    }
    if (type === 'boolean' && op !== 'eq' && op !== 'ne') this.#fail(at, 'booleans have no order; expected = or <>');
    return call(op, 'boolean', [convert(left, type), convert(right, type)]);
  }

  #in(expr: ExprBinary): TypedNode {
    const items = expr.right.type === 'list' ? expr.right.expressions : [expr.right];
    const args = [this.check(expr.left), ...items.map((item) => this.check(item))];
    const type = unifyTypes(args);
    if (type === undefined || type === 'list' || type === 'null' || args[0].type === 'null') throw mixed('in', args, expr._location?.start ?? 0);
    const node = call('in', 'boolean', args.map((arg) => convert(arg, type)));
    return expr.op === 'IN' ? node : call('not', 'boolean', [node]);
  }

  #like(expr: ExprBinary): TypedNode {
    const text = this.check(expr.left);
    if (text.type !== 'string') this.#fail(expr, `like: expected a string, found ${text.type}`);
    if (expr.right.type !== 'string') this.#fail(expr, 'like: expected a literal pattern');
    const node = call('like', 'boolean', [text], 1, { text: expr.right.value });
    return expr.op === 'LIKE' ? node : call('not', 'boolean', [node]);
  }

  #case(expr: ExprCase): TypedNode {
    const subject = expr.value ? this.check(expr.value) : undefined;
    const conditions = expr.whens.map((branch) => subject === undefined ? this.#boolean(branch.when, 'case when')
      : this.#compare('eq', subject, this.check(branch.when), branch.when));
    const values = expr.whens.map((branch) => this.check(branch.value));
    const otherwise = expr.else ? this.check(expr.else) : literal(null, 'null');
    const type = unifyTypes([...values, otherwise]);
    if (type === undefined || type === 'list') throw mixed('case', [...values, otherwise], expr._location?.start ?? 0);
    const args = conditions.flatMap((condition, k) => [condition, convert(values[k], type)]);
    return call('case', type, [...args, convert(otherwise, type)], largestBound([...values, otherwise]));
  }

  #cast(expr: ExprCast): TypedNode {
    const to = expr.to;
    const type = to.kind === 'array' || to.config !== undefined ? undefined : CAST_TYPES[to.name];
    if (type === undefined) this.#fail(expr, `cast: expected one of int, bigint, double, string, boolean, timestamp, date, found ${to.kind === 'array' ? 'an array' : to.name}`);
    const node = this.check(expr.operand);
    const offset = expr._location?.start ?? 0;
    if (node.op === 'literal' && node.type === 'string' && (type === 'timestamp' || type === 'date')) return momentLiteral(String(node.value), type, offset);
    if (type === 'double' && node.op === 'literal' && isNumeric(node.type)) return asDouble(node);
    return type === 'timestamp' && node.type === 'date' ? asTimestamp(node) : buildCast(node, type, offset);
  }

  /** `sequence_at(name, k)`: a sequence's values are in scope one by one, newest first, as `name__1`, `name__2`, … */
  #sequenceAt([sequence, index, ...more]: readonly Expr[], at: Expr): TypedNode {
    const form = 'sequence_at(sequence, k)';
    if (sequence === undefined || index === undefined || more.length > 0) this.#fail(at, `expected ${form}`);
    if (sequence.type !== 'ref' || sequence.table !== undefined || !Object.hasOwn(this.#scope, `${sequence.name}__1`)) {
      this.#fail(sequence, `sequence_at: expected the name of a sequence${sequence.type === 'ref' ? `, found ${sequence.name}` : ''}`);
    }
    const parts = Object.keys(this.#scope).filter((name) => name.startsWith(`${sequence.name}__`) && /^\d+$/.test(name.slice(sequence.name.length + 2)));
    if (index.type !== 'integer' || index.value < 1 || index.value > parts.length) {
      this.#fail(index, `sequence_at: expected a literal from 1 (newest) to ${parts.length}${index.type === 'integer' ? `, found ${index.value}` : ''}`);
    }
    return this.#column(`${sequence.name}__${index.value}`, false, at);
  }

  #call(name: string, args: readonly Expr[], at: Expr): TypedNode {
    if (name === 'sequence_at') return this.#sequenceAt(args, at);
    if (!Object.hasOwn(FUNCTIONS, name)) {
      const hint = suggest(name, Object.keys(FUNCTIONS));
      this.#fail(at, `unknown function ${name}${hint === undefined ? '' : `; did you mean ${FUNCTIONS[hint].form}?`}`);
    }
    const definition = FUNCTIONS[name];
    if (args.length < definition.arity[0] || args.length > definition.arity[1]) this.#fail(at, `expected ${definition.form}, found ${args.length} arguments`);
    return definition.build(args.map((arg) => this.check(arg)), at._location?.start ?? 0);
  }
}

const MOMENT = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?Z?)?$/;

/** A literal moment in UTC; a day that the calendar lacks is a mistake. */
function momentLiteral(text: string, type: 'timestamp' | 'date', offset: number): TypedNode {
  const parts = MOMENT.exec(text);
  if (parts === null || (type === 'date' && parts[4] !== undefined)) {
    throw new ExpressionError(`expected ${type === 'date' ? 'yyyy-MM-dd' : 'yyyy-MM-dd HH:mm:ss'}, found '${text}'`, offset);
  }
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  const milli = Number((parts[7] ?? '').padEnd(3, '0'));
  const moment = new Date(Date.UTC(2000, month - 1, day, hour, minute, second, milli));
  moment.setUTCFullYear(year, month - 1, day);
  const real = moment.getUTCMonth() === month - 1 && moment.getUTCDate() === day && hour < 24 && minute < 60 && second < 60 && year > 0;
  if (!real) throw new ExpressionError(`expected a moment of the calendar, found '${text}'`, offset);
  return literal(type === 'date' ? moment.getTime() / 86_400_000 : moment.getTime(), type);
}
