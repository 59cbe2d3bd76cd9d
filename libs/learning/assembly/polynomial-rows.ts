import { cancelled, shareStart } from './threads';

/** Rows between looks at whether to stop. */
const rowsPerLook: i32 = 32;

/** Twin of `polynomialRows` in src/prepare/polynomial.ts; products of two in float32, of three by float64. */
export function polynomialRows(
  thread: i32, threads: i32, raw: usize, rowCount: i32, inputCount: i32, chosen: usize, count: i32, passed: usize, passedCount: i32, degree: i32, skip: i32, out: usize, width: i32,
): void {
  const last = shareStart(thread + 1, threads, rowCount, 1);
  for (let row = shareStart(thread, threads, rowCount, 1); row < last; row++) {
    if (row % rowsPerLook == 0 && cancelled()) return;
    const input = raw + (<usize>row * <usize>inputCount << 2);
    // A row begins with its own numbers, which its products are then made of.
    const from = out + (<usize>row * <usize>width << 2);
    let to = from;
    for (let a: usize = 0; a < <usize>count << 2; a += 4, to += 4) store<f32>(to, load<f32>(input + (<usize>load<i32>(chosen + a) << 2)));
    for (let a = 0; a < count; a++) to = times(load<f32>(from + (<usize>a << 2)), from, a + skip, count, to);
    if (degree == 3) {
      for (let a = 0; a < count; a++) {
        const xa = <f64>load<f32>(from + (<usize>a << 2));
        for (let b = a + skip; b < count; b++) {
          const xab = xa * <f64>load<f32>(from + (<usize>b << 2));
          for (let c = b + skip; c < count; c++, to += 4) store<f32>(to, <f32>(xab * <f64>load<f32>(from + (<usize>c << 2))));
        }
      }
    }
    for (let k = 0; k < passedCount; k++, to += 4) store<f32>(to, load<f32>(input + (<usize>load<i32>(passed + (<usize>k << 2)) << 2)));
  }
}

/** Numbers [start, count) times one of them; returns the end of what was written. */
// @ts-ignore: decorator
@inline
function times(factor: f32, numbers: usize, start: i32, count: i32, to: usize): usize {
  const factors = f32x4.splat(factor);
  let b = start;
  for (; b + 4 <= count; b += 4, to += 16) v128.store(to, f32x4.mul(factors, v128.load(numbers + (<usize>b << 2))));
  for (; b < count; b++, to += 4) store<f32>(to, factor * load<f32>(numbers + (<usize>b << 2)));
  return to;
}
