import { strict as assert } from 'node:assert';
import { InvalidDatasetError } from '../dataset.ts';
import type { Split } from './splits.ts';

export interface WalkForwardOptions {
  readonly foldCount: number;
  /** The label's horizon: a row trains only if as-of + gap had passed when the test starts. */
  readonly gapMs: number;
  /** Length of each test; left out: each tests on one as-of time, the latest ones. */
  readonly testMs?: number | undefined;
  /** How far back training reaches from the end of the gap; left out: to the beginning. */
  readonly trainMs?: number | undefined;
}

/**
 * Splits that learn from the past and are judged by what came next, oldest first; tests do not overlap and end with the latest row. Throws
 * `InvalidDatasetError` when a fold has nothing to train or test on.
 */
export function walkForwardSplits(asOfMs: ArrayLike<number>, options: WalkForwardOptions): readonly Split[] {
  const { foldCount, gapMs, testMs, trainMs = Infinity } = options;
  assert(Number.isInteger(foldCount) && foldCount >= 1, `expected at least one fold, found ${foldCount}`);
  assert(gapMs >= 0 && trainMs > 0 && (testMs === undefined || testMs > 0), `expected a gap of at least 0 ms and positive lengths, found ${gapMs}, ${trainMs} and ${testMs}`);
  const times = Float64Array.from(new Set(Array.from(asOfMs))).sort();
  return testRanges(times, foldCount, testMs).map(({ start, end }, fold) => {
    const isTrain = (time: number): boolean => time < start && time + gapMs <= start && time + gapMs > start - trainMs;
    const train: number[] = [];
    const test: number[] = [];
    for (let i = 0; i < asOfMs.length; i++) {
      const time = asOfMs[i]!;
      if (time >= start && time < end) test.push(i);
      else if (isTrain(time)) train.push(i);
    }
    if (train.length === 0 || test.length === 0) {
      throw new InvalidDatasetError(`expected rows to train and to test on in fold ${fold} of ${foldCount}, which tests [${start}, ${end}) after a gap of ${gapMs} ms, found ${train.length} and ${test.length}`);
    }
    return { train: Int32Array.from(train), test: Int32Array.from(test) };
  });
}

/** Half-open ranges of time, oldest first. */
function testRanges(times: Float64Array, foldCount: number, testMs: number | undefined): readonly { readonly start: number; readonly end: number }[] {
  if (testMs === undefined) {
    if (times.length < foldCount) throw new InvalidDatasetError(`expected at least ${foldCount} as-of times to test on, found ${times.length}`);
    const first = times.length - foldCount;
    return Array.from({ length: foldCount }, (_, fold) => ({ start: times[first + fold]!, end: times[first + fold + 1] ?? Infinity }));
  }
  const end = (times.at(-1) ?? 0) + 1;
  return Array.from({ length: foldCount }, (_, fold) => ({ start: end - (foldCount - fold) * testMs, end: end - (foldCount - fold - 1) * testMs }));
}
