// Goal: the standard operations compute what they say, and WebAssembly computes the same to the bit on 1, 2 and 3 threads.
// Method: `differential` runs seeded arguments of every operation on all backends; `oracle` holds the plain ones against the definition in float64.
import { describe, expect, it } from 'vitest';
import { Random } from '../random.ts';
import { builtKernels, wasmBackends } from './built-kernels.fixtures.ts';
import type { Kernels } from './compute.ts';
import { rbfKernelRows, squaredDistances } from './distances.ts';
import { addScaled, exponentials, exponentials64, idle, logarithms64, scale, sigmoids, sigmoids64, softpluses64 } from './element-wise.ts';
import { gramInShards, gramOf } from './gram.ts';
import { histogramInShards, histogramLength } from './histogram.ts';
import { matrixProduct, matrixVector, transposedProduct } from './matrix-product.ts';
import { assertSameOnAll, missingTwins, trialOf, type OperationTrial } from './operation.checks.ts';
import { plainKernels } from './plain-kernels.ts';
import { addShards, columnMoments, dotInShards, sumInShards, sumOf } from './sums.ts';

const bytes = builtKernels();
const backends = await wasmBackends();

const normals = (random: Random, length: number, spread = 1): Float32Array => Float32Array.from({ length }, () => spread * random.normal());
const onGrid = (random: Random, length: number): Float32Array => Float32Array.from({ length }, () => Math.round(random.normal() * 2 ** 20) / 2 ** 24);

const productTrial = (operation: typeof matrixProduct): OperationTrial =>
  trialOf(operation, (random) => {
    const [m, k, n] = [1 + random.int(23), random.int(600), 1 + random.int(37)];
    return [m, k, n, normals(random, m * k), normals(random, k * n), normals(random, m * n)];
  });

const pairs = (random: Random): [number, number, number, Float32Array, Float32Array] => {
  const [m, k, d] = [1 + random.int(9), 1 + random.int(70), random.int(40)];
  return [m, k, d, normals(random, m * d), normals(random, k * d)];
};

/** Of the shards only what `gramOf` makes of them is promised. */
const gramTrial: OperationTrial = {
  name: gramInShards.name,
  run: async (kernels, seed) => {
    const random = new Random(seed);
    const [n, d] = [1 + random.int(6000), 1 + random.int(30)];
    const compute = await kernels.open({});
    const [X, shift, targets, weights] = [normals(random, n * d), normals(random, d), normals(random, n), normals(random, n)].map((array) => compute.adopt(array));
    const total = await gramOf(compute, X!, n, d, { shift: shift!, ...(seed % 2 === 0 && { targets: targets! }), ...(seed % 3 !== 0 && { weights: weights! }) });
    compute.close();
    return new Map([[0, new Uint8Array(total.buffer)]]);
  },
};

