import { shareStart } from './threads';

/** Does nothing: what a call costs. */
export function idle(thread: i32, threads: i32): void {}

/** y += factor x, in float32. */
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
