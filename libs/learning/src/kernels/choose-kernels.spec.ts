// Goal: the probe takes the fastest backend that is right, refuses a wrong one, and a forced one is used and said. Method: backends that are made
// slow, wrong or failing on purpose, on a clock that the test turns; the GPU's programs run in gpu.js's own CPU mode.
import { afterAll, describe, expect, it } from 'vitest';
import { openGpuDevice } from '../../../platform/src/compute/gpu-device.ts';
import { WorkerThreadsPool } from '../../../platform/src/compute/worker-threads-pool.ts';
import { Random } from '../random.ts';
import { builtKernels } from './built-kernels.fixtures.ts';
import { chooseKernels } from './choose-kernels.ts';
import type { Kernels, Operation } from './compute.ts';
import { rbfKernelRows, squaredDistances } from './distances.ts';
import { createGpuKernels, type GpuDevice } from './gpu-kernels.ts';
import { matrixProduct, matrixVector } from './matrix-product.ts';
import { plainKernels } from './plain-kernels.ts';
import { probeKernels, type ProbeTrial } from './probe.ts';

let clockMs = 0;
const nowMs = (): number => clockMs;

/** One run takes `runMs` on the test's clock; `spoil` changes what it leaves. */
function pretended(backend: 'plain' | 'wasm', runMs: number, spoil?: (cells: Float32Array) => void): Kernels {
  const facts = { ...plainKernels.facts, backend };
  return {
    facts,
    open: async (options) => {
      const compute = await plainKernels.open(options);
      return {
        ...compute,
        facts,
        float32: (length) => new Float32Array(length),
        close: () => undefined,
        run: async (operation, ...args) => {
          await compute.run(operation, ...args);
          clockMs += runMs;
          spoil?.(args[0] as Float32Array);
        },
      };
    },
  };
}

const count: Operation<[Float32Array]> = { name: 'count', *plain(_thread, _threads, out) { for (let i = 0; i < out.length; i++) out[i] = i; yield 1; } };
const trials: readonly ProbeTrial[] = [1, 2, 3].map((work) => ({
  name: 'count',
  work,
  prepare: (compute) => {
    const result = compute.float32(4);
    return { result, run: () => compute.run(count, result) };
  },
}));

describe('probe', () => {
  it('ranks by the mean of ratios', async () => {
    const plain = pretended('plain', 8);
    const fast = pretended('wasm', 2);
    const { ranking, refused } = await probeKernels(plain, [fast], { nowMs, trials, budgetMs: 1e6 });
    expect(ranking.map(({ kernels, timesAsFast }) => [kernels, Math.round(timesAsFast * 1e6) / 1e6])).toEqual([[fast, 4], [plain, 1]]);
    expect(refused).toEqual([]);
    expect((await probeKernels(plain, [pretended('wasm', 9)], { nowMs, trials, budgetMs: 1e6 })).ranking[0]!.kernels).toBe(plain);
  });

  it('refuses a backend that is wrong by one bit, and one that fails', async () => {
    const plain = pretended('plain', 8);
    const wrong = pretended('wasm', 1, (cells) => { cells[3] = 3.0000002; });
    const failing = pretended('wasm', 1, () => { throw new Error('no such thing'); });
    const { ranking, refused } = await probeKernels(plain, [wrong, failing], { nowMs, trials, budgetMs: 1e6 });
    expect(ranking.map(({ kernels }) => kernels)).toEqual([plain]);
    expect(refused.map(({ reason }) => reason)).toEqual(['count differs from plain', 'count failed: no such thing']);
  });

  it('stops at its budget, after one trial at least', async () => {
    const { measurements } = await probeKernels(pretended('plain', 8), [pretended('wasm', 2)], { nowMs, trials, budgetMs: 1 });
    expect(measurements.map(({ backend, work }) => [backend, work])).toEqual([['plain', 1], ['wasm', 1]]);
  });
});

