// Margins, derivatives and losses of records, four at a time: the twin of `RecordUpdater` in `src/trees/update-records.ts` and of
// `src/trees/logistic-link.ts`. Lanes are independent records, so each gets the bits that it would get alone.
import {
  COUNTED, DRAW_SEED, DRAWS_BELOW, GRADIENT, LABEL, MARGIN, NEGATIVE_FACTOR, POSITIVE_FACTOR, ROW, SCALE, SQUARED_ERROR, WEIGHT, WEIGHT_ROUNDER, WIDE,
  intAt, numberAt,
} from './boosting-layout';
import { exp32x4 } from './exponential';

const UNIT: f64 = 1.0 / 16777216.0;

/** ln(1 + e) for e in [0, 1]: see the twin. */
// @ts-ignore: decorator
@inline
function log1pOfUnit(e: v128): v128 {
  let p = f32x4.splat(0.005253457929939032);
  p = f32x4.add(f32x4.mul(p, e), f32x4.splat(-0.02958850748836994));
  p = f32x4.add(f32x4.mul(p, e), f32x4.splat(0.07836166769266129));
  p = f32x4.add(f32x4.mul(p, e), f32x4.splat(-0.13674770295619965));
  p = f32x4.add(f32x4.mul(p, e), f32x4.splat(0.19111430644989014));
  p = f32x4.add(f32x4.mul(p, e), f32x4.splat(-0.24844369292259216));
  p = f32x4.add(f32x4.mul(p, e), f32x4.splat(0.33319270610809326));
  p = f32x4.add(f32x4.mul(p, e), f32x4.splat(-0.49999502301216125));
  p = f32x4.add(f32x4.mul(p, e), f32x4.splat(1));
  return f32x4.mul(p, e);
}

// @ts-ignore: decorator
@inline
function marginsOf(a: usize, b: usize, c: usize, d: usize, marginAt: usize): v128 {
  let margins = f32x4.splat(<f32>load<f64>(a + marginAt));
  margins = f32x4.replace_lane(margins, 1, <f32>load<f64>(b + marginAt));
  margins = f32x4.replace_lane(margins, 2, <f32>load<f64>(c + marginAt));
  return f32x4.replace_lane(margins, 3, <f32>load<f64>(d + marginAt));
}

// @ts-ignore: decorator
@inline
function labelsOf(a: usize, b: usize, c: usize, d: usize, labelAt: usize): v128 {
  let labels = i32x4.splat(<i32>load<u8>(a + labelAt));
  labels = i32x4.replace_lane(labels, 1, <i32>load<u8>(b + labelAt));
  labels = i32x4.replace_lane(labels, 2, <i32>load<u8>(c + labelAt));
  labels = i32x4.replace_lane(labels, 3, <i32>load<u8>(d + labelAt));
  return f32x4.convert_i32x4_s(labels);
}

/**
 * Derivatives and losses of records [start, end), whose margins are new already; adds the losses to the place `sums` and raises the
 * largest residual behind it. The last group repeats its last record, and counts it once.
 */
export function deriveRecords(plan: usize, rules: usize, records: usize, width: usize, start: i32, end: i32, sums: usize): void {
  if (intAt(plan, SQUARED_ERROR) != 0) deriveSquares(plan, rules, records, width, start, end, sums);
  else deriveLogLoss(plan, rules, records, width, start, end, sums);
}

