import { strict as assert } from 'node:assert';
import { compileExpression, parseExpression, type ColumnBatch, type Source } from '#tideline/retention';

/** The source's `layout_check` over a scanned batch, 1 for each row for which it holds; undefined for a source without one. */
export function compileLayoutCheck(source: Source): ((batch: ColumnBatch) => Uint8Array) | undefined {
  const { layoutCheck } = source.format;
  if (layoutCheck === undefined) return undefined;
  const parsed = parseExpression(layoutCheck, Object.fromEntries(source.columns.map(({ name, type }) => [name, type])));
  assert(parsed.expression !== undefined, `the layout check of ${source.name} was checked when the source was read`);
  const compiled = compileExpression(parsed.expression);
  return (batch) => compiled.selectRows(batch);
}
