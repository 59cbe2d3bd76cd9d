/** Sums over rows are taken in this many shards, added in order, so that no thread count shows in them. */
export const shardCount = 16;

/** First row of a shard; shard `shardCount` begins where the rows end. */
export function shardStart(shard: number, rowCount: number): number {
  return Math.floor((shard * rowCount) / shardCount);
}

/** Sum over shards of cell `at`, where shards lie `stride` apart. */
export function overShards(values: Float64Array, stride: number, at: number): number {
  let sum = 0;
  for (let shard = 0; shard < shardCount; shard++) sum += values[shard * stride + at]!;
  return sum;
}
