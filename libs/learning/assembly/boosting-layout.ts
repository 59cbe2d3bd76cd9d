// Where the numbers lie that the operations of boosting share; the same as in `src/trees/boosting-layout.ts`.

// Places in the plan, int32.
export const COLUMN_COUNT = 0, WIDTH = 1, LABEL = 2, MARGIN = 3, GRADIENT = 4, HESSIAN = 5, COUNTED = 6, WEIGHT = 7, ROW = 8, WIDE = 9, SQUARED_ERROR = 10;
export const LEAVES_MAX = 11, DEPTH_MAX = 12, SLOTS = 13, CANDIDATES = 14, CELL_COUNT = 15, NODE_COUNT = 17;

// Places in the rules, float64.
export const L1 = 0, L2 = 1, MIN_ROWS = 2, MIN_HESSIAN = 3, SCALE = 4, WEIGHT_ROUNDER = 5, NEGATIVE_FACTOR = 6, POSITIVE_FACTOR = 7, DRAWS_BELOW = 8, DRAW_SEED = 9, BIAS = 10;

// Places in a node, float64.
export const NODE_COLUMN = 0, NODE_BIN = 1, NODE_MISSING_LEFT = 2, NODE_LEFT = 3, NODE_RIGHT = 4, NODE_GRADIENT = 5, NODE_HESSIAN = 6, NODE_WEIGHT = 7, NODE_GAIN = 8;
export const NODE_DEPTH = 9, NODE_SIDE = 10, NODE_LEFT_GRADIENT = 11, NODE_LEFT_HESSIAN = 12, NODE_LEFT_WEIGHT = 13, NODE_VALUE = 14;
export const NODE_BYTES: usize = 16 * 8;

// Places in the best split found, float64.
export const BEST_GAIN = 0, BEST_COLUMN = 1, BEST_BIN = 2, BEST_MISSING_LEFT = 3, BEST_GRADIENT = 4, BEST_HESSIAN = 5, BEST_WEIGHT = 6, BEST_ORDER = 7;
export const BEST_BYTES: usize = 8 * 8;

/** Bytes of a cell of a node's histogram: gradient, hessian and weight in float64. */
export const CELL_BYTES: usize = 3 * 8;

/** Sums of one share of the records, as `share` says. */
export const SHARE_BYTES: usize = 8 * 8;

/** Cells of a column in a thread's own histogram. */
export const PRIVATE_CELLS: usize = 260;

// @ts-ignore: decorator
@inline
export function intAt(base: usize, place: i32): i32 {
  return load<i32>(base + (<usize>place << 2));
}

// @ts-ignore: decorator
@inline
export function numberAt(base: usize, place: i32): f64 {
  return load<f64>(base + (<usize>place << 3));
}

// @ts-ignore: decorator
@inline
export function setNumber(base: usize, place: i32, value: f64): void {
  store<f64>(base + (<usize>place << 3), value);
}
