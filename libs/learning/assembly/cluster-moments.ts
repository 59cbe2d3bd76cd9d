import { shardCount, shardStart } from './shards';
import { cancelled } from './threads';

export function clusterMoments(thread: i32, threads: i32, X: usize, columnCount: i32, rowCount: i32, weights: usize, hasWeights: i32, sums: usize, squares: usize): void {
  for (let shard = thread; shard < shardCount; shard += threads) {
    const end = shardStart(shard + 1, rowCount);
    const shardSums = sums + ((<usize>shard * columnCount) << 3);
    const shardSquares = squares + ((<usize>shard * columnCount) << 3);
    for (let row = shardStart(shard, rowCount); row < end; row++) {
      if ((row & 1023) == 0 && cancelled()) return;
      const weight: f64 = hasWeights != 0 ? load<f64>(weights + (<usize>row << 3)) : 1;
      const factor = f64x2.splat(weight);
      let at = X + ((<usize>row * columnCount) << 2), first = X, sum = shardSums, square = shardSquares;
      let j = 0;
      for (; j + 2 <= columnCount; j += 2) {
        const difference = f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(at)), f64x2.promote_low_f32x4(v128.load64_zero(first)));
        const weighted = f64x2.mul(factor, difference);
        v128.store(sum, f64x2.add(v128.load(sum), weighted));
        v128.store(square, f64x2.add(v128.load(square), f64x2.mul(weighted, difference)));
        at += 8; first += 8; sum += 16; square += 16;
      }
      if (j < columnCount) {
        const difference: f64 = <f64>load<f32>(at) - <f64>load<f32>(first);
        const weighted = weight * difference;
        store<f64>(sum, load<f64>(sum) + weighted);
        store<f64>(square, load<f64>(square) + weighted * difference);
      }
    }
  }
}
