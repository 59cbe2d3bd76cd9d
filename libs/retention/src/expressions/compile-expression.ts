import assert from 'node:assert/strict';
import type { Column, ColumnBatch, ColumnType, ScalarType } from '../records/columns.ts';
import { decodeText } from './text-operations.ts';
import { TextSink } from './text-sink.ts';
import type { Expression } from './parse-expression.ts';
import { formatType, isInteger, isNumeric, type Scalar, type TypedNode } from './typed-tree.ts';
import { JavaScriptWriter, type Leaves } from './write-javascript.ts';

/** An expression as a closure; both forms come from the same generated code. */
export interface CompiledExpression {
  readonly type: ScalarType;
  /** Value on one row; list columns have no scalar form, so expressions over them evaluate by column only. */
  evaluate(row: (name: string) => Scalar): Scalar;
  /**
   * Values on every row of a batch, as a column of `type`, or of `as` when the two fit: a decimal is computed in double and rounded
   * half away from zero to its scale, an int is checked for its range; what does not fit is null.
   */
  evaluateColumn(batch: ColumnBatch, as?: ScalarType): Column;
  /** Rows where a boolean expression is true, as 1; null counts as not true. Written to `out` when given. */
  selectRows(batch: ColumnBatch, out?: Uint8Array): Uint8Array;
}

/** Compiles a checked expression; the closures are built on first use of each form and kept. */
export function compileExpression(expression: Expression): CompiledExpression {
  return new Compiled(expression);
}

/** Whether a value of an expression's type may fill a column of `to` without a cast in the formula. */
export function isAssignable(from: ScalarType, to: ColumnType): boolean {
  if (to.name === 'list') return false;
  if (to.name === 'decimal' || to.name === 'double') return isNumeric(from.name as never);
  if (to.name === 'int' || to.name === 'bigint') return isInteger(from.name as never);
  return from.name === to.name;
}

type ColumnLoop = (values: ArrayLike<number>[], nulls: (Uint8Array | undefined)[], offsets: (Int32Array | undefined)[],
  rowCount: number, out: never, outNulls: Uint8Array) => number;

class Compiled implements CompiledExpression {
  readonly type: ScalarType;
  readonly #expression: Expression;
  readonly #loops = new Map<string, ColumnLoop>();
  #scalar: ((row: (name: string) => Scalar) => Scalar) | undefined;

  constructor(expression: Expression) {
    this.#expression = expression;
    this.type = expression.type;
  }

  evaluate(row: (name: string) => Scalar): Scalar {
    this.#scalar ??= compileScalar(this.#expression);
    return this.#scalar(row);
  }

  evaluateColumn(batch: ColumnBatch, as: ScalarType = this.type): Column {
    const { tree } = this.#expression;
    if (tree.op === 'column' && formatType(tree.column) === formatType(as)) return batch.columns[positionOf(batch, tree.name)];
    assert(isAssignable(this.type, as), `expected a type that ${this.type.name} fills, found ${formatType(as)}`);
    const { rowCount } = batch;
    const nulls = new Uint8Array(rowCount);
    if (as.name === 'string') {
      const sink = new TextSink(rowCount, 12);
      const found = this.#run(batch, as, sink, nulls);
      const column = { type: as, values: sink.bytes.subarray(0, sink.length), offsets: sink.offsets };
      return found === 0 ? column : { ...column, nulls };
    }
    const values = allocate(as, rowCount);
    return this.#run(batch, as, values, nulls) === 0 ? { type: as, values } : { type: as, values, nulls };
  }

  selectRows(batch: ColumnBatch, out: Uint8Array = new Uint8Array(batch.rowCount)): Uint8Array {
    assert(this.type.name === 'boolean', `expected a boolean expression, found ${this.type.name}`);
    this.#run(batch, 'select', out, out);
    return out;
  }

