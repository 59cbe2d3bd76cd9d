import type { Operation } from '../kernels/compute.ts';
import { exp32 } from '../kernels/exponential.ts';
import type { RecordViews } from './boosting-layout.ts';
import { cellSize, node, plan, rule, viewRecords } from './boosting-layout.ts';
import { addRecords } from './grow-tree.ts';
import { log1pOfUnit, nearest } from './logistic-link.ts';

/** What one share's records sum to, `size` float64 each: their losses in multiples of 2^-24 of the squared scale, and the largest residual. */
export const share = { loss: 0, largestResidual: 1, size: 8 } as const;

/**
 * Ends a tree: adds each leaf's value to the margins of its records, brings them all to the front array, takes the derivatives of
 * the loss there, and counts the root's histogram for the next tree into the first slot (the WASM twin into each thread's own).
 * Log loss (label y, margin m, p = 1 / (1 + e^-m)): gradient p - y, hessian p (1 - p), ln(1 + e^m) - y m. Squared error, halved:
 * gradient m - y, hessian 1; the loss reported is (m - y)^2. All are rounded to 2^-24 of the scale, so that sums are exact.
 * Arguments: plan, rules, cellStarts, nodes, segments, histograms, scratch, sums, front, back.
 */
export const updateRecords: Operation<[Int32Array, Float64Array, Int32Array, Float64Array, Int32Array, Float64Array, Float64Array, Float64Array, Uint8Array, Uint8Array]> = {
  name: 'updateRecords',
  *plain(thread, threadCount, ints, rules, cellStarts, nodes, segments, histograms, _scratch, sums, front, back) {
    const sides = [viewRecords(front), viewRecords(back)] as const;
    const width = ints[plan.width]!;
    const histogram = histograms.subarray(0, ints[plan.cellCount]! * cellSize).fill(0);
    const updater = new RecordUpdater(ints, rules, sides[0]);
    for (let at = 0; at < ints[plan.nodeCount]!; at++) {
      const place = at * node.size;
      if (nodes[place + node.left]! >= 0) continue;
      const value = nodes[place + node.value]!;
      const segment = 2 * (at * threadCount + thread);
      const end = segments[segment + 1]!;
      for (let start = segments[segment]!; start < end; start += 4096) {
        const stop = Math.min(start + 4096, end);
        if (nodes[place + node.side] === 1) front.set(back.subarray(start * width, stop * width), start * width);
        for (let i = start; i < stop; i++) updater.update(i, value);
        addRecords(sides[0], start, stop, ints, rules, cellStarts, histogram);
        yield (stop - start) * (12 + ints[plan.columnCount]!);
      }
    }
    sums[thread * share.size + share.loss] = updater.loss;
    sums[thread * share.size + share.largestResidual] = updater.largestResidual;
  },
};

/**
 * Adds a tree to the margins of held-out records, each by its own path, and sums their losses; the records stay where they are.
 * Arguments: plan, rules, cellStarts, nodes, sums, starts of the shares, records.
 */
export const followTree: Operation<[Int32Array, Float64Array, Int32Array, Float64Array, Float64Array, Int32Array, Uint8Array]> = {
  name: 'followTree',
  *plain(thread, _threadCount, ints, rules, cellStarts, nodes, sums, starts, records) {
    const views = viewRecords(records);
    const width = ints[plan.width]!;
    const updater = new RecordUpdater(ints, rules, views);
    const end = starts[thread + 1]!;
    for (let start = starts[thread]!; start < end; start += 4096) {
      const stop = Math.min(start + 4096, end);
      for (let i = start; i < stop; i++) updater.update(i, nodes[leafOf(views.u8, i * width, cellStarts, nodes) + node.value]!);
      yield 40 * (stop - start);
    }
    sums[thread * share.size + share.loss] = updater.loss;
    sums[thread * share.size + share.largestResidual] = updater.largestResidual;
  },
};

