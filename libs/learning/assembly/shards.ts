/** As in `src/clusters/shards.ts`. */
export const shardCount: i32 = 16;

// @ts-ignore: decorator
@inline
export function shardStart(shard: i32, rowCount: i32): i32 {
  return <i32>((<i64>shard * rowCount) / shardCount);
}