  #run(batch: ColumnBatch, as: ScalarType | 'select', out: unknown, outNulls: Uint8Array): number {
    const columns = this.#expression.columns.map((name) => batch.columns[positionOf(batch, name)]);
    const key = `${as === 'select' ? as : formatType(as)} ${columns.map((column) => column.nulls === undefined ? 0 : 1).join('')}`;
    let loop = this.#loops.get(key);
    if (loop === undefined) {
      loop = compileLoop(this.#expression, as, columns);
      this.#loops.set(key, loop);
    }
    return loop(columns.map((column) => column.values), columns.map((column) => column.nulls), columns.map((column) => column.offsets),
      batch.rowCount, out as never, outNulls);
  }
}

function positionOf(batch: ColumnBatch, name: string): number {
  const position = batch.names.indexOf(name);
  assert(position >= 0, `expected a batch with column ${name}, found ${batch.names.join(', ')}`);
  return position;
}

/** The array that carries a type's values, as `Column` says. */
export function allocate(type: ScalarType, rowCount: number): Int32Array | Float64Array | Uint8Array {
  if (type.name === 'boolean') return new Uint8Array(rowCount);
  const narrow = type.name === 'int' || type.name === 'date' || (type.name === 'decimal' && type.precision <= 9);
  return narrow ? new Int32Array(rowCount) : new Float64Array(rowCount);
}

function compileScalar(expression: Expression): (row: (name: string) => Scalar) => Scalar {
  const read = (name: string): string => `row(${writer.constant(name)})`;
  const leaves: Leaves = {
    number: (node) => {
      const value = writer.name(read(node.name));
      return node.type === 'boolean' ? `${value} === null ? NaN : ${value} ? 1 : 0` : `${value} === null ? NaN : ${value} + 0`;
    },
    text: (node) => read(node.name),
  };
  const writer: JavaScriptWriter = new JavaScriptWriter(leaves);
  const { tree } = expression;
  let result: string;
  if (tree.type === 'boolean') result = `(${writer.isTrue(tree)}) ? true : (${writer.isFalse(tree)}) ? false : null`;
  else {
    const value = writer.value(tree);
    result = tree.type === 'string' ? value : `${value} === ${value} ? ${value} : null`;
  }
  return generate<(row: (name: string) => Scalar) => Scalar>(writer, `(row) => { ${writer.lines.join('\n')}\nreturn ${result}; }`);
}

/** Leaves that read column k of the expression from the arrays `v<k>`, `n<k>` (nulls), `o<k>` (offsets) at row i. */
function batchLeaves(expression: Expression, columns: readonly Column[], decode: () => string): Leaves {
  const at = (node: { name: string }): number => expression.columns.indexOf(node.name);
  const nullTest = (k: number): string | undefined => columns[k].nulls === undefined ? undefined : `n${k}[i] === 1`;
  const orNull = (k: number, value: string, none: string): string => columns[k].nulls === undefined ? value : `n${k}[i] === 1 ? ${none} : ${value}`;
  return {
    number: (node) => {
      const k = at(node);
      const { column } = node;
      const value = column.name === 'decimal' && column.scale > 0 ? `v${k}[i] / ${10 ** column.scale}` : column.name === 'double' ? `v${k}[i] + 0` : `v${k}[i]`;
      return orNull(k, value, 'NaN');
    },
    text: (node) => orNull(at(node), `${decode()}(v${at(node)}, o${at(node)}[i], o${at(node)}[i + 1])`, 'null'),
    bytes: (node) => {
      const k = at(node);
      return { bytes: `v${k}`, start: `o${k}[i]`, end: `o${k}[i + 1]`, isNull: nullTest(k) };
    },
    list: (node) => {
      const k = at(node);
      const of = node.column.name === 'list' ? node.column.of : node.column;
      return { values: `v${k}`, start: `o${k}[i]`, end: `o${k}[i + 1]`, isNull: nullTest(k), scale: of.name === 'decimal' ? of.scale : 0 };
    },
  };
}

