import { laneAddress, laneCount } from '../clusters/row-lanes.ts';
import type { Operation } from '../kernels/compute.ts';
import { exp32 } from '../kernels/exponential.ts';

/** A curvature of 0 (two equal rows) counts as this, as in libsvm. */
const leastCurvature = 1e-12;

/** What one thread notes about the cache of kernel rows: the hand, the slot of each row, the row of each slot, whether it was used lately. */
export function cacheNotesLength(rowCount: number, capacity: number): number {
  return 1 + rowCount + 2 * capacity;
}

/** Places in the state of a solution: steps taken, 1 when the gap is below the tolerance, the gap. */
export const smoState = { steps: 0, done: 1, gap: 2, length: 3 } as const;

export type SmoArguments = [
  lanes: Float32Array, columnCount: number, rowCount: number, minusGamma: number, signs: Float64Array, bounds: Float64Array, alpha: Float64Array,
  errors: Float64Array, cache: Float32Array, capacity: number, notes: Int32Array, tolerance: number, stepsWanted: number, state: Float64Array, scratch: Float64Array,
];

/**
 * Sequential minimal optimisation of the support vector machine's dual with the second-order working set of Fan, Chen & Lin (2005, WSS 2),
 * until `stepsWanted` in all are taken or the gap between the most violating pair is below `tolerance`; ties go to the lowest row.
 *
 * `signs` are the labels as 1 and -1, `bounds` the largest multiplier of each row. `errors[t]` is the decision without bias minus the
 * label. The kernel e^(minusGamma |x - z|^2) is in float32, its sums in float64. `cache` holds `capacity` kernel rows, each filled up to whole blocks of eight. `alpha` and `notes`
 * are there once per thread, so that no thread waits to read them; the first is the result. `scratch`: 16 numbers a thread.
 */
export const smoSteps: Operation<SmoArguments> = {
  name: 'smoSteps',
  *plain(thread, _threadCount, lanes, columnCount, rowCount, minusGamma, signs, bounds, alpha, errors, cache, capacity, notes, tolerance, stepsWanted, state) {
    if (thread !== 0) return;
    const row = new Float32Array(columnCount);
    const stride = Math.ceil(rowCount / laneCount) * laneCount;
    const kernelRow = function* (i: number, kept: number): Generator<number, Float32Array> {
      const { slot, fresh } = claimSlot(notes, rowCount, capacity, i, kept);
      const values = cache.subarray(slot * stride, slot * stride + rowCount);
      if (fresh) yield* writeKernelRow(lanes, columnCount, minusGamma, i, row, values);
      return values;
    };
    while (state[smoState.steps]! < stepsWanted) {
      const i = mostViolating(signs, bounds, alpha, errors, rowCount);
      if (i < 0) {
        state.set([1, 0], smoState.done);
        return;
      }
      const first = yield* kernelRow(i, -1);
      const { j, gap } = bestPartner(signs, bounds, alpha, errors, rowCount, first, errors[i]!);
      state[smoState.gap] = gap;
      if (gap < tolerance || j < 0) {
        state[smoState.done] = 1;
        return;
      }
      const second = yield* kernelRow(j, i);
      const step = takeStep(signs, bounds, alpha, i, j, errors[j]! - errors[i]!, first[j]!);
      for (let t = 0; t < rowCount; t++) errors[t]! += step * (first[t]! - second[t]!);
      state[smoState.steps]!++;
      yield 10 * rowCount;
    }
  },
};

/** The slot of row `i`, and whether its values are yet to be computed; slots are given up in turn, those used lately are passed over once. */
function claimSlot(notes: Int32Array, rowCount: number, capacity: number, i: number, kept: number): { slot: number; fresh: boolean } {
  const [slotOfRow, rowOfSlot, used] = [1, 1 + rowCount, 1 + rowCount + capacity];
  const held = notes[slotOfRow + i]!;
  if (held >= 0) {
    notes[used + held] = 1;
    return { slot: held, fresh: false };
  }
  let hand = notes[0]!;
  while (notes[used + hand] === 1 || (kept >= 0 && notes[rowOfSlot + hand] === kept)) {
    notes[used + hand] = 0;
    hand = (hand + 1) % capacity;
  }
  const evicted = notes[rowOfSlot + hand]!;
  if (evicted >= 0) notes[slotOfRow + evicted] = -1;
  notes[rowOfSlot + hand] = i;
  notes[slotOfRow + i] = hand;
  notes[used + hand] = 1;
  notes[0] = (hand + 1) % capacity;
  return { slot: hand, fresh: true };
}

