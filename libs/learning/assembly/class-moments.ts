import { cancelled } from './threads';

/** Shards of rows, as in src/bayes/class-moments.ts. */
const shards: i32 = 16;

/** See src/bayes/class-moments.ts; two columns a turn in the lanes of a vector. */
export function classMoments(
  thread: i32, threads: i32,
  rowCount: i32, columnCount: i32, X: usize, classes: usize, weighted: i32, weights: usize, shifts: usize, sums: usize,
): void {
  const stride = <usize>columnCount << 3;
  for (let shard = thread; shard < shards; shard += threads) {
    if (cancelled()) return;
    const start = <i32>((<i64>shard * rowCount) / shards);
    const end = <i32>((<i64>(shard + 1) * rowCount) / shards);
    for (let row = start; row < end; row++) {
      const label = <usize>load<u8>(classes + row);
      const weight = weighted == 0 ? 1.0 : load<f64>(weights + (<usize>row << 3));
      const both = f64x2.splat(weight);
      let x = X + ((<usize>row * columnCount) << 2);
      let shift = shifts + label * stride;
      let at = sums + (<usize>shard * 2 + label) * 3 * stride;
      let j = 0;
      for (; j + 2 <= columnCount; j += 2) {
        const raw = f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(x)), v128.load(shift));
        const present = f64x2.eq(raw, raw);
        const distance = v128.and(raw, present);
        const weighed = f64x2.mul(both, distance);
        v128.store(at, f64x2.add(v128.load(at), v128.and(both, present)));
        v128.store(at + stride, f64x2.add(v128.load(at + stride), weighed));
        v128.store(at + 2 * stride, f64x2.add(v128.load(at + 2 * stride), f64x2.mul(weighed, distance)));
        x += 8;
        shift += 16;
        at += 16;
      }
      if (j < columnCount) {
        const distance = <f64>load<f32>(x) - load<f64>(shift);
        if (distance == distance) {
          const weighed = weight * distance;
          store<f64>(at, load<f64>(at) + weight);
          store<f64>(at + stride, load<f64>(at + stride) + weighed);
          store<f64>(at + 2 * stride, load<f64>(at + 2 * stride) + weighed * distance);
        }
      }
    }
  }
}
