import { cancelled, shareStart } from './threads';

/**
 * Adds to each shard, columns x 256 x 2, each row's gradient and hessian at its bin of each column. Exact on the 2^-24 grid, so in any order.
 */
export function histogramInShards(thread: i32, threads: i32, rows: i32, columns: i32, shardCount: i32, bins: usize, gradients: usize, hessians: usize, shards: usize): void {
  for (let shard = thread; shard < shardCount; shard += threads) {
    const start = shareStart(shard, shardCount, rows, 1);
    const end = shareStart(shard + 1, shardCount, rows, 1);
    const histogram = shards + <usize>shard * (<usize>columns << 12);
    for (let i = start; i < end; i++) {
      if ((i & 4095) == 0 && cancelled()) return;
      const pair = f64x2.replace_lane(f64x2.splat(<f64>load<f32>(gradients + (<usize>i << 2))), 1, <f64>load<f32>(hessians + (<usize>i << 2)));
      let cell = bins + <usize>i * <usize>columns;
      const last = cell + <usize>columns;
      for (let column = histogram; cell < last; cell++, column += 4096) {
        const at = column + (<usize>load<u8>(cell) << 4);
        v128.store(at, f64x2.add(v128.load(at), pair));
      }
    }
  }
}