const trials: readonly OperationTrial[] = [
  trialOf(idle, () => []),
  trialOf(addScaled, (random) => {
    const length = random.int(5000);
    return [length, random.normal(), normals(random, length), normals(random, length)];
  }),
  trialOf(scale, (random) => {
    const length = random.int(5000);
    return [length, random.normal(), normals(random, length)];
  }),
  ...[exponentials, sigmoids].map((operation) =>
    trialOf(operation, (random) => {
      const length = 1 + random.int(20_000);
      const x = normals(random, length, 40);
      x.set([0, -0, Infinity, -Infinity, 88.72, 88.73, -87.4, -103.9, -104.1].slice(0, length));
      return [length, x, new Float32Array(length)];
    }),
  ),
  ...[exponentials64, logarithms64, sigmoids64, softpluses64].map((operation) =>
    trialOf(operation, (random) => {
      const length = 1 + random.int(20_000);
      const x = Float64Array.from({ length }, (_, i) => (i % 2 === 0 ? 300 * random.normal() : 2 ** (300 * random.normal())));
      x.set([0, -0, Infinity, 709.7, 709.8, -708.4, -745.1, -746, 5e-324, 2.2e-308].slice(0, length));
      // ln of a negative number is NaN, whose bits differ between processors.
      return [length, operation === logarithms64 ? x.map(Math.abs) : x, new Float64Array(length)];
    }),
  ),
  productTrial(matrixProduct),
  productTrial(transposedProduct),
  trialOf(matrixVector, (random) => {
    const [m, n] = [1 + random.int(300), random.int(70)];
    return [m, n, normals(random, m * n), normals(random, n), new Float32Array(m)];
  }),
  trialOf(squaredDistances, (random) => {
    const drawn = pairs(random);
    return [...drawn, new Float32Array(drawn[0] * drawn[1])];
  }),
  trialOf(rbfKernelRows, (random) => {
    const drawn = pairs(random);
    return [...drawn, random.uniform(), new Float32Array(drawn[0] * drawn[1])];
  }),
  trialOf(sumInShards, (random) => {
    const length = random.int(20_000);
    return [length, 16, normals(random, length), new Float64Array(16)];
  }),
  trialOf(dotInShards, (random) => {
    const length = random.int(20_000);
    return [length, 16, normals(random, length), normals(random, length), new Float64Array(16)];
  }),
  trialOf(columnMoments, (random) => {
    const [n, d] = [1 + random.int(6000), 1 + random.int(9)];
    return [n, d, 16, normals(random, n * d), normals(random, d), random.int(2), normals(random, n), new Float64Array(16 * 2 * d)];
  }),
  gramTrial,
  trialOf(histogramInShards, (random) => {
    const [n, d] = [random.int(5000), 1 + random.int(5)];
    const bins = Uint8Array.from({ length: n * d }, () => random.int(256));
    return [n, d, 4, bins, onGrid(random, n), onGrid(random, n), new Float64Array(4 * histogramLength(d))];
  }),
];

describe.skipIf(bytes === undefined)('standard operations', () => {
  for (const trial of trials) it(`${trial.name}: differential, WebAssembly equals typed arrays to the bit`, () => assertSameOnAll(trial, backends, [1, 2, 3, 4, 5, 6]));

  it('have a twin each', async () => {
    expect(await missingTwins(trials, bytes!)).toEqual([]);
  });
});

