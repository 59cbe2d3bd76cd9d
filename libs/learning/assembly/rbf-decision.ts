import { exp32x4 } from './exponential';
import { shardCount, shardStart } from './shards';
import { cancelled } from './threads';

// Decision values of eight rows.
let sum0: v128 = f64x2.splat(0);
let sum1: v128 = f64x2.splat(0);
let sum2: v128 = f64x2.splat(0);
let sum3: v128 = f64x2.splat(0);

// @ts-ignore: decorator
@inline
function addKernel(low: v128, high: v128, coefficient: f64): void {
  const factor = f64x2.splat(coefficient);
  sum0 = f64x2.add(sum0, f64x2.mul(factor, f64x2.promote_low_f32x4(low)));
  sum1 = f64x2.add(sum1, f64x2.mul(factor, f64x2.promote_low_f32x4(v128.shuffle<i32>(low, low, 2, 3, 0, 1))));
  sum2 = f64x2.add(sum2, f64x2.mul(factor, f64x2.promote_low_f32x4(high)));
  sum3 = f64x2.add(sum3, f64x2.mul(factor, f64x2.promote_low_f32x4(v128.shuffle<i32>(high, high, 2, 3, 0, 1))));
}

function decideBlock(block: usize, columnCount: i32, vectors: usize, vectorCount: i32, coefficients: usize, minusGamma: f32): void {
  const rowBytes = <usize>columnCount << 2;
  const factor = f32x4.splat(minusGamma);
  let v = 0;
  for (; v + 2 <= vectorCount; v += 2) {
    const one = vectors + <usize>v * rowBytes, two = one + rowBytes;
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    let at = block;
    for (let j: usize = 0; j < rowBytes; j += 4) {
      const low = v128.load(at), high = v128.load(at, 16);
      at += 32;
      let z = v128.load32_splat(one + j);
      let t = f32x4.sub(low, z);
      a = f32x4.add(a, f32x4.mul(t, t));
      t = f32x4.sub(high, z);
      b = f32x4.add(b, f32x4.mul(t, t));
      z = v128.load32_splat(two + j);
      t = f32x4.sub(low, z);
      c = f32x4.add(c, f32x4.mul(t, t));
      t = f32x4.sub(high, z);
      d = f32x4.add(d, f32x4.mul(t, t));
    }
    const at64 = coefficients + (<usize>v << 3);
    addKernel(exp32x4(f32x4.mul(factor, a)), exp32x4(f32x4.mul(factor, b)), load<f64>(at64));
    addKernel(exp32x4(f32x4.mul(factor, c)), exp32x4(f32x4.mul(factor, d)), load<f64>(at64, 8));
  }
  if (v == vectorCount) return;
  const one = vectors + <usize>v * rowBytes;
  let a = f32x4.splat(0), b = f32x4.splat(0);
  let at = block;
  for (let j: usize = 0; j < rowBytes; j += 4) {
    const z = v128.load32_splat(one + j);
    let t = f32x4.sub(v128.load(at), z);
    a = f32x4.add(a, f32x4.mul(t, t));
    t = f32x4.sub(v128.load(at, 16), z);
    b = f32x4.add(b, f32x4.mul(t, t));
    at += 32;
  }
  addKernel(exp32x4(f32x4.mul(factor, a)), exp32x4(f32x4.mul(factor, b)), load<f64>(coefficients + (<usize>v << 3)));
}

export function rbfDecision(
  thread: i32, threads: i32, lanes: usize, columnCount: i32, rowCount: i32, vectors: usize, vectorCount: i32, coefficients: usize, minusGamma: f32, bias: f64, out: usize,
): void {
  const blockCount = (rowCount + 7) >> 3;
  for (let shard = thread; shard < shardCount; shard += threads) {
    const end = shardStart(shard + 1, blockCount);
    for (let block = shardStart(shard, blockCount); block < end; block++) {
      if (cancelled()) return;
      sum0 = f64x2.splat(bias); sum1 = f64x2.splat(bias); sum2 = f64x2.splat(bias); sum3 = f64x2.splat(bias);
      decideBlock(lanes + ((<usize>block * columnCount) << 5), columnCount, vectors, vectorCount, coefficients, minusGamma);
      const row = block << 3;
      const at = out + (<usize>row << 3);
      if (row + 8 <= rowCount) {
        v128.store(at, sum0);
        v128.store(at, sum1, 16);
        v128.store(at, sum2, 32);
        v128.store(at, sum3, 48);
        continue;
      }
      const left = rowCount - row;
      store<f64>(at, f64x2.extract_lane(sum0, 0));
      if (left > 1) store<f64>(at, f64x2.extract_lane(sum0, 1), 8);
      if (left > 2) store<f64>(at, f64x2.extract_lane(sum1, 0), 16);
      if (left > 3) store<f64>(at, f64x2.extract_lane(sum1, 1), 24);
      if (left > 4) store<f64>(at, f64x2.extract_lane(sum2, 0), 32);
      if (left > 5) store<f64>(at, f64x2.extract_lane(sum2, 1), 40);
      if (left > 6) store<f64>(at, f64x2.extract_lane(sum3, 0), 48);
    }
  }
}