function deriveLogLoss(plan: usize, rules: usize, records: usize, width: usize, start: i32, end: i32, sums: usize): void {
  const wide = intAt(plan, WIDE) != 0;
  const marginAt = <usize>intAt(plan, MARGIN), labelAt = <usize>intAt(plan, LABEL), gradientAt = <usize>intAt(plan, GRADIENT);
  const last = records + <usize>(end - 1) * width;
  const one = f32x4.splat(1), zero = f32x4.splat(0);
  let sum = load<f64>(sums);
  for (let i = start; i < end; i += 4) {
    const a = records + <usize>i * width;
    const b = min(a + width, last), c = min(a + 2 * width, last), d = min(a + 3 * width, last);
    const m = marginsOf(a, b, c, d, marginAt), y = labelsOf(a, b, c, d, labelAt);
    const e = exp32x4(f32x4.neg(f32x4.abs(m)));
    const q = f32x4.div(one, f32x4.add(one, e));
    const other = f32x4.mul(e, q);
    const p = v128.bitselect(q, other, f32x4.ge(m, zero));
    // The label 1 turns the margin's sign.
    const turned = v128.bitselect(f32x4.neg(m), m, f32x4.eq(y, one));
    const loss = f32x4.add(f32x4.max(turned, zero), log1pOfUnit(e));
    const gradient = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(f32x4.sub(p, y), f32x4.splat(16777216))));
    const hessian = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(f32x4.mul(other, q), f32x4.splat(16777216))));
    const loss0 = nearest<f64>(<f64>f32x4.extract_lane(loss, 0) * 16777216.0), loss1 = nearest<f64>(<f64>f32x4.extract_lane(loss, 1) * 16777216.0);
    const loss2 = nearest<f64>(<f64>f32x4.extract_lane(loss, 2) * 16777216.0), loss3 = nearest<f64>(<f64>f32x4.extract_lane(loss, 3) * 16777216.0);
    if (!wide) {
      const low = i8x16.shuffle(gradient, hessian, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
      const high = i8x16.shuffle(gradient, hessian, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
      store<i64>(a + gradientAt, i64x2.extract_lane(low, 0));
      store<i64>(b + gradientAt, i64x2.extract_lane(low, 1));
      store<i64>(c + gradientAt, i64x2.extract_lane(high, 0));
      store<i64>(d + gradientAt, i64x2.extract_lane(high, 1));
      sum += loss0;
      if (i + 1 < end) sum += loss1;
      if (i + 2 < end) sum += loss2;
      if (i + 3 < end) sum += loss3;
      continue;
    }
    sum += storeWide(plan, rules, a, <f64>i32x4.extract_lane(gradient, 0), <f64>i32x4.extract_lane(hessian, 0) * UNIT, loss0);
    if (i + 1 < end) sum += storeWide(plan, rules, b, <f64>i32x4.extract_lane(gradient, 1), <f64>i32x4.extract_lane(hessian, 1) * UNIT, loss1);
    if (i + 2 < end) sum += storeWide(plan, rules, c, <f64>i32x4.extract_lane(gradient, 2), <f64>i32x4.extract_lane(hessian, 2) * UNIT, loss2);
    if (i + 3 < end) sum += storeWide(plan, rules, d, <f64>i32x4.extract_lane(gradient, 3), <f64>i32x4.extract_lane(hessian, 3) * UNIT, loss3);
  }
  store<f64>(sums, sum);
}

function deriveSquares(plan: usize, rules: usize, records: usize, width: usize, start: i32, end: i32, sums: usize): void {
  const wide = intAt(plan, WIDE) != 0;
  const inverse = 1 / numberAt(rules, SCALE);
  const marginAt = <usize>intAt(plan, MARGIN), gradientAt = <usize>intAt(plan, GRADIENT), weightAt = <usize>intAt(plan, WEIGHT);
  let sum = load<f64>(sums);
  let largest = load<f64>(sums, 8);
  for (let record = records + <usize>start * width, stop = records + <usize>end * width; record < stop; record += width) {
    const margin = load<f64>(record + marginAt);
    const residual = margin * inverse;
    const gradient = nearest<f64>(residual * 16777216.0);
    const loss = nearest<f64>(residual * residual * 16777216.0);
    if (!wide) {
      store<i32>(record + gradientAt, <i32>gradient);
      store<i32>(record + gradientAt, 1, 4);
      sum += loss;
      largest = max<f64>(largest, abs<f64>(margin));
      continue;
    }
    sum += storeWide(plan, rules, record, gradient, 1, loss);
    if (load<f64>(record + weightAt) > 0) largest = max<f64>(largest, abs<f64>(margin));
  }
  store<f64>(sums, sum);
  store<f64>(sums, largest, 8);
}

/** Weighs what belongs to one wide record and stores it; returns its weighted loss. Gradient and loss come in multiples of 2^-24. */
function storeWide(plan: usize, rules: usize, record: usize, gradient: f64, hessian: f64, loss: f64): f64 {
  const rounder = numberAt(rules, WEIGHT_ROUNDER);
  const rowWeight = load<f64>(record + <usize>intAt(plan, WEIGHT));
  const positive = intAt(plan, SQUARED_ERROR) == 0 && load<u8>(record + <usize>intAt(plan, LABEL)) == 1;
  const weight = rowWeight * numberAt(rules, positive ? POSITIVE_FACTOR : NEGATIVE_FACTOR) + rounder - rounder;
  const seed = <u32><i64>numberAt(rules, DRAW_SEED);
  const counts = <f64>drawOf(load<u32>(record + <usize>intAt(plan, ROW)), seed) < numberAt(rules, DRAWS_BELOW);
  const gradientAt = <usize>intAt(plan, GRADIENT);
  store<f64>(record + gradientAt, counts ? weight * (gradient * UNIT) + rounder - rounder : 0);
  store<f64>(record + gradientAt, counts ? weight * hessian + rounder - rounder : 0, 8);
  store<f64>(record + <usize>intAt(plan, COUNTED), counts ? rowWeight : 0);
  return weight * (loss * UNIT) + rounder - rounder;
}

function drawOf(row: u32, seed: u32): u32 {
  let z: u32 = row * 0x9e3779b9 + seed;
  z = (z ^ (z >> 16)) * 0x21f0aaad;
  z = (z ^ (z >> 15)) * 0x735a2d97;
  return z ^ (z >> 15);
}
