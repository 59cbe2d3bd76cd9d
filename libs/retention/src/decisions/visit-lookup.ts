import { compileExpression, type CompiledExpression } from '../expressions/compile-expression.ts';
import { expectExpression } from '../expressions/parse-expression.ts';
import type { ColumnBatch } from '../records/columns.ts';
import { recordScope } from '../sources/record-scope.ts';
import type { Source } from '../sources/source.ts';
import { numberColumn, textColumn } from './record-decisions.ts';

/** What a processor asks of visit values; undefined where they know nothing. */
export interface VisitLookup {
  expectedValue(by: string, step: number): number | undefined;
  leaveProbability(by: string, step: number): number | undefined;
}

/** The visit of single records: which group, which step. */
export class VisitReader {
  readonly #by: CompiledExpression;
  readonly #step: CompiledExpression;

  constructor(source: Source, visit: NonNullable<Source['features']['visit']>) {
    const compile = (sql: string): CompiledExpression => compileExpression(expectExpression(sql, recordScope(source)));
    this.#by = compile(visit.by);
    this.#step = compile(visit.step);
  }

  /** Group and step of any row of a batch. */
  read(batch: ColumnBatch): (row: number) => { by: string; step: number } {
    const by = textColumn(this.#by.evaluateColumn(batch), batch.rowCount);
    const steps = numberColumn(this.#step.evaluateColumn(batch), batch.rowCount, NaN);
    const text = Buffer.from(by.bytes.buffer, by.bytes.byteOffset, by.bytes.length);
    return (row) => ({ by: text.toString('utf8', by.offsets[row], by.offsets[row + 1]), step: steps[row] });
  }
}