function* writeKernelRow(lanes: Float32Array, columnCount: number, minusGamma: number, i: number, row: Float32Array, out: Float32Array): Generator<number> {
  for (let j = 0, at = laneAddress(i, columnCount); j < columnCount; j++, at += laneCount) row[j] = lanes[at]!;
  const perPause = 256 * laneCount;
  for (let start = 0; start < out.length; start += perPause) {
    const end = Math.min(start + perPause, out.length);
    for (let block = start; block < end; block += laneCount) {
      squaredDistances(lanes, block * columnCount, columnCount, row);
      for (let t = block; t < Math.min(block + laneCount, end); t++) out[t] = exp32(Math.fround(minusGamma * distances[t - block]!));
    }
    yield (end - start) * (columnCount + 8);
  }
}

const distances = new Float32Array(laneCount);

/** Of eight rows side by side: eight sums that do not wait for each other. */
function squaredDistances(lanes: Float32Array, offset: number, columnCount: number, row: Float32Array): void {
  const fround = Math.fround;
  let s0 = fround(0), s1 = fround(0), s2 = fround(0), s3 = fround(0), s4 = fround(0), s5 = fround(0), s6 = fround(0), s7 = fround(0);
  for (let j = 0, at = offset; j < columnCount; j++, at += laneCount) {
    const x = row[j]!;
    const d0 = fround(x - lanes[at]!), d1 = fround(x - lanes[at + 1]!), d2 = fround(x - lanes[at + 2]!), d3 = fround(x - lanes[at + 3]!);
    const d4 = fround(x - lanes[at + 4]!), d5 = fround(x - lanes[at + 5]!), d6 = fround(x - lanes[at + 6]!), d7 = fround(x - lanes[at + 7]!);
    s0 = fround(s0 + fround(d0 * d0));
    s1 = fround(s1 + fround(d1 * d1));
    s2 = fround(s2 + fround(d2 * d2));
    s3 = fround(s3 + fround(d3 * d3));
    s4 = fround(s4 + fround(d4 * d4));
    s5 = fround(s5 + fround(d5 * d5));
    s6 = fround(s6 + fround(d6 * d6));
    s7 = fround(s7 + fround(d7 * d7));
  }
  distances[0] = s0;
  distances[1] = s1;
  distances[2] = s2;
  distances[3] = s3;
  distances[4] = s4;
  distances[5] = s5;
  distances[6] = s6;
  distances[7] = s7;
}

/** The row with the least error among those whose sign x multiplier may still rise; -1 when there is none. */
function mostViolating(signs: Float64Array, bounds: Float64Array, alpha: Float64Array, errors: Float64Array, rowCount: number): number {
  let best = -1;
  let least = Infinity;
  for (let t = 0; t < rowCount; t++) {
    const mayRise = signs[t]! > 0 ? alpha[t]! < bounds[t]! : alpha[t]! > 0;
    if (mayRise && errors[t]! < least) {
      least = errors[t]!;
      best = t;
    }
  }
  return best;
}

/** Among rows whose sign x multiplier may fall: the one that lets the objective fall most together with the first, and the largest gap. */
function bestPartner(signs: Float64Array, bounds: Float64Array, alpha: Float64Array, errors: Float64Array, rowCount: number, kernel: Float32Array, error: number): { j: number; gap: number } {
  let j = -1;
  let gap = -Infinity;
  let best = 0;
  for (let t = 0; t < rowCount; t++) {
    const mayFall = signs[t]! > 0 ? alpha[t]! > 0 : alpha[t]! < bounds[t]!;
    if (!mayFall) continue;
    const difference = errors[t]! - error;
    if (difference > gap) gap = difference;
    if (difference <= 0) continue;
    const gain = (difference * difference) / curvature(kernel[t]!);
    if (gain > best) {
      best = gain;
      j = t;
    }
  }
  return { j, gap };
}

function curvature(kernel: number): number {
  const value = 2 - 2 * kernel;
  return value > 0 ? value : leastCurvature;
}

/** Raises sign x multiplier of `i` and lowers that of `j` by the same, as far as the bounds allow; returns by how much. */
function takeStep(signs: Float64Array, bounds: Float64Array, alpha: Float64Array, i: number, j: number, difference: number, kernel: number): number {
  const roomI = signs[i]! > 0 ? bounds[i]! - alpha[i]! : alpha[i]!;
  const roomJ = signs[j]! > 0 ? alpha[j]! : bounds[j]! - alpha[j]!;
  const wanted = difference / curvature(kernel);
  const step = Math.min(wanted, roomI, roomJ);
  // At a bound exactly, whatever rounding the difference had.
  if (step === roomI) alpha[i] = signs[i]! > 0 ? bounds[i]! : 0;
  else alpha[i]! += signs[i]! * step;
  if (step === roomJ) alpha[j] = signs[j]! > 0 ? 0 : bounds[j]!;
  else alpha[j]! -= signs[j]! * step;
  return step;
}
