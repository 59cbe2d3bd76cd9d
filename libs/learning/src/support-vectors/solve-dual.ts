import { lanesLength, laneAddress, laneCount } from '../clusters/row-lanes.ts';
import type { FitContext } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { cacheNotesLength, smoState, smoSteps } from './smo-steps.ts';

export interface DualProblem {
  readonly prepared: PreparedRows;
  /** Rows that take part. */
  readonly rows: Int32Array;
  /** Largest multiplier of each of `rows`. */
  readonly bounds: Float64Array;
  readonly gamma: number;
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly cacheBytes: number;
}

export interface DualSolution {
  /** Multiplier of each of the problem's rows. */
  readonly alpha: Float64Array;
  readonly bias: number;
  /** 1/2 a'Qa - sum a, what is minimised. */
  readonly objective: number;
  /** The objective after each slice of steps. */
  readonly history: readonly number[];
  readonly steps: number;
  /** Error of the most violating pair at the end. */
  readonly gap: number;
}

const stepsPerSlice = 1000;

/** Minimises the dual of the support vector machine with kernel e^(-gamma |x - z|^2) to a violation of at most `tolerance`. */
export async function solveDual(problem: DualProblem, context: Pick<FitContext, 'compute' | 'pace' | 'progress'>): Promise<DualSolution> {
  const { prepared, rows, tolerance, maxIterations } = problem;
  const { compute, progress } = context;
  const { columnCount, y } = prepared;
  const mark = compute.mark();
  const rowCount = rows.length;
  const { threadCount } = compute.facts;
  const lanes = await laneRows(prepared, rows, context);
  const signs = compute.float64(rowCount);
  for (let i = 0; i < rowCount; i++) signs[i] = y[rows[i]!]! > 0 ? 1 : -1;
  const bounds = compute.adopt(problem.bounds);
  const alpha = compute.float64(rowCount * threadCount);
  const errors = compute.float64(rowCount);
  for (let i = 0; i < rowCount; i++) errors[i] = -signs[i]!;
  const stride = Math.ceil(rowCount / laneCount) * laneCount;
  const capacity = Math.max(2, Math.min(rowCount, Math.floor(problem.cacheBytes / (4 * stride))));
  const cache = compute.float32(capacity * stride);
  const notes = emptyNotes(rowCount, capacity, threadCount, compute);
  const state = compute.float64(smoState.length);
  const scratch = compute.float64(16 * threadCount);
  const history: number[] = [];
  let firstGap = 0;
  while (state[smoState.done] === 0 && state[smoState.steps]! < maxIterations) {
    const wanted = Math.min(maxIterations, state[smoState.steps]! + stepsPerSlice);
    await compute.run(smoSteps, lanes, columnCount, rowCount, Math.fround(-problem.gamma), signs, bounds, alpha, errors, cache, capacity, notes, tolerance, wanted, state, scratch);
    history.push(objectiveOf(signs, alpha, errors));
    const gap = Math.max(state[smoState.gap]!, tolerance);
    firstGap ||= Math.max(2, gap);
    // The gap falls about geometrically.
    progress(Math.log(firstGap / gap) / Math.log(firstGap / tolerance), history.at(-1)! / rowCount);
  }
  const solution: DualSolution = {
    alpha: alpha.slice(0, rowCount), bias: -offsetOf(signs, problem.bounds, alpha, errors), objective: history.at(-1) ?? 0, history, steps: state[smoState.steps]!, gap: state[smoState.gap]!,
  };
  compute.release(mark);
  return solution;
}

async function laneRows(prepared: PreparedRows, rows: Int32Array, { compute, pace }: Pick<FitContext, 'compute' | 'pace'>): Promise<Float32Array> {
  const { columnCount } = prepared;
  const lanes = compute.float32(lanesLength(rows.length, columnCount)).fill(Infinity);
  const row = new Float32Array(columnCount);
  for (let i = 0; i < rows.length; i++) {
    prepared.read(rows[i]!, rows[i]! + 1, row);
    const start = laneAddress(i, columnCount);
    for (let j = 0; j < columnCount; j++) lanes[start + j * laneCount] = row[j]!;
    if (pace.spend(4 * columnCount)) await pace.pause();
  }
  return lanes;
}

function emptyNotes(rowCount: number, capacity: number, threadCount: number, compute: FitContext['compute']): Int32Array {
  const length = cacheNotesLength(rowCount, capacity);
  const notes = compute.int32(length * threadCount);
  for (let thread = 0; thread < threadCount; thread++) notes.fill(-1, thread * length + 1, thread * length + 1 + rowCount + capacity);
  return notes;
}

/** 1/2 a'Qa - sum a = 1/2 sum a (sign x error - 1). */
function objectiveOf(signs: Float64Array, alpha: Float64Array, errors: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < signs.length; i++) sum += alpha[i]! * (signs[i]! * errors[i]! - 1);
  return sum / 2;
}

/** Mean error of rows strictly between their bounds; without any, the middle of what optimality allows (as libsvm). */
function offsetOf(signs: Float64Array, bounds: Float64Array, alpha: Float64Array, errors: Float64Array): number {
  let [sum, free, low, high] = [0, 0, -Infinity, Infinity];
  for (let i = 0; i < signs.length; i++) {
    if (alpha[i]! > 0 && alpha[i]! < bounds[i]!) {
      sum += errors[i]!;
      free++;
    } else if (signs[i]! > 0 === alpha[i]! > 0) low = Math.max(low, errors[i]!);
    else high = Math.min(high, errors[i]!);
  }
  return free > 0 ? sum / free : (low + high) / 2;
}