describe('choice', async () => {
  const pool = new WorkerThreadsPool(2);
  afterAll(() => pool.close());
  const moduleBytes = builtKernels();
  const supply = { moduleBytes, pool: () => pool, nowMs: () => performance.now() };

  it('takes the forced one and says so', async () => {
    expect((await chooseKernels({ ...supply, wanted: 'plain' })).kernels.facts).toMatchObject({ backend: 'plain', reason: 'forced by KERNELS=plain' });
    await expect(chooseKernels({ ...supply, wanted: 'wasm', moduleBytes: undefined })).rejects.toThrow(/KERNELS=wasm: expected .*kernels.wasm, found none/);
    await expect(chooseKernels({ ...supply, wanted: 'gpu', device: () => Promise.resolve('no adapter found') })).rejects.toThrow('KERNELS=gpu: expected a graphics adapter, found no adapter found');
  });

  it.skipIf(moduleBytes === undefined)('probes otherwise, and says what it found', async () => {
    const { kernels, measurements } = await chooseKernels({ ...supply, wanted: 'auto', device: () => Promise.resolve('none here') });
    expect(kernels.facts.backend).toMatch(/^(wasm|plain)$/);
    expect(kernels.facts.reason).toMatch(/times as fast as plain arrays over \d+ trials; gpu: none here$/);
    expect(measurements.every(({ agrees }) => agrees)).toBe(true);
  });

  it('gives a device what it is faster for, and nothing when it is wrong', async () => {
    const asked: string[] = [];
    const exact = async (operation: 'matrixProduct' | 'squaredDistances' | 'rbfKernelRows', args: readonly (number | Float32Array)[]): Promise<Float32Array> => {
      asked.push(operation);
      const [m, k, n] = args as readonly [number, number, number];
      const out = new Float32Array(m * (operation === 'matrixProduct' ? n : k));
      const compute = await plainKernels.open({});
      await compute.run({ matrixProduct, squaredDistances, rbfKernelRows }[operation] as Operation, ...args, out);
      return out;
    };
    const device: GpuDevice = {
      adapter: 'imitation',
      matrixProduct: (...args) => exact('matrixProduct', args),
      squaredDistances: (...args) => exact('squaredDistances', args),
      rbfKernelRows: (...args) => exact('rbfKernelRows', args),
    };
    const kernels = createGpuKernels({ device, rest: plainKernels, reason: 'test', worthFrom: { matrixProduct: 100 } });
    expect(kernels.facts).toMatchObject({ backend: 'gpu', adapter: 'imitation' });
    const compute = await kernels.open({});
    const C = new Float32Array(64);
    await compute.run(matrixProduct, 4, 4, 4, C, C, C);
    await compute.run(matrixVector, 8, 8, C, C, C.slice());
    expect(asked).toEqual([]);
    await compute.run(matrixProduct, 5, 5, 5, new Float32Array(25).fill(1), new Float32Array(25).fill(2), C);
    expect(asked).toEqual(['matrixProduct']);
    expect(C[24]).toBe(10);
  });
});

describe('gpu.js', () => {
  it('differential: its CPU mode agrees with typed arrays within 1e-5', { timeout: 240_000 }, async () => {
    const device = await openGpuDevice({ mode: 'webasm' });
    if (typeof device === 'string') throw new Error(device);
    const random = new Random(3);
    const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
    const [gpu, plain] = [await createGpuKernels({ device, rest: plainKernels, reason: 'test' }).open({}), await plainKernels.open({})];
    for (const [m, k, n] of [[3, 40, 5], [17, 9, 33]] as const) {
      const [found, expected] = [new Float32Array(m * n), new Float32Array(m * n)];
      const [A, B] = [normals(m * k), normals(k * n)];
      for (const [compute, out] of [[gpu, found], [plain, expected]] as const) await compute.run(matrixProduct, m, k, n, A, B, out);
      found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
      const [a, b] = [normals(m * n), normals(k * n)];
      const pairs = [new Float32Array(m * k), new Float32Array(m * k)] as const;
      for (const [compute, out] of [[gpu, pairs[0]], [plain, pairs[1]]] as const) await compute.run(squaredDistances, m, k, n, a, b, out);
      pairs[0].forEach((value, i) => expect(value / pairs[1][i]!).toBeCloseTo(1, 5));
      for (const [compute, out] of [[gpu, pairs[0]], [plain, pairs[1]]] as const) await compute.run(rbfKernelRows, m, k, n, a, b, 0.02, out);
      pairs[0].forEach((value, i) => expect(value).toBeCloseTo(pairs[1][i]!, 5));
    }
    await device.close();
  });
});
