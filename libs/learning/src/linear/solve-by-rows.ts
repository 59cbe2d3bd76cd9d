import type { FitContext } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { eachRow } from './each-row.ts';
import { solveTriangle, TriangleOfRows } from './householder.ts';
import type { LeastSquares } from './linear-regression.ts';

/** What must be left of a column's length when the others are taken out: below is float32's rounding of the features. */
const rankTolerance = 1e-6;

/** By orthogonal transformations of the centred rows, in float64: rows x columns^2, on the caller's thread. */
export async function solveByRows(prepared: PreparedRows, l2: number, context: FitContext): Promise<LeastSquares> {
  const { columnCount: d, y, weights } = prepared;
  const { pace } = context;
  const { mean, meanOfTarget, total } = await centre(prepared, context);
  const triangle = new TriangleOfRows(d, pace);
  const centred = new Float64Array(d);
  // Rows wait here until the triangle has room: visiting can't pause, taking in rows can.
  let waiting: { row: Float64Array; right: number; factor: number }[] = [];
  for (let start = 0; start < prepared.rowCount; start += triangle.blockRows) {
    const end = Math.min(start + triangle.blockRows, prepared.rowCount);
    await eachRow(slice(prepared, start, end), context, (X, offset, row) => {
      const weight = weights === undefined ? 1 : weights[start + row]!;
      if (weight === 0) return;
      for (let j = 0; j < d; j++) centred[j] = X[offset + j]! - mean[j]!;
      waiting.push({ row: centred.slice(), right: y[start + row]! - meanOfTarget, factor: Math.sqrt(weight) });
    });
    for (const { row, right, factor } of waiting) await triangle.add(row, right, factor);
    waiting = [];
    context.progress(0.2 + 0.6 * (end / prepared.rowCount));
  }
  // A penalty is one more row for each coefficient.
  for (let j = 0; j < d && l2 > 0; j++) await triangle.add(centred.fill(0).fill(1, j, j + 1), 0, Math.sqrt(l2));
  const { solution } = await solveTriangle(await triangle.triangle(), d, rankTolerance, pace);
  const intercept = solution.reduce((sum, coefficient, j) => sum - coefficient * mean[j]!, meanOfTarget);
  let squares = 0;
  await eachRow(prepared, context, (X, offset, row) => {
    let error = y[row]! - meanOfTarget;
    for (let j = 0; j < d; j++) error -= solution[j]! * (X[offset + j]! - mean[j]!);
    squares += (weights === undefined ? 1 : weights[row]!) * error * error;
  });
  return { coefficients: solution, intercept, mean, loss: squares / total };
}

/** Weighted means; a column of one value alone has that value, so that centring leaves nothing of it. */
async function centre(prepared: PreparedRows, context: FitContext): Promise<{ mean: Float64Array; meanOfTarget: number; total: number }> {
  const { columnCount: d, y, weights } = prepared;
  const mean = new Float64Array(d);
  const low = new Float64Array(d).fill(Infinity);
  const high = new Float64Array(d).fill(-Infinity);
  let total = 0, meanOfTarget = 0;
  await eachRow(prepared, context, (X, offset, row) => {
    const weight = weights === undefined ? 1 : weights[row]!;
    if (weight === 0) return;
    total += weight;
    meanOfTarget += weight * y[row]!;
    for (let j = 0; j < d; j++) {
      const x = X[offset + j]!;
      mean[j]! += weight * x;
      if (x < low[j]!) low[j] = x;
      if (x > high[j]!) high[j] = x;
    }
  });
  for (let j = 0; j < d; j++) mean[j] = low[j] === high[j] ? low[j]! : mean[j]! / total;
  return { mean, meanOfTarget: meanOfTarget / total, total };
}

function slice(prepared: PreparedRows, start: number, end: number): PreparedRows {
  return { ...prepared, rowCount: end - start, readOnThreads: undefined, read: (from, to, out) => { prepared.read(start + from, start + to, out); } };
}
