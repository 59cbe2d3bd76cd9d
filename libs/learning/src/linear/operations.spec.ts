// Goal: the operations of linear models compute what they say (oracle, against naive sums), and WebAssembly computes the same to the bit on 1, 2
// and 3 threads. Method: seeded random arguments, sizes on both sides of every border (blocks, shards, groups of four, lanes).
import { describe, expect, it } from 'vitest';
import { builtKernels, wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { assertSameOnAll, missingTwins, trialOf } from '../kernels/operation.checks.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { Random } from '../random.ts';
import { Coordinates } from './coordinates.ts';
import { columnMoments, momentsOf } from './column-moments.ts';
import { evaluateRows, lossCodes, scratchLength, shardCount, sumsPerShard, type LinearLoss } from './evaluate-rows.ts';
import { gramBlock, gramBlockRows, gramOrder, GramSum } from './gram-block.ts';
import { hingeDescent } from './hinge-descent.ts';
import { addShards } from './linear-objective.ts';
import { logLossOfMargin, sigmoid } from './log-loss.ts';
import { linearMargins } from './margins.ts';
import { perceptronEpoch } from './perceptron-epoch.ts';

const bytes = builtKernels();
const backends = await wasmBackends();

const normals = (random: Random, length: number, scale = 1): Float32Array => Float32Array.from({ length }, () => scale * random.normal());
const labels = (random: Random, length: number): Float64Array => Float64Array.from({ length }, () => random.int(2));
const reals = (random: Random, length: number, scale = 1): Float64Array => Float64Array.from({ length }, () => scale * random.normal());

function drawEvaluation(random: Random, loss: LinearLoss, weighted: boolean): Parameters<typeof evaluateRows.plain> extends [number, number, ...infer Rest] ? Rest : never {
  const [n, d] = [1 + random.int(9000), 1 + random.int(13)];
  const y = loss === 'squared-error' ? reals(random, n) : labels(random, n);
  const weights = Float64Array.from({ length: n }, () => random.int(3));
  return [
    normals(random, n * d, 3), n, d, y, weighted ? weights : y, weighted ? 1 : 0, lossCodes[loss], 0.7 / n, loss === 'squared-error' ? 0.7 / n : 1.3 / n,
    reals(random, d + 1, 30), new Float64Array(scratchLength), new Float32Array(n), new Float64Array(shardCount * sumsPerShard(d)),
  ];
}

const losses = ['logistic', 'squared-hinge', 'squared-error'] as const;
const trials = [
  trialOf(linearMargins, (random) => {
    const [n, d] = [random.int(1500), 1 + random.int(11)];
    return [normals(random, n * d), n, d, reals(random, d + 1), new Float64Array(n)];
  }),
  ...losses.flatMap((loss) => [false, true].map((weighted) => trialOf(evaluateRows, (random) => drawEvaluation(random, loss, weighted), { name: `${evaluateRows.name}, ${loss}${weighted ? ', weighted' : ''}` }))),
  ...[0, 1].map((weighted) => trialOf(columnMoments, (random) => {
    const [n, d] = [1 + random.int(3000), 1 + random.int(7)];
    return [normals(random, n * d), n, d, Float64Array.from({ length: n }, () => random.int(3)), weighted, reals(random, d), new Float64Array(shardCount * (4 * d + 1))];
  }, { name: `${columnMoments.name}, weighted ${weighted}` })),
  ...[0, 1].map((curved) => trialOf(gramBlock, (random) => {
    const [n, d, step] = [1 + random.int(900), 1 + random.int(26), 1 + random.int(3)];
    const h = Float32Array.from({ length: n * step }, () => random.uniform());
    return [normals(random, n * step * d), n, step, d, normals(random, d), normals(random, d), h, curved, new Float32Array(gramBlockRows * gramOrder(d)), new Float64Array(gramOrder(d) ** 2)];
  }, { name: `${gramBlock.name}, curved ${curved}` })),
  ...[0, 1].map((weighted) => trialOf(hingeDescent, (random) => {
    const [n, d] = [1 + random.int(2000), 1 + random.int(11)];
    const y = labels(random, n);
    const weights = Float64Array.from({ length: n }, () => random.int(3));
    const alpha = Float64Array.from({ length: n }, (_, i) => [0, 0.1, (y[i] === 1 ? 0.5 : 0.7) * (weighted ? weights[i]! : 1)][random.int(3)]!);
    return [
      normals(random, n * d), d, y, weights, weighted, 0.5, 0.7, random.shuffle(Int32Array.from({ length: n }, (_, i) => i)), alpha, new Float64Array(n),
      reals(random, d + 1), Float64Array.of(0.8, -0.8, 0, 0, n),
    ];
  }, { name: `${hingeDescent.name}, weighted ${weighted}` })),
  ...[0, 1].map((weighted) => trialOf(perceptronEpoch, (random) => {
    const [n, d] = [1 + random.int(2000), 1 + random.int(11)];
    const order = random.shuffle(Int32Array.from({ length: n }, (_, i) => i));
    const weights = Float64Array.from({ length: n }, () => random.int(3));
    return [normals(random, n * d), n, d, labels(random, n), weights, weighted, 1.5, 0.7, order, 1, reals(random, d + 1), reals(random, d + 1), Float64Array.of(0, n)];
  }, { name: `${perceptronEpoch.name}, weighted ${weighted}` })),
];

describe.skipIf(bytes === undefined)('operations of linear models', () => {
  for (const trial of trials) it(`${trial.name}: differential, WebAssembly equals typed arrays to the bit`, () => assertSameOnAll(trial, backends, [1, 2, 3, 4]));

  it('have a twin each', async () => {
    expect(await missingTwins([linearMargins, evaluateRows, columnMoments, gramBlock, hingeDescent, perceptronEpoch], bytes!)).toEqual([]);
  });
});

describe('evaluateRows', () => {
  for (const loss of losses) {
    it(`oracle: ${loss} and its derivatives from the definition`, async () => {
      const random = new Random(17);
      const compute = await plainKernels.open({});
      const args = drawEvaluation(random, loss, true);
      const [X, n, d, y, weights, , , positive, negative, point, , curvature, sums] = args;
      await compute.run(evaluateRows, ...args);
      const found = addShards(sums, sumsPerShard(d));
      const expected = new Float64Array(d + 2);
      let worst = 0;
      for (let i = 0; i < n; i++) {
        const row = X.subarray(i * d, (i + 1) * d);
        const margin = row.reduce((sum, x, j) => sum + x * point[j]!, point[d]!);
        const factor = weights[i]! * (y[i] === 1 ? positive : negative);
        const { value, slope, bend } = naive(loss, y[i]!, margin);
        row.forEach((x, j) => { expected[j]! += factor * slope * x; });
        expected[d]! += factor * slope;
        expected[d + 1]! += factor * value;
        worst = Math.max(worst, Math.abs(curvature[i]! - factor * bend));
      }
      expect(worst).toBeLessThan(1e-9);
      expected.forEach((value, j) => expect(Math.abs(found[j]! - value)).toBeLessThan(1e-12 * Math.max(1, Math.abs(value))));
    });
  }
});

function naive(loss: LinearLoss, label: number, margin: number): { value: number; slope: number; bend: number } {
  if (loss === 'logistic') return { value: logLossOfMargin(label, margin), slope: sigmoid(margin) - label, bend: sigmoid(margin) * sigmoid(-margin) };
  if (loss === 'squared-error') return { value: (margin - label) ** 2 / 2, slope: margin - label, bend: 1 };
  const side = label === 1 ? 1 : -1;
  const lacking = Math.max(0, 1 - side * margin);
  return { value: lacking ** 2, slope: -2 * side * lacking, bend: lacking > 0 ? 2 : 0 };
}

describe('moments and Gram matrix', () => {
  it('oracle: mean, variance and constant columns far from 0', async () => {
    const random = new Random(3);
    const [n, d] = [5000, 3];
    const X = Float32Array.from({ length: n * d }, (_, at) => [1e6 + 3 * random.normal(), random.normal(), 0.1][at % d]!);
    const weights = Float64Array.from({ length: n }, () => random.int(4));
    for (const w of [undefined, weights]) {
      const { mean, variance, total } = await momentsOf(X, n, d, w, await plainKernels.open({}));
      const weightOf = (i: number): number => w?.[i] ?? 1;
      const average = (value: (i: number) => number): number => Array.from({ length: n }, (_, i) => weightOf(i) * value(i)).reduce((a, b) => a + b) / total;
      for (const j of [0, 1]) {
        expect(Math.abs(mean[j]! - average((i) => X[i * d + j]!))).toBeLessThan(1e-9 * (1 + Math.abs(mean[j]!)));
        expect(variance[j]).toBeCloseTo(average((i) => (X[i * d + j]! - mean[j]!) ** 2), 7);
      }
      expect([mean[2], variance[2]]).toEqual([Math.fround(0.1), 0]);
    }
  });

  it('oracle: sums of products over every third row, across blocks, within float32\'s rounding', async () => {
    const random = new Random(5);
    const compute = await plainKernels.open({});
    const [n, d, step] = [5000, 9, 3];
    const X = normals(random, n * step * d);
    const h = Float32Array.from({ length: n * step }, () => random.uniform());
    const means = reals(random, d);
    const gram = new GramSum(compute, new Coordinates(means, new Float64Array(d).fill(4), 0, compute));
    await gram.add(X, n, step, h);
    const found = gram.matrix();
    const shift = Float32Array.from(means);
    const z = (i: number, j: number): number => (j === d ? 1 : (X[i * step * d + j]! - shift[j]!) * 0.5);
    for (let j = 0; j <= d; j++) {
      for (let k = 0; k <= d; k++) {
        let sum = 0;
        for (let i = 0; i < n; i++) sum += h[i * step]! * z(i, j) * z(i, k);
        expect(Math.abs(found[j * (d + 1) + k]! - sum)).toBeLessThan(1e-6 * n);
      }
    }
  });
});
