import { exp, exp32, exp32x4, exp64x2, log, sigmoid, sigmoid32, sigmoid32x4, sigmoid64x2, softplus, softplus64x2 } from './exponential';
import { shareStart } from './threads';

/** Does nothing: what a call costs. */
export function idle(thread: i32, threads: i32): void {}

/** y += factor x. */
export function addScaled(thread: i32, threads: i32, length: i32, factor: f32, x: usize, y: usize): void {
  const start = shareStart(thread, threads, length, 16);
  const end = shareStart(thread + 1, threads, length, 16);
  const factors = f32x4.splat(factor);
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, f32x4.add(v128.load(y + at), f32x4.mul(factors, v128.load(x + at))));
  }
  for (; i < end; i++) {
    const at = <usize>i << 2;
    store<f32>(y + at, load<f32>(y + at) + factor * load<f32>(x + at));
  }
}

/** x *= factor. */
export function scale(thread: i32, threads: i32, length: i32, factor: f32, x: usize): void {
  const start = shareStart(thread, threads, length, 16);
  const end = shareStart(thread + 1, threads, length, 16);
  const factors = f32x4.splat(factor);
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const at = x + (<usize>i << 2);
    v128.store(at, f32x4.mul(v128.load(at), factors));
  }
  for (; i < end; i++) {
    const at = x + (<usize>i << 2);
    store<f32>(at, load<f32>(at) * factor);
  }
}

/** y = e^x. */
export function exponentials(thread: i32, threads: i32, length: i32, x: usize, y: usize): void {
  const start = shareStart(thread, threads, length, 16);
  const end = shareStart(thread + 1, threads, length, 16);
  let i = start;
  for (; i + 4 <= end; i += 4) v128.store(y + (<usize>i << 2), exp32x4(v128.load(x + (<usize>i << 2))));
  for (; i < end; i++) store<f32>(y + (<usize>i << 2), exp32(load<f32>(x + (<usize>i << 2))));
}

/** y = 1 / (1 + e^-x). */
export function sigmoids(thread: i32, threads: i32, length: i32, x: usize, y: usize): void {
  const start = shareStart(thread, threads, length, 16);
  const end = shareStart(thread + 1, threads, length, 16);
  let i = start;
  for (; i + 4 <= end; i += 4) v128.store(y + (<usize>i << 2), sigmoid32x4(v128.load(x + (<usize>i << 2))));
  for (; i < end; i++) store<f32>(y + (<usize>i << 2), sigmoid32(load<f32>(x + (<usize>i << 2))));
}

/** y = e^x in float64. */
export function exponentials64(thread: i32, threads: i32, length: i32, x: usize, y: usize): void {
  const end = shareStart(thread + 1, threads, length, 8);
  let i = shareStart(thread, threads, length, 8);
  for (; i + 2 <= end; i += 2) v128.store(y + (<usize>i << 3), exp64x2(v128.load(x + (<usize>i << 3))));
  for (; i < end; i++) store<f64>(y + (<usize>i << 3), exp(load<f64>(x + (<usize>i << 3))));
}

/** y = ln x in float64. */
export function logarithms64(thread: i32, threads: i32, length: i32, x: usize, y: usize): void {
  const end = shareStart(thread + 1, threads, length, 8);
  for (let i = shareStart(thread, threads, length, 8); i < end; i++) store<f64>(y + (<usize>i << 3), log(load<f64>(x + (<usize>i << 3))));
}

/** y = 1 / (1 + e^-x) in float64. */
export function sigmoids64(thread: i32, threads: i32, length: i32, x: usize, y: usize): void {
  const end = shareStart(thread + 1, threads, length, 8);
  let i = shareStart(thread, threads, length, 8);
  for (; i + 2 <= end; i += 2) v128.store(y + (<usize>i << 3), sigmoid64x2(v128.load(x + (<usize>i << 3))));
  for (; i < end; i++) store<f64>(y + (<usize>i << 3), sigmoid(load<f64>(x + (<usize>i << 3))));
}

/** y = ln(1 + e^x) in float64. */
export function softpluses64(thread: i32, threads: i32, length: i32, x: usize, y: usize): void {
  const end = shareStart(thread + 1, threads, length, 8);
  let i = shareStart(thread, threads, length, 8);
  for (; i + 2 <= end; i += 2) v128.store(y + (<usize>i << 3), softplus64x2(v128.load(x + (<usize>i << 3))));
  for (; i < end; i++) store<f64>(y + (<usize>i << 3), softplus(load<f64>(x + (<usize>i << 3))));
}
