import type { Task } from '../estimator.ts';

/**
 * How boosting holds its rows: one record each, a byte per column for its bin and behind them what the loss needs. Records are moved
 * at every split, so that a node's lie together and its histogram reads memory in sequence. Narrow records serve rows of equal
 * weight: gradient and hessian are 32-bit multiples of a unit. Wide ones carry weights, and both as float64.
 */
export interface RecordLayout {
  readonly columnCount: number;
  /** Bytes of a record, a multiple of 16. */
  readonly width: number;
  readonly wide: boolean;
  readonly squaredError: boolean;
  /** Byte offsets; those of a narrow record's weights are 0. `label` is a byte. */
  readonly label: number;
  /** float64: log-odds so far, or for squared error the residual: value so far minus target. */
  readonly margin: number;
  /** int32 in units, or float64 in wide records. */
  readonly gradient: number;
  readonly hessian: number;
  /** float64, wide only: the weight as it counts in the next tree, 0 for rows left out of it. */
  readonly counted: number;
  /** float64, wide only: the weight of the row. */
  readonly weight: number;
  /** uint32, wide only: the place among the training rows, from which the draw for each tree is made. */
  readonly row: number;
}

export function recordLayout(columnCount: number, task: Task, wide: boolean): RecordLayout {
  const margin = align(columnCount + 1, 8);
  const step = wide ? 8 : 4;
  const gradient = margin + 8;
  const end = gradient + 2 * step;
  const weights = wide ? { counted: end, weight: end + 8, row: end + 16 } : { counted: 0, weight: 0, row: 0 };
  return {
    columnCount, wide, squaredError: task === 'regression', width: align(wide ? end + 20 : end, 16),
    label: columnCount, margin, gradient, hessian: gradient + step, ...weights,
  };
}

function align(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

/** Rows whose records lie together on one thread; the threads' shares are made of such stripes, so that sorted data is shared evenly. */
const stripeRows = 256;

/** First record of each thread's share, and the number of records last. */
export function shareStarts(rowCount: number, threadCount: number): Int32Array {
  const starts = new Int32Array(threadCount + 1);
  const stripes = Math.ceil(rowCount / stripeRows);
  for (let thread = 0; thread < threadCount; thread++) {
    const own = Math.floor((stripes - thread + threadCount - 1) / threadCount);
    const holdsLast = stripes > 0 && (stripes - 1) % threadCount === thread;
    starts[thread + 1] = starts[thread]! + own * stripeRows - (holdsLast ? stripes * stripeRows - rowCount : 0);
  }
  return starts;
}

/** Where the record of a row starts out. */
export function recordOfRow(row: number, starts: Int32Array): number {
  const stripe = Math.floor(row / stripeRows);
  const threadCount = starts.length - 1;
  return starts[stripe % threadCount]! + Math.floor(stripe / threadCount) * stripeRows + (row % stripeRows);
}

/** The integers that boosting's operations share, by place in an Int32Array; the same numbers stand in `assembly/boosting-layout.ts`. */
export const plan = {
  columnCount: 0, width: 1, label: 2, margin: 3, gradient: 4, hessian: 5, counted: 6, weight: 7, row: 8, wide: 9, squaredError: 10,
  leavesMax: 11, depthMax: 12, slots: 13, candidates: 14, cellCount: 15, shares: 16, nodeCount: 17, length: 18,
} as const;

/** The numbers that they share, by place in a Float64Array. */
export const rule = {
  l1: 0, l2: 1, minRows: 2, minHessian: 3,
  /** A power of two that residuals stay below twice of; 1 for log loss. Derivatives and losses are rounded to 2^-24 of it (of its square). */
  scale: 4,
  /** Wide only: adding and taking it away rounds a weight, or a weighted term of unit scale; see `rounderFor`. */
  weightRounder: 5,
  /** Wide only: factors of the weight in derivatives and losses, by label. */
  negativeFactor: 6, positiveFactor: 7,
  /** Wide only: a row counts in the next tree if its draw, a 32-bit number, is below this. */
  drawsBelow: 8, drawSeed: 9,
  bias: 10, length: 11,
} as const;

/** A tree's nodes while it grows, `size` float64 each. */
export const node = {
  /** Column of the best split found, -1 if none; the split is made once the node has children (`left` is -1 before). */
  column: 0, bin: 1, missingLeft: 2, left: 3, right: 4,
  gradient: 5, hessian: 6, weight: 7, gain: 8, depth: 9,
  /** 0 if its records lie in the front array, 1 if in the back one. */
  side: 10,
  /** Sums that the best split puts on the left. */
  leftGradient: 11, leftHessian: 12, leftWeight: 13,
  /** What the tree adds to the margins of its rows. */
  value: 14, size: 16,
} as const;

/** Numbers per bin of a histogram: sums of gradient, hessian and weight. */
export const cellSize = 3;

/** A record array read as each of its fields' types. */
export interface RecordViews {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
}

export function viewRecords(records: Uint8Array): RecordViews {
  const { buffer, byteOffset, byteLength } = records;
  return {
    u8: records, i32: new Int32Array(buffer, byteOffset, byteLength / 4), u32: new Uint32Array(buffer, byteOffset, byteLength / 4),
    f64: new Float64Array(buffer, byteOffset, byteLength / 8),
  };
}

/** What 1 in a record's gradient stands for, given the scale; in wide records gradients are real but for the scale. */
export function gradientUnitOf(layout: { readonly wide: boolean }, scale: number): number {
  return layout.wide ? scale : scale * 2 ** -24;
}

/** What 1 in a record's hessian stands for: squared error counts rows. */
export function hessianUnitOf({ wide, squaredError }: { readonly wide: boolean; readonly squaredError: boolean }): number {
  return wide || squaredError ? 1 : 2 ** -24;
}
