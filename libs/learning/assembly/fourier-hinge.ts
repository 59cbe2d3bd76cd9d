import { shardCount, shardStart } from './shards';
import { cancelled } from './threads';

const s1: f32 = 6.283185307179586;
const s3: f32 = -41.341702240399755;
const s5: f32 = 81.60524927607504;
const s7: f32 = -76.70585975306136;
const s9: f32 = 42.05869394489765;
const s11: f32 = -15.094642576822984;

/** As `turnCosine`, four at once. */
// @ts-ignore: decorator
@inline
function turnCosine(turns: v128): v128 {
  const u = f32x4.sub(turns, f32x4.floor(f32x4.add(turns, f32x4.splat(0.5))));
  const t = f32x4.sub(f32x4.splat(0.25), f32x4.abs(u));
  const square = f32x4.mul(t, t);
  let p = f32x4.add(f32x4.mul(f32x4.splat(s11), square), f32x4.splat(s9));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(s7));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(s5));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(s3));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(s1));
  return f32x4.mul(p, t);
}

/** Cosines of the rows at four addresses, one row after the other in `out`. */
function mapFour(a: usize, b: usize, c: usize, d: usize, columnCount: i32, frequencies: usize, offsets: usize, componentCount: i32, out: usize): void {
  const rowBytes = <usize>componentCount << 2;
  const end = <usize>columnCount << 2;
  let at = frequencies;
  for (let k: usize = 0; k < rowBytes; k += 32) {
    let l0 = v128.load(offsets + k), h0 = v128.load(offsets + k, 16);
    let l1 = l0, l2 = l0, l3 = l0, h1 = h0, h2 = h0, h3 = h0;
    for (let j: usize = 0; j < end; j += 4) {
      const low = v128.load(at), high = v128.load(at, 16);
      at += 32;
      let x = v128.load32_splat(a + j);
      l0 = f32x4.add(l0, f32x4.mul(x, low));
      h0 = f32x4.add(h0, f32x4.mul(x, high));
      x = v128.load32_splat(b + j);
      l1 = f32x4.add(l1, f32x4.mul(x, low));
      h1 = f32x4.add(h1, f32x4.mul(x, high));
      x = v128.load32_splat(c + j);
      l2 = f32x4.add(l2, f32x4.mul(x, low));
      h2 = f32x4.add(h2, f32x4.mul(x, high));
      x = v128.load32_splat(d + j);
      l3 = f32x4.add(l3, f32x4.mul(x, low));
      h3 = f32x4.add(h3, f32x4.mul(x, high));
    }
    const to = out + k;
    v128.store(to, turnCosine(l0));
    v128.store(to, turnCosine(h0), 16);
    v128.store(to + rowBytes, turnCosine(l1));
    v128.store(to + rowBytes, turnCosine(h1), 16);
    v128.store(to + 2 * rowBytes, turnCosine(l2));
    v128.store(to + 2 * rowBytes, turnCosine(h2), 16);
    v128.store(to + 3 * rowBytes, turnCosine(l3));
    v128.store(to + 3 * rowBytes, turnCosine(h3), 16);
  }
}

// @ts-ignore: decorator
@inline
function upper(cosines: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(cosines, cosines, 2, 3, 0, 1));
}

/** Sum of coefficient x cosine as eight partial sums, added as ((0+1)+(2+3))+((4+5)+(6+7)). */
function weighCosines(cosines: usize, coefficients: usize, componentCount: i32): f64 {
  let a = f64x2.splat(0), b = f64x2.splat(0), c = f64x2.splat(0), d = f64x2.splat(0);
  const end = cosines + (<usize>componentCount << 2);
  for (; cosines < end; cosines += 32) {
    const low = v128.load(cosines), high = v128.load(cosines, 16);
    a = f64x2.add(a, f64x2.mul(v128.load(coefficients), f64x2.promote_low_f32x4(low)));
    b = f64x2.add(b, f64x2.mul(v128.load(coefficients, 16), upper(low)));
    c = f64x2.add(c, f64x2.mul(v128.load(coefficients, 32), f64x2.promote_low_f32x4(high)));
    d = f64x2.add(d, f64x2.mul(v128.load(coefficients, 48), upper(high)));
    coefficients += 64;
  }
  const low = (f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1)) + (f64x2.extract_lane(b, 0) + f64x2.extract_lane(b, 1));
  const high = (f64x2.extract_lane(c, 0) + f64x2.extract_lane(c, 1)) + (f64x2.extract_lane(d, 0) + f64x2.extract_lane(d, 1));
  return low + high;
}

