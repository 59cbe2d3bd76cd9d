import { isInteger, isNumeric, MAX_INT, MAX_INTEGER, type CallNode, type Operation, type Scalar, type TypedNode, type ValueType } from './typed-tree.ts';

/** A mistake in an expression, at an offset of its text; `parseExpression` returns it as a value. */
export class ExpressionError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

export function literal(value: Scalar, type: ValueType): TypedNode {
  return { op: 'literal', type, value, bound: typeof value === 'number' ? Math.abs(value) : 1 };
}

export function call(op: Operation, type: ValueType, args: readonly TypedNode[], bound = 1, extra: Pick<CallNode, 'text' | 'digits'> = {}): TypedNode {
  return { op, type, args, bound, ...extra };
}

/** An integer literal: `int` where 32 bits hold it. */
export function integerLiteral(value: number): TypedNode {
  return literal(value, value >= -MAX_INT && value < MAX_INT ? 'int' : 'bigint');
}

export function asDouble(node: TypedNode): TypedNode {
  if (node.type === 'double') return node;
  if (node.op === 'literal') return literal(node.value, 'double');
  return call('toDouble', 'double', [node], node.bound);
}

export function asBigint(node: TypedNode): TypedNode {
  if (node.type === 'bigint') return node;
  if (node.op === 'literal') return literal(node.value, 'bigint');
  return call('toBigint', 'bigint', [node], node.bound);
}

/** Doubles past the largest finite one, and what has no value, become null. */
export function finite(node: TypedNode): TypedNode {
  return node.bound <= Number.MAX_VALUE ? node : call('finite', 'double', [node], Number.MAX_VALUE);
}

/** A part that may be infinite where what is made of it stays so and is checked as a whole: infinity never turns finite under + - *. */
function unguarded(node: TypedNode): TypedNode {
  return node.op === 'finite' ? node.args[0] : node;
}

/** Integers past 2^53 - 1 become null. */
export function safe(node: TypedNode): TypedNode {
  return node.bound <= MAX_INTEGER ? node : call('safe', node.type, [node], MAX_INTEGER);
}

/** An integer of 32 bits, or null. */
export function narrow(node: TypedNode): TypedNode {
  if (node.type === 'int') return node;
  if (node.op === 'literal' && Math.abs(node.value as number) < MAX_INT) return literal(node.value, 'int');
  return call('narrow', 'int', [node], Math.min(node.bound, MAX_INT));
}

/** One type for values that may stand for each other (branches, list entries, compared sides), or undefined when there is none. */
export function unifyTypes(nodes: readonly TypedNode[]): ValueType | undefined {
  let type: ValueType = 'null';
  for (const node of nodes) {
    if (node.type === 'null' || node.type === type) continue;
    if (type === 'null') type = node.type;
    else if (isNumeric(type) && isNumeric(node.type)) type = type === 'double' || node.type === 'double' ? 'double' : 'bigint';
    else return undefined;
  }
  return type;
}

/** The same value as `type`, which `unifyTypes` gave. */
export function convert(node: TypedNode, type: ValueType): TypedNode {
  if (node.type === type) return node;
  if (node.type === 'null') return { ...node, type } as TypedNode;
  return type === 'double' ? asDouble(node) : asBigint(node);
}

export function largestBound(nodes: readonly TypedNode[]): number {
  return nodes.reduce((bound, node) => Math.max(bound, node.op === 'literal' && node.value === null ? 0 : node.bound), 0);
}

type ArithmeticOperator = '+' | '-' | '*' | '/' | '%';

/** Arithmetic by the rules of docs/expressions.md: integers stay integers except under `/`; what leaves the range is null. */
export function arithmetic(operator: ArithmeticOperator, left: TypedNode, right: TypedNode): TypedNode {
  const integers = isInteger(left.type) && isInteger(right.type);
  if (operator === '/') {
    const [a, b] = [asDouble(left), asDouble(right)];
    const smallest = isInteger(right.type) ? 1 : b.op === 'literal' && b.bound > 0 ? b.bound : Number.MIN_VALUE;
    return finite(call('divide', 'double', [unguarded(a), b], unguarded(a).bound / smallest));
  }
  if (operator === '%') {
    const bound = Math.min(left.bound, right.bound);
    return integers ? call('remainder', 'bigint', [asBigint(left), asBigint(right)], bound)
      : call('remainder', 'double', [asDouble(left), asDouble(right)], bound);
  }
  if (operator === '*') {
    const bound = left.bound * right.bound;
    if (integers && bound <= MAX_INTEGER) return call('multiply', 'bigint', [asBigint(left), asBigint(right)], bound);
    const [a, b] = [unguarded(asDouble(left)), unguarded(asDouble(right))];
    const product = call('multiply', 'double', [a, b], a.bound * b.bound);
    // A 64-bit product may overflow where a double does not: the range is checked before it becomes an integer again.
    return integers ? call('truncate', 'bigint', [safe(product)], MAX_INTEGER) : finite(product);
  }
  const op = operator === '+' ? 'add' : 'subtract';
  const bound = left.bound + right.bound;
  if (integers) return safe(call(op, 'bigint', [asBigint(left), asBigint(right)], bound));
  const [a, b] = [unguarded(asDouble(left)), unguarded(asDouble(right))];
  return finite(call(op, 'double', [a, b], a.bound + b.bound));
}

export function negate(node: TypedNode): TypedNode {
  if (node.op === 'literal' && typeof node.value === 'number') {
    return node.type === 'double' ? literal(0 - node.value, 'double') : integerLiteral(0 - node.value);
  }
  return isInteger(node.type) ? call('negate', 'bigint', [asBigint(node)], node.bound) : call('negate', 'double', [node], node.bound);
}
