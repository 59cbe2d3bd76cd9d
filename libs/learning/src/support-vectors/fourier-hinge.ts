import { shardCount, shardStart } from '../clusters/shards.ts';
import type { Operation } from '../kernels/compute.ts';
import { mapRow, weighCosines } from './fourier-map.ts';

/**
 * Squared hinge losses over random Fourier features, mapped row by row and forgotten: by shard, the gradient by coefficient, then that by
 * the bias, then the loss (`sums`, shards x (padded components + 2), float64). `prices` is what each row's loss counts; `signs` 1 or -1.
 * `scratch`: room for the cosines of four rows per thread.
 */
export const fourierHinge: Operation<[
  X: Float32Array, columnCount: number, rowCount: number, frequencies: Float32Array, offsets: Float32Array, componentCount: number, coefficients: Float64Array,
  bias: number, signs: Float64Array, prices: Float64Array, sums: Float64Array, scratch: Float32Array,
]> = {
  name: 'fourierHinge',
  *plain(thread, threadCount, X, columnCount, rowCount, frequencies, offsets, componentCount, coefficients, bias, signs, prices, sums) {
    const cosines = new Float32Array(componentCount);
    const stride = componentCount + 2;
    for (let shard = thread; shard < shardCount; shard += threadCount) {
      const gradient = sums.subarray(shard * stride, (shard + 1) * stride).fill(0);
      const end = shardStart(shard + 1, rowCount);
      for (let row = shardStart(shard, rowCount); row < end; row++) {
        mapRow(X, row * columnCount, columnCount, frequencies, offsets, cosines);
        const short = 1 - signs[row]! * (weighCosines(cosines, coefficients) + bias);
        if (short > 0) {
          const price = prices[row]!;
          const pull = -2 * price * short * signs[row]!;
          for (let k = 0; k < componentCount; k++) gradient[k]! += pull * cosines[k]!;
          gradient[componentCount]! += pull;
          gradient[componentCount + 1]! += price * short * short;
        }
        yield componentCount * (columnCount + 8);
      }
    }
  },
};

/** Sum of coefficient x cosine, plus bias, for each row. */
export const fourierDecision: Operation<[
  X: Float32Array, columnCount: number, rowCount: number, frequencies: Float32Array, offsets: Float32Array, componentCount: number, coefficients: Float64Array,
  bias: number, out: Float64Array, scratch: Float32Array,
]> = {
  name: 'fourierDecision',
  *plain(thread, threadCount, X, columnCount, rowCount, frequencies, offsets, componentCount, coefficients, bias, out) {
    const cosines = new Float32Array(componentCount);
    for (let shard = thread; shard < shardCount; shard += threadCount) {
      const end = shardStart(shard + 1, rowCount);
      for (let row = shardStart(shard, rowCount); row < end; row++) {
        mapRow(X, row * columnCount, columnCount, frequencies, offsets, cosines);
        out[row] = weighCosines(cosines, coefficients) + bias;
        yield componentCount * (columnCount + 8);
      }
    }
  },
};