function addGradient(cosines: usize, coefficients: usize, componentCount: i32, bias: f64, sign: f64, price: f64, gradient: usize): void {
  const short = 1.0 - sign * (weighCosines(cosines, coefficients, componentCount) + bias);
  if (!(short > 0)) return;
  const pull = -2.0 * price * short * sign;
  const pulls = f64x2.splat(pull);
  const end = cosines + (<usize>componentCount << 2);
  for (; cosines < end; cosines += 16) {
    const values = v128.load(cosines);
    v128.store(gradient, f64x2.add(v128.load(gradient), f64x2.mul(pulls, f64x2.promote_low_f32x4(values))));
    v128.store(gradient, f64x2.add(v128.load(gradient, 16), f64x2.mul(pulls, upper(values))), 16);
    gradient += 32;
  }
  store<f64>(gradient, load<f64>(gradient) + pull);
  store<f64>(gradient, load<f64>(gradient, 8) + price * short * short, 8);
}

export function fourierHinge(
  thread: i32, threads: i32, X: usize, columnCount: i32, rowCount: i32, frequencies: usize, offsets: usize, componentCount: i32, coefficients: usize,
  bias: f64, signs: usize, prices: usize, sums: usize, scratch: usize,
): void {
  const stride = <usize>columnCount << 2;
  const cosineBytes = <usize>componentCount << 2;
  const cosines = scratch + 4 * cosineBytes * <usize>thread;
  for (let shard = thread; shard < shardCount; shard += threads) {
    const gradient = sums + ((<usize>(componentCount + 2) * shard) << 3);
    memory.fill(gradient, 0, <usize>(componentCount + 2) << 3);
    const end = shardStart(shard + 1, rowCount);
    const last = end - 1;
    for (let row = shardStart(shard, rowCount); row < end; row += 4) {
      if (cancelled()) return;
      mapFour(X + <usize>row * stride, X + <usize>min(row + 1, last) * stride, X + <usize>min(row + 2, last) * stride, X + <usize>min(row + 3, last) * stride, columnCount, frequencies, offsets, componentCount, cosines);
      const count = min(4, end - row);
      for (let r = 0; r < count; r++) {
        const at = <usize>(row + r) << 3;
        addGradient(cosines + <usize>r * cosineBytes, coefficients, componentCount, bias, load<f64>(signs + at), load<f64>(prices + at), gradient);
      }
    }
  }
}

export function fourierDecision(
  thread: i32, threads: i32, X: usize, columnCount: i32, rowCount: i32, frequencies: usize, offsets: usize, componentCount: i32, coefficients: usize, bias: f64,
  out: usize, scratch: usize,
): void {
  const stride = <usize>columnCount << 2;
  const cosineBytes = <usize>componentCount << 2;
  const cosines = scratch + 4 * cosineBytes * <usize>thread;
  for (let shard = thread; shard < shardCount; shard += threads) {
    const end = shardStart(shard + 1, rowCount);
    const last = end - 1;
    for (let row = shardStart(shard, rowCount); row < end; row += 4) {
      if (cancelled()) return;
      mapFour(X + <usize>row * stride, X + <usize>min(row + 1, last) * stride, X + <usize>min(row + 2, last) * stride, X + <usize>min(row + 3, last) * stride, columnCount, frequencies, offsets, componentCount, cosines);
      const count = min(4, end - row);
      for (let r = 0; r < count; r++) store<f64>(out + (<usize>(row + r) << 3), weighCosines(cosines + <usize>r * cosineBytes, coefficients, componentCount) + bias);
    }
  }
}
