import assert from 'node:assert/strict';
import { compileExpression, type CompiledExpression } from '../expressions/compile-expression.ts';
import { renderTree } from '../expressions/render-sql.ts';
import { scalarTypeOf, type TypedNode } from '../expressions/typed-tree.ts';
import { recordScope } from '../sources/record-scope.ts';
import type { Source } from '../sources/source.ts';

/** A part of the formulas that reads the record alone, evaluated over a batch ahead of `finish`. */
export interface RecordSlot {
  readonly name: string;
  readonly tree: TypedNode;
  readonly compiled: CompiledExpression;
}

/** Finds the largest parts of formulas that read the record and nothing else. */
export class RecordParts {
  readonly slots: RecordSlot[] = [];
  readonly #columns: ReadonlySet<string>;
  readonly #known = new Map<string, number>();

  constructor(source: Source) {
    this.#columns = new Set(source.time === undefined ? Object.keys(recordScope(source)) : []);
  }

  /** The tree with those parts replaced by columns named after their slots. */
  extract(tree: TypedNode): TypedNode {
    if (tree.op === 'literal') return tree;
    if (readsAlone(tree, this.#columns)) return this.#slot(tree);
    return tree.op === 'column' ? tree : { ...tree, args: tree.args.map((arg) => this.extract(arg)) };
  }

  #slot(tree: TypedNode): TypedNode {
    assert(tree.type !== 'string', 'expected a formula that does not compare record text with aggregates');
    const key = renderTree(tree, 'duckdb', (name) => name);
    const position = this.#known.get(key) ?? this.slots.length;
    const name = `record_${position}`;
    const type = scalarTypeOf(tree.type);
    if (position === this.slots.length) {
      this.#known.set(key, position);
      this.slots.push({ name, tree, compiled: compileExpression({ sql: key, type, columns: [...columnsOf(tree)], tree }) });
    }
    return { op: 'column', type: tree.type, name, column: type, bound: tree.bound };
  }
}

/** Whether a part reads the record and nothing else. Logarithms and powers stay in the closure: SQL may differ in their last bit. */
function readsAlone(tree: TypedNode, record: ReadonlySet<string>): boolean {
  const columns = columnsOf(tree);
  return columns.size > 0 && [...columns].every((name) => record.has(name)) && !transcendental(tree) && tree.type !== 'list';
}

/** Whether a formula needs a text of the record beside aggregates; slots are numbers, so that none may. */
export function mixesRecordText(tree: TypedNode, record: ReadonlySet<string>): boolean {
  if (tree.op === 'literal') return false;
  if (readsAlone(tree, record)) return tree.type === 'string';
  return tree.op !== 'column' && tree.args.some((arg) => mixesRecordText(arg, record));
}

function columnsOf(tree: TypedNode, found: Set<string> = new Set()): Set<string> {
  if (tree.op === 'column') found.add(tree.name);
  else if (tree.op !== 'literal') for (const arg of tree.args) columnsOf(arg, found);
  return found;
}

function transcendental(tree: TypedNode): boolean {
  if (tree.op === 'column' || tree.op === 'literal') return false;
  return tree.op === 'ln' || tree.op === 'exp' || tree.op === 'power' || tree.args.some((arg) => transcendental(arg));
}
