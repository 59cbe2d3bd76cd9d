import type { Operation } from './compute.ts';

const { fround } = Math;
/** Cells between two looks at the clock of work: about a millisecond. */
const blockCells = 262_144;

/** Does nothing: what a call costs. Arguments: none. */
export const idle: Operation<[]> = { name: 'idle', plain: () => undefined };

/** y += factor x in float32. Arguments: length, factor (rounded to float32), x, y. */
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