/** Largest distance of cells from what the definition gives, against the sum of the parts' sizes. */
function expectNear(found: ArrayLike<number>, cells: readonly (readonly number[])[], tolerance = 1e-6): void {
  expect(found.length).toBe(cells.length);
  cells.forEach((parts, at) => {
    const sum = parts.reduce((total, part) => total + part, 0);
    const size = parts.reduce((total, part) => total + Math.abs(part), 1e-30);
    expect(Math.abs(found[at]! - sum) / size, `cell ${at}`).toBeLessThan(tolerance);
  });
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
const cellsOf = (rows: number, columns: number, parts: (i: number, j: number) => number[]): number[][] => range(rows).flatMap((i) => range(columns).map((j) => parts(i, j)));

async function onPlain(work: (compute: Awaited<ReturnType<Kernels['open']>>) => Promise<void>): Promise<void> {
  await work(await plainKernels.open({}));
}

describe('standard operations on typed arrays', () => {
  const random = new Random(11);
  const [m, k, n] = [7, 300, 9];
  const [A, B] = [normals(random, m * k), normals(random, k * n)];

  it('products: oracle, three nested loops', () => onPlain(async (compute) => {
    const C = new Float32Array(m * n);
    await compute.run(matrixProduct, m, k, n, A, B, C);
    expectNear(C, cellsOf(m, n, (i, j) => range(k).map((p) => A[i * k + p]! * B[p * n + j]!)));
    const transposed = Float32Array.from({ length: m * k }, (_, at) => A[(at % m) * k + Math.floor(at / m)]!);
    const D = new Float32Array(m * n);
    await compute.run(transposedProduct, m, k, n, transposed, B, D);
    expect(D).toEqual(C);
    const y = new Float32Array(m);
    await compute.run(matrixVector, m, k, A, B.subarray(0, k), y);
    expectNear(y, cellsOf(m, 1, (i) => range(k).map((p) => A[i * k + p]! * B[p]!)));
  }));

  it('distances and kernel rows: oracle, the definition', () => onPlain(async (compute) => {
    const [a, b, d] = [3, 5, 30];
    const D = new Float32Array(a * b);
    const parts = (i: number, j: number): number[] => range(d).map((p) => (A[i * d + p]! - B[j * d + p]!) ** 2);
    await compute.run(squaredDistances, a, b, d, A, B, D);
    expectNear(D, cellsOf(a, b, parts));
    await compute.run(rbfKernelRows, a, b, d, A, B, 0.05, D);
    expectNear(D, cellsOf(a, b, (i, j) => [Math.exp(-0.05 * parts(i, j).reduce((sum, part) => sum + part, 0))]), 5e-6);
  }));

  it('sums and moments: oracle, one float64 sum', () => onPlain(async (compute) => {
    expectNear([await sumOf(compute, A), await sumOf(compute, A, A)], [[...A], [...A].map((value) => value * value)]);
    const [rows, columns] = [700, 3];
    const shift = Float32Array.of(0.5, -1, 2);
    const weights = Float32Array.from({ length: rows }, () => random.uniform());
    const shards = new Float64Array(16 * 2 * columns);
    await compute.run(columnMoments, rows, columns, 16, A, shift, 1, weights, shards);
    expectNear(addShards(shards, 2 * columns), cellsOf(2, columns, (power, j) => range(rows).map((i) => weights[i]! * (A[i * columns + j]! - shift[j]!) ** (power + 1))));
  }));

  it('Gram matrix: oracle, sums of outer products', () => onPlain(async (compute) => {
    const [rows, columns] = [600, 3];
    const [shift, targets, weights] = [Float32Array.of(0.5, -1, 2), normals(random, rows), normals(random, rows)];
    const z = (i: number, j: number): number => (j < columns ? A[i * columns + j]! - shift[j]! : j === columns ? targets[i]! : 1);
    const found = await gramOf(compute, A, rows, columns, { shift, targets, weights });
    expectNear(found, cellsOf(columns + 2, columns + 2, (a, b) => range(rows).map((i) => weights[i]! * z(i, a) * z(i, b))));
  }));

  it('histogram: oracle, exact and the same for any number of shards', () => onPlain(async (compute) => {
    const [rows, columns] = [900, 2];
    const bins = Uint8Array.from({ length: rows * columns }, () => random.int(7));
    const [g, h] = [onGrid(random, rows), onGrid(random, rows)];
    const expected = new Float64Array(histogramLength(columns));
    for (let i = rows - 1; i >= 0; i--) for (let j = 0; j < columns; j++) [g, h].forEach((part, side) => { expected[512 * j + 2 * bins[i * columns + j]! + side]! += part[i]!; });
    for (const count of [1, 3, 16]) {
      const shards = new Float64Array(count * histogramLength(columns));
      await compute.run(histogramInShards, rows, columns, count, bins, g, h, shards);
      expect(addShards(shards, histogramLength(columns))).toEqual(expected);
    }
  }));

  it('element-wise: oracle', () => onPlain(async (compute) => {
    const x = A.slice(0, 50);
    const y = B.slice(0, 50);
    await compute.run(addScaled, 50, 0.3, x, y);
    expectNear(y, range(50).map((i) => [B[i]!, 0.3 * A[i]!]));
    await compute.run(scale, 50, 3, y);
    expectNear(y, range(50).map((i) => [3 * B[i]!, 0.9 * A[i]!]));
    await compute.run(exponentials, 50, x, y);
    expectNear(y, range(50).map((i) => [Math.exp(A[i]!)]));
    await compute.run(sigmoids, 50, x, y);
    expectNear(y, range(50).map((i) => [1 / (1 + Math.exp(-A[i]!))]));
  }));
});