function compileLoop(expression: Expression, as: ScalarType | 'select', columns: readonly Column[]): ColumnLoop {
  const writer: JavaScriptWriter = new JavaScriptWriter(batchLeaves(expression, columns, () => writer.constant(decodeText)));
  const { tree } = expression;
  const store = as === 'select' ? `out[i] = (${writer.isTrue(tree)}) ? 1 : 0;`
    : as.name === 'string' ? storeText(writer, tree) : storeNumber(writer, tree, as);
  const names = columns.map((_, k) => `const v${k} = V[${k}], n${k} = N[${k}], o${k} = O[${k}];`).join('\n');
  return generate<ColumnLoop>(writer, `(V, N, O, rowCount, out, nulls) => {
    ${names}
    let found = 0;
    for (let i = 0; i < rowCount; i++) {
      ${writer.lines.join('\n      ')}
      ${store}
    }
    return found;
  }`);
}

/** Statements that store a number's row, rounded and checked for the range of `as`. */
function storeNumber(writer: JavaScriptWriter, tree: TypedNode, as: ScalarType): string {
  let value = writer.value(tree);
  if (as.name === 'decimal') {
    const size = writer.name(`Math.floor(Math.abs(${value}) * ${10 ** as.scale} + 0.5)`);
    const most = Math.min(10 ** as.precision - 1, Number.MAX_SAFE_INTEGER);
    value = writer.name(`${size} <= ${most} ? (${value} < 0 ? 0 - ${size} : ${size}) : NaN`);
  } else if (as.name === 'int' && tree.type !== 'int') {
    value = writer.name(`${value} >= -2147483648 && ${value} <= 2147483647 ? ${value} : NaN`);
  }
  return `if (${value} === ${value}) out[i] = ${value}; else { nulls[i] = 1; found = 1; }`;
}

function storeText(writer: JavaScriptWriter, tree: TypedNode): string {
  const isNull = textIsNull(writer, tree);
  const put = putText(writer, tree);
  const row = isNull === 'false' ? put : `if (${isNull}) { nulls[i] = 1; found = 1; } else { ${put} }`;
  return `${row} out.offsets[i + 1] = out.length;`;
}

function textIsNull(writer: JavaScriptWriter, node: TypedNode): string {
  if (node.op === 'concat') {
    const tests = node.args.map((arg) => textIsNull(writer, arg)).filter((test) => test !== 'false');
    return tests.length === 0 ? 'false' : `(${tests.map((test) => `(${test})`).join(' || ')})`;
  }
  if (node.op === 'integerToText') return writer.isNull(node.args[0]);
  if (node.op === 'case') {
    let code = textIsNull(writer, node.args[node.args.length - 1]);
    for (let k = node.args.length - 3; k >= 0; k -= 2) code = `((${writer.isTrue(node.args[k])}) ? ${textIsNull(writer, node.args[k + 1])} : ${code})`;
    return code;
  }
  return writer.isNull(node);
}

/** Statements that append a text that is not null, as bytes where its parts allow. */
function putText(writer: JavaScriptWriter, node: TypedNode): string {
  if (node.op === 'literal') return node.value === null ? '' : `out.putBytes(${writer.constant(new Uint8Array(Buffer.from(String(node.value), 'utf8')))});`;
  if (node.op === 'concat') return node.args.map((arg) => putText(writer, arg)).join(' ');
  if (node.op === 'integerToText') return `out.putInteger(${writer.value(node.args[0])});`;
  if (node.op === 'case') {
    let code = `{ ${putText(writer, node.args[node.args.length - 1])} }`;
    for (let k = node.args.length - 3; k >= 0; k -= 2) code = `if (${writer.isTrue(node.args[k])}) { ${putText(writer, node.args[k + 1])} } else ${code}`;
    return code;
  }
  const range = writer.bytes(node);
  if (range !== undefined) return `out.putRange(${range.bytes}, ${range.start}, ${range.end});`;
  return `out.putText(${writer.value(node)});`;
}

/**
 * Builds a function from code that the writers made: it holds operators, positions and numbers only, never text of the source,
 * which travels in the constants.
 */
export function generate<F>(writer: JavaScriptWriter, code: string): F {
   
  return new Function('K', `'use strict'; return ${code};`)(writer.constants) as F;
}