/** The place among the nodes' numbers of the leaf that a record falls into. */
function leafOf(u8: Uint8Array, record: number, cellStarts: Int32Array, nodes: Float64Array): number {
  let place = 0;
  while (nodes[place + node.left]! >= 0) {
    const column = nodes[place + node.column]!;
    const bin = u8[record + column]!;
    const isMissing = bin === cellStarts[column + 1]! - cellStarts[column]! - 1;
    const goesLeft = bin <= nodes[place + node.bin]! || (isMissing && nodes[place + node.missingLeft] === 1);
    place = nodes[place + (goesLeft ? node.left : node.right)]! * node.size;
  }
  return place;
}

/** Margin, derivatives and loss of one record after another. */
class RecordUpdater {
  /** Sum so far, in multiples of 2^-24 of the squared scale where records are narrow, of the squared scale where wide. */
  loss = 0;
  largestResidual = 0;
  readonly #ints: Int32Array;
  readonly #rules: Float64Array;
  readonly #records: RecordViews;
  readonly #inverseScale: number;

  constructor(ints: Int32Array, rules: Float64Array, records: RecordViews) {
    this.#ints = ints;
    this.#rules = rules;
    this.#records = records;
    this.#inverseScale = 1 / rules[rule.scale]!;
  }

  update(i: number, value: number): void {
    const ints = this.#ints;
    const { u8, f64 } = this.#records;
    const record = i * ints[plan.width]!;
    const marginAt = (record + ints[plan.margin]!) / 8;
    const margin = f64[marginAt]! + value;
    f64[marginAt] = margin;
    if (ints[plan.squaredError] === 1) {
      const residual = margin * this.#inverseScale;
      this.#store(record, nearest(residual * 2 ** 24), 1, nearest(residual * residual * 2 ** 24));
      const counts = ints[plan.wide] === 0 || f64[(record + ints[plan.weight]!) / 8]! > 0;
      if (counts) this.largestResidual = Math.max(this.largestResidual, Math.abs(margin));
      return;
    }
    const label = u8[record + ints[plan.label]!]!;
    const m = Math.fround(margin);
    const e = exp32(-Math.abs(m));
    const q = Math.fround(1 / Math.fround(1 + e));
    const other = Math.fround(e * q);
    const p = m >= 0 ? q : other;
    const loss = Math.fround(Math.fround((label === 1 ? Math.max(-m, 0) : Math.max(m, 0))) + log1pOfUnit(e));
    this.#store(record, nearest(Math.fround(p - label) * 2 ** 24), nearest(Math.fround(other * q) * 2 ** 24), nearest(loss * 2 ** 24));
  }

  /** Stores derivatives of unit scale in multiples of 2^-24; the squared error's hessian counts rows. */
  #store(record: number, gradient: number, hessian: number, loss: number): void {
    const ints = this.#ints;
    const { i32, u32, f64, u8 } = this.#records;
    const [gradientAt, hessianAt] = [record + ints[plan.gradient]!, record + ints[plan.hessian]!];
    if (ints[plan.wide] === 0) {
      i32[gradientAt / 4] = gradient;
      i32[hessianAt / 4] = hessian;
      this.loss += loss;
      return;
    }
    const rules = this.#rules;
    const rounder = rules[rule.weightRounder]!;
    const rowWeight = f64[(record + ints[plan.weight]!) / 8]!;
    const factor = ints[plan.squaredError] === 0 && u8[record + ints[plan.label]!] === 1 ? rules[rule.positiveFactor]! : rules[rule.negativeFactor]!;
    const weight = rowWeight * factor + rounder - rounder;
    const counts = drawOf(u32[(record + ints[plan.row]!) / 4]!, rules[rule.drawSeed]!) < rules[rule.drawsBelow]!;
    const hessianUnit = ints[plan.squaredError] === 1 ? 1 : 2 ** -24;
    f64[gradientAt / 8] = counts ? weight * (gradient * 2 ** -24) + rounder - rounder : 0;
    f64[hessianAt / 8] = counts ? weight * (hessian * hessianUnit) + rounder - rounder : 0;
    f64[(record + ints[plan.counted]!) / 8] = counts ? rowWeight : 0;
    this.loss += weight * (loss * 2 ** -24) + rounder - rounder;
  }
}

/** A uniform 32-bit number from a row's place and a tree's seed (splitmix32's finish), the same whatever order records lie in. */
export function drawOf(row: number, seed: number): number {
  let z = (Math.imul(row, 0x9e3779b9) + seed) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}
