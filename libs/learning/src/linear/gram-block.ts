import type { Compute, Operation } from '../kernels/compute.ts';
import type { Coordinates } from './coordinates.ts';

/** Rows of one call at most; sums are float32 within `innerRows` of them and float64 across. */
export const gramBlockRows = 4096;
const innerRows = 256;
const panelColumns = 8;

/** Order of the padded Gram matrix of `columnCount` columns and a column of ones. */
export function gramOrder(columnCount: number): number {
  return panelColumns * Math.ceil((columnCount + 1) / panelColumns);
}

/**
 * Adds sum of h z z' over rows 0, step, 2 step, … (`rowCount` of them, at most 4,096) to the upper triangle of `gram` (order `gramOrder`, float64),
 * where z is (x - shift) x factor by column with a 1 behind, and h the row's curvature, or 1 where `curved` is 0.
 *
 * First the rows times the square root of h are written to `packed` in panels of eight columns, in float32; then every pair of panels is summed,
 * each cell row by row over 256 rows in float32 and then added to `gram`. Threads share rows first and pairs after; no sum is ever split.
 * WASM: i32 for counts, step and `curved`.
 */
export const gramBlock: Operation<[
  X: Float32Array, rowCount: number, rowStep: number, columnCount: number, shift: Float32Array, factor: Float32Array,
  curvature: Float32Array, curved: number, packed: Float32Array, gram: Float64Array,
]> = {
  name: 'linearGramBlock',
  // Typed arrays have one thread, so its turn does it all.
  *plain(thread, _threadCount, X, rowCount, rowStep, columnCount, shift, factor, curvature, curved, packed, gram) {
    if (thread > 0) return;
    const order = gramOrder(columnCount);
    const panelCount = order / panelColumns;
    const panelLength = innerRows * panelColumns;
    for (let i = 0; i < rowCount; i++) {
      const row = i * rowStep;
      const root = curved === 0 ? 1 : Math.fround(Math.sqrt(curvature[row]!));
      const at = Math.floor(i / innerRows) * innerRows * order + (i % innerRows) * panelColumns;
      packRow(X, row * columnCount, columnCount, shift, factor, root, packed, at, panelCount);
      if (i % innerRows === 0) yield 2 * innerRows * order;
    }
    for (let start = 0; start < rowCount; start += innerRows) {
      const count = Math.min(innerRows, rowCount - start);
      for (let a = 0; a < panelCount; a++) {
        for (let b = a; b < panelCount; b++) {
          const at = start * order;
          addPanels(packed, at + a * panelLength, at + b * panelLength, count, gram, a * panelColumns * order + b * panelColumns, order);
          yield count * panelColumns * panelColumns * 0.4;
        }
      }
    }
  },
};

/** One row's part of every panel; columns beyond the last are 0. */
function packRow(X: Float32Array, offset: number, columnCount: number, shift: Float32Array, factor: Float32Array, root: number, packed: Float32Array, at: number, panelCount: number): void {
  for (let j = 0; j < panelCount * panelColumns; j++) {
    const z = j < columnCount ? Math.fround(Math.fround(X[offset + j]! - shift[j]!) * factor[j]!) : j === columnCount ? 1 : 0;
    packed[at + (j >> 3) * innerRows * panelColumns + (j & 7)] = Math.fround(z * root);
  }
}

/** Two by two cells at a time: four sums that do not wait for each other, for four values read. */
function addPanels(packed: Float32Array, a: number, b: number, count: number, gram: Float64Array, at: number, order: number): void {
  const fround = Math.fround;
  for (let j = 0; j < panelColumns; j += 2) {
    for (let k = 0; k < panelColumns; k += 2) {
      let s00 = fround(0), s01 = fround(0), s10 = fround(0), s11 = fround(0);
      for (let left = a + j, right = b + k, end = left + count * panelColumns; left < end; left += panelColumns, right += panelColumns) {
        const l0 = packed[left]!, l1 = packed[left + 1]!, r0 = packed[right]!, r1 = packed[right + 1]!;
        s00 = fround(s00 + fround(l0 * r0));
        s01 = fround(s01 + fround(l0 * r1));
        s10 = fround(s10 + fround(l1 * r0));
        s11 = fround(s11 + fround(l1 * r1));
      }
      const cell = at + j * order + k;
      gram[cell]! += s00;
      gram[cell + 1]! += s01;
      gram[cell + order]! += s10;
      gram[cell + order + 1]! += s11;
    }
  }
}

/** A Gram matrix in the making: blocks of rows are added one after the other. */
export class GramSum {
  readonly #compute: Compute;
  readonly #coordinates: Coordinates;
  readonly #packed: Float32Array;
  readonly #gram: Float64Array;

  constructor(compute: Compute, coordinates: Coordinates) {
    const order = gramOrder(coordinates.columnCount);
    this.#compute = compute;
    this.#coordinates = coordinates;
    this.#packed = compute.float32(gramBlockRows * order);
    this.#gram = compute.float64(order * order);
  }

  clear(): void {
    this.#gram.fill(0);
  }

  /** Every `step`-th of the rows of `X`, `count` of them, each times its curvature where given. */
  async add(X: Float32Array, count: number, step = 1, curvature?: Float32Array): Promise<void> {
    const { columnCount: d, shift, factor } = this.#coordinates;
    for (let start = 0; start < count; start += gramBlockRows) {
      const rows = Math.min(gramBlockRows, count - start);
      const block = X.subarray(start * step * d);
      const h = curvature === undefined ? shift : curvature.subarray(start * step);
      await this.#compute.run(gramBlock, block, rows, step, d, shift, factor, h, curvature === undefined ? 0 : 1, this.#packed, this.#gram);
    }
  }

  /** The full symmetric matrix times `scale`, row-major of order columns + 1, the column of ones last. */
  matrix(scale = 1): Float64Array {
    const { columnCount } = this.#coordinates;
    const n = columnCount + 1;
    const order = gramOrder(columnCount);
    const matrix = new Float64Array(n * n);
    for (let j = 0; j < n; j++) {
      for (let k = j; k < n; k++) {
        matrix[j * n + k] = this.#gram[j * order + k]! * scale;
        matrix[k * n + j] = matrix[j * n + k]!;
      }
    }
    return matrix;
  }
}
