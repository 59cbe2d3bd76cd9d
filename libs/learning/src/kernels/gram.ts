import type { Compute, Operation } from './compute.ts';
import { blockRows, shardCount, shareStart } from './sums.ts';

const { fround } = Math;

/**
 * Adds to each shard, width x width, the upper triangle of the sum of w z z^T over its rows (what lies below it is not said), where z is the row's
 * columns less `shift`, its target, 1, and zeros up to `width`, a multiple of 8. Blocks of 256 rows in float32, rows in order, then float64. w is 1 where
 * `isWeighted` is 0. `scratch`: 512 x width cells a thread.
 */
export const gramInShards: Operation<[
  rowCount: number, columnCount: number, width: number, shardCount: number, X: Float32Array, shift: Float32Array,
  isWeighted: number, weights: Float32Array, targets: Float32Array, scratch: Float32Array, shards: Float64Array,
]> = {
  name: 'gramInShards',
  *plain(_thread, _threads, rowCount, columnCount, width, count, X, shift, isWeighted, weights, targets, scratch, shards) {
    const used = columnCount + 2;
    const Z = scratch.subarray(0, blockRows * used);
    for (let shard = 0; shard < count; shard++) {
      const end = shareStart(shard + 1, count, rowCount, blockRows);
      const G = shards.subarray(shard * width * width, (shard + 1) * width * width);
      for (let from = shareStart(shard, count, rowCount, blockRows); from < end; from += blockRows) {
        const rows = Math.min(blockRows, end - from);
        // Columns side by side in the block, so that a cell's sum reads two of them in sequence.
        for (let p = 0; p < rows; p++) {
          for (let j = 0; j < columnCount; j++) Z[j * blockRows + p] = X[(from + p) * columnCount + j]! - shift[j]!;
          Z[columnCount * blockRows + p] = targets[from + p]!;
          Z[(columnCount + 1) * blockRows + p] = 1;
        }
        for (let i = 0; i < used; i++) {
          addRowOfGram(i, rows, used, Z, isWeighted === 0 ? undefined : weights.subarray(from, from + rows), G.subarray(i * width));
          yield (used - i) * rows;
        }
      }
    }
  },
};

const weighted = new Float32Array(blockRows);

function addRowOfGram(i: number, rows: number, used: number, Z: Float32Array, weights: Float32Array | undefined, row: Float64Array): void {
  for (let p = 0; p < rows; p++) weighted[p] = weights === undefined ? Z[i * blockRows + p]! : Z[i * blockRows + p]! * weights[p]!;
  for (let j = i; j < used; j++) {
    const at = j * blockRows;
    let sum = 0;
    for (let p = 0; p < rows; p++) sum = fround(sum + fround(weighted[p]! * Z[at + p]!));
    row[j]! += sum;
  }
}

/**
 * Adds up w z z^T over rows that arrive in blocks, z = (columns less shift, target, 1). Rows are handed over as they lie in `compute`; how they are
 * cut into blocks is part of the result's last bits, the backend and its threads are not.
 */
export class GramSums {
  readonly columnCount: number;
  readonly #compute: Compute;
  readonly #width: number;
  readonly #shift: Float32Array;
  readonly #scratch: Float32Array;
  readonly #shards: Float64Array;
  readonly #none: Float32Array;

  /** Takes 16 x (columnCount + 2)^2 doubles and more from `compute`, which a `release` gives back. `shift` near the columns' means keeps digits. */
  constructor(compute: Compute, columnCount: number, shift: Float32Array = new Float32Array(columnCount)) {
    this.columnCount = columnCount;
    this.#compute = compute;
    this.#width = Math.ceil((columnCount + 2) / 8) * 8;
    this.#shift = compute.adopt(shift);
    this.#scratch = compute.float32(2 * blockRows * this.#width * compute.facts.threadCount);
    this.#shards = compute.float64(shardCount * this.#width ** 2);
    this.#none = compute.float32(1);
  }

  /** Row-major X of rowCount rows; without targets the target is 0, without weights every weight is 1. */
  async add(X: Float32Array, rowCount: number, { targets, weights }: { readonly targets?: Float32Array | undefined; readonly weights?: Float32Array | undefined } = {}): Promise<void> {
    const mark = this.#compute.mark();
    await this.#compute.run(
      gramInShards, rowCount, this.columnCount, this.#width, shardCount, X, this.#shift,
      weights === undefined ? 0 : 1, weights ?? this.#none, targets ?? this.#compute.float32(rowCount), this.#scratch, this.#shards,
    );
    this.#compute.release(mark);
  }

  /** The symmetric matrix, row-major, (columnCount + 2)^2: columns, then the target, then the constant 1. */
  total(): Float64Array {
    const n = this.columnCount + 2;
    const width = this.#width;
    const out = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = i; j < n; j++) {
        let sum = 0;
        for (let shard = 0; shard < shardCount; shard++) sum += this.#shards[(shard * width + i) * width + j]!;
        out[i * n + j] = sum;
        out[j * n + i] = sum;
      }
    }
    return out;
  }
}

/** `GramSums` of all rows at once. */
export async function gramOf(
  compute: Compute, X: Float32Array, rowCount: number, columnCount: number,
  { shift, ...rest }: { readonly shift?: Float32Array | undefined; readonly targets?: Float32Array | undefined; readonly weights?: Float32Array | undefined } = {},
): Promise<Float64Array> {
  const mark = compute.mark();
  const sums = new GramSums(compute, columnCount, shift);
  await sums.add(X, rowCount, rest);
  const total = sums.total();
  compute.release(mark);
  return total;
}
