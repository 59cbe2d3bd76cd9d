import type { Operation } from './compute.ts';
import { exp, exp32, log, sigmoid, sigmoid32, softplus } from './exponential.ts';

const { fround } = Math;
/** Cells between two yields: about a millisecond. */
const blockCells = 65_536;

/** Does nothing: what a call costs. */
export const idle: Operation<[]> = { name: 'idle', plain: () => undefined };

/** y += factor x in float32, factor rounded to it. */
export const addScaled: Operation<[length: number, factor: number, x: Float32Array, y: Float32Array]> = {
  name: 'addScaled',
  *plain(_thread, _threads, length, factor, x, y) {
    const f = fround(factor);
    for (let start = 0; start < length; start += blockCells) {
      const end = Math.min(start + blockCells, length);
      for (let i = start; i < end; i++) y[i] = fround(y[i]! + fround(f * x[i]!));
      yield end - start;
    }
  },
};

/** x *= factor in float32. */
export const scale: Operation<[length: number, factor: number, x: Float32Array]> = {
  name: 'scale',
  *plain(_thread, _threads, length, factor, x) {
    const f = fround(factor);
    for (let start = 0; start < length; start += blockCells) {
      const end = Math.min(start + blockCells, length);
      for (let i = start; i < end; i++) x[i] = fround(x[i]! * f);
      yield end - start;
    }
  },
};

/** y = e^x by `exp32`. */
export const exponentials = mapped<Float32Array>('exponentials', exp32);

/** y = 1 / (1 + e^-x) by `sigmoid32`. */
export const sigmoids = mapped<Float32Array>('sigmoids', sigmoid32);

/** y = e^x, ln x, 1 / (1 + e^-x) and ln(1 + e^x) in float64, by the functions of `exponential.ts`. */
export const exponentials64 = mapped<Float64Array>('exponentials64', exp);
export const logarithms64 = mapped<Float64Array>('logarithms64', log);
export const sigmoids64 = mapped<Float64Array>('sigmoids64', sigmoid);
export const softpluses64 = mapped<Float64Array>('softpluses64', softplus);

function mapped<A extends Float32Array | Float64Array>(name: string, map: (x: number) => number): Operation<[length: number, x: A, y: A]> {
  return {
    name,
    *plain(_thread, _threads, length, x, y) {
      for (let start = 0; start < length; start += blockCells) {
        const end = Math.min(start + blockCells, length);
        for (let i = start; i < end; i++) y[i] = map(x[i]!);
        yield 10 * (end - start);
      }
    },
  };
}
