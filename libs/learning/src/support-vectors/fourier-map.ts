import { laneCount, lanesLength, writeRowLanes } from '../clusters/row-lanes.ts';
import type { Random } from '../random.ts';
import { turnCosine } from './turn-cosine.ts';

/**
 * Random Fourier features (Rahimi & Recht 2007): cosines whose inner products, times 2 / components, tend to the kernel
 * e^(-gamma |x - z|^2). In float32: the angle is summed column after column from the offset, in turns.
 */
export interface FourierMap {
  readonly componentCount: number;
  /** Turns per unit, in blocks of eight components, each column after column; components beyond the last are 0. */
  readonly frequencies: Float32Array;
  /** Turns; one per component, whole blocks. */
  readonly offsets: Float32Array;
}

/** Frequencies from the kernel's own spectrum, a normal of variance 2 gamma in radians, and offsets uniform over a turn. */
export function drawFourierMap(random: Random, componentCount: number, columnCount: number, gamma: number): FourierMap {
  const rows = Float32Array.from({ length: componentCount * columnCount }, () => (Math.sqrt(2 * gamma) * random.normal()) / (2 * Math.PI));
  return fourierMapOf(rows, Float32Array.from({ length: componentCount }, () => random.uniform()), columnCount);
}

/** From row-major frequencies (components x columns) and offsets, both in turns. */
export function fourierMapOf(rows: Float32Array, offsets: Float32Array, columnCount: number): FourierMap {
  const componentCount = offsets.length;
  const frequencies = new Float32Array(lanesLength(componentCount, columnCount));
  writeRowLanes(rows, componentCount, columnCount, frequencies);
  for (let at = 0; at < frequencies.length; at++) if (frequencies[at] === Infinity) frequencies[at] = 0;
  const padded = new Float32Array(Math.ceil(componentCount / laneCount) * laneCount);
  padded.set(offsets);
  return { componentCount, frequencies, offsets: padded };
}

/** Cosines of the row at `offset`, whole blocks. */
export function mapRow(X: Float32Array, offset: number, columnCount: number, frequencies: Float32Array, offsets: Float32Array, out: Float32Array): void {
  for (let k = 0, at = 0; k < offsets.length; k += laneCount) {
    let a = offsets[k]!;
    let b = offsets[k + 1]!;
    let c = offsets[k + 2]!;
    let d = offsets[k + 3]!;
    let e = offsets[k + 4]!;
    let f = offsets[k + 5]!;
    let g = offsets[k + 6]!;
    let h = offsets[k + 7]!;
    for (let j = offset; j < offset + columnCount; j++, at += laneCount) {
      const x = X[j]!;
      a = Math.fround(a + Math.fround(x * frequencies[at]!));
      b = Math.fround(b + Math.fround(x * frequencies[at + 1]!));
      c = Math.fround(c + Math.fround(x * frequencies[at + 2]!));
      d = Math.fround(d + Math.fround(x * frequencies[at + 3]!));
      e = Math.fround(e + Math.fround(x * frequencies[at + 4]!));
      f = Math.fround(f + Math.fround(x * frequencies[at + 5]!));
      g = Math.fround(g + Math.fround(x * frequencies[at + 6]!));
      h = Math.fround(h + Math.fround(x * frequencies[at + 7]!));
    }
    out[k] = a;
    out[k + 1] = b;
    out[k + 2] = c;
    out[k + 3] = d;
    out[k + 4] = e;
    out[k + 5] = f;
    out[k + 6] = g;
    out[k + 7] = h;
  }
  for (let k = 0; k < offsets.length; k++) out[k] = turnCosine(out[k]!);
}

/** Sum of coefficient x cosine in float64 as eight partial sums, one per place in a block, added as ((0+1)+(2+3))+((4+5)+(6+7)). */
export function weighCosines(cosines: Float32Array, coefficients: Float64Array): number {
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0; k < cosines.length; k += laneCount) {
    a += coefficients[k]! * cosines[k]!;
    b += coefficients[k + 1]! * cosines[k + 1]!;
    c += coefficients[k + 2]! * cosines[k + 2]!;
    d += coefficients[k + 3]! * cosines[k + 3]!;
    e += coefficients[k + 4]! * cosines[k + 4]!;
    f += coefficients[k + 5]! * cosines[k + 5]!;
    g += coefficients[k + 6]! * cosines[k + 6]!;
    h += coefficients[k + 7]! * cosines[k + 7]!;
  }
  return a + b + (c + d) + (e + f + (g + h));
}
