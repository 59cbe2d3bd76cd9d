import { compileExpression, type CompiledExpression } from '../expressions/compile-expression.ts';
import { expectExpression } from '../expressions/parse-expression.ts';
import type { Column, ColumnBatch } from '../records/columns.ts';
import { recordScope } from '../sources/record-scope.ts';
import type { Source } from '../sources/source.ts';

/** What a source says about each record of a batch as a step of its entity. */
export interface RecordDecisions {
  /** 0 where the expression gives null. */
  readonly rewards: Float64Array;
  /** Action of row i as UTF-8 text: `actions[actionOffsets[i] .. actionOffsets[i + 1])`; empty for null. */
  readonly actions: Uint8Array;
  readonly actionOffsets: Int32Array;
  /** 1 where the record ends an episode. */
  readonly terminals: Uint8Array;
}

/** Evaluates reward, action and terminal, which the source defines as expressions over a record. */
export class DecisionReader {
  readonly #reward: CompiledExpression;
  readonly #action: CompiledExpression;
  readonly #terminal: CompiledExpression | undefined;

  constructor(source: Source) {
    const compile = (sql: string): CompiledExpression => compileExpression(expectExpression(sql, recordScope(source)));
    this.#reward = compile(source.features.reward);
    this.#action = compile(source.features.action);
    this.#terminal = source.features.terminal === undefined ? undefined : compile(source.features.terminal);
  }

  read(batch: ColumnBatch): RecordDecisions {
    const action = textColumn(this.#action.evaluateColumn(batch), batch.rowCount);
    return {
      rewards: numberColumn(this.#reward.evaluateColumn(batch, { name: 'double' }), batch.rowCount, 0),
      actions: action.bytes,
      actionOffsets: action.offsets,
      terminals: this.#terminal?.selectRows(batch) ?? new Uint8Array(batch.rowCount),
    };
  }
}

/** A column's values as doubles (decimals in their own unit), with `none` for null. */
export function numberColumn(column: Column, rowCount: number, none: number): Float64Array {
  const unit = column.type.name === 'decimal' ? 10 ** column.type.scale : 1;
  const numbers = new Float64Array(rowCount);
  for (let row = 0; row < rowCount; row++) numbers[row] = column.nulls !== undefined && column.nulls[row] === 1 ? none : column.values[row] / unit;
  return numbers;
}

/** A column's values as text: strings as they are, numbers as JSON writes them, booleans as words. Null is empty. */
export function textColumn(column: Column, rowCount: number): { bytes: Uint8Array; offsets: Int32Array } {
  if (column.type.name === 'string' && column.offsets !== undefined) return { bytes: column.values as Uint8Array, offsets: column.offsets };
  const numbers = numberColumn(column, rowCount, NaN);
  const asText = column.type.name === 'boolean' ? (value: number): string => value === 1 ? 'true' : 'false' : String;
  const offsets = new Int32Array(rowCount + 1);
  const known = new Map<number, Uint8Array>();
  const texts = Array.from(numbers, (value, row) => {
    let text = known.get(value);
    if (text === undefined) known.set(value, text = Buffer.from(Number.isNaN(value) ? '' : asText(value)));
    offsets[row + 1] = offsets[row] + text.length;
    return text;
  });
  return { bytes: Buffer.concat(texts), offsets };
}
