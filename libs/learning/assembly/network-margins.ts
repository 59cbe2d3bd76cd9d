import { gatherRows, passForward } from './network-passes';
import { at, field, layerCountField, ofLayer, outputAt, rowCountField, scratchLengthField, shardRowsField } from './network-plan';
import { cancelled } from './threads';

export function networkMargins(thread: i32, threads: i32, plan: usize, X: usize, order: usize, weights: usize, scratch: usize, margins: usize): void {
  const rowCount = field(plan, rowCountField);
  const shardRows = field(plan, shardRowsField);
  const own = at(scratch, thread * field(plan, scratchLengthField));
  const output = at(own, ofLayer(plan, field(plan, layerCountField) - 1, outputAt));
  for (let start = thread * shardRows; start < rowCount; start += threads * shardRows) {
    if (cancelled()) return;
    const rows = min(shardRows, rowCount - start);
    const paddedRows = (rows + 3) & ~3;
    gatherRows(plan, X, order, start, rows, paddedRows, own);
    passForward(plan, weights, paddedRows, own);
    for (let i = 0; i < rows; i++) store<f64>(margins + (<usize>(start + i) << 3), <f64>load<f32>(at(output, 4 * i)));
  }
}
