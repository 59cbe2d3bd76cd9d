import { Random } from '../random.ts';
import type { Compute, KernelArgument, KernelArray, Kernels, Operation } from './compute.ts';
import { rbfKernelRows, squaredDistances } from './distances.ts';
import { exponentials } from './element-wise.ts';
import { histogramInShards, histogramLength } from './histogram.ts';
import { matrixProduct, matrixVector } from './matrix-product.ts';
import { dotInShards } from './sums.ts';

/** One operation at one size on one backend. */
export interface ProbeMeasurement {
  readonly operation: string;
  /** Multiplications or visits of cells. */
  readonly work: number;
  readonly backend: Kernels['facts']['backend'];
  readonly threadCount: number;
  /** Best of a few runs. */
  readonly ms: number;
  /** Equal to the reference: to the bit, or within 1e-4 of the largest cell where a GPU did it. */
  readonly agrees: boolean;
}

export interface ProbeReport {
  readonly measurements: readonly ProbeMeasurement[];
  /** Backends by rising time; those that were wrong somewhere are left out. */
  readonly ranking: readonly { readonly kernels: Kernels; readonly timesAsFast: number }[];
  /** Backends that were wrong, or failed, and where. */
  readonly refused: readonly { readonly kernels: Kernels; readonly reason: string }[];
}

export interface ProbeOptions {
  readonly nowMs: () => number;
  /** No further trial begins after it; the first is always finished. */
  readonly budgetMs?: number;
  readonly trials?: readonly ProbeTrial[];
}

/** Fresh arguments for one operation at one size. */
export interface ProbeTrial {
  readonly name: string;
  readonly work: number;
  prepare(compute: Compute): { run: () => Promise<void>; result: KernelArray };
}

const repeats = 3;

/**
 * Holds each backend against a reference, plain arrays at first, on the standard operations at a small and a larger size, and measures it. Speed is the
 * geometric mean over trials of the reference's time over the backend's: what a fit gains depends on its mix of operations, and no one trial should decide.
 */
export async function probeKernels(reference: Kernels, others: readonly Kernels[], { nowMs, budgetMs = 300, trials = standardTrials() }: ProbeOptions): Promise<ProbeReport> {
  const started = nowMs();
  const measurements: ProbeMeasurement[] = [];
  const refused = new Map<Kernels, string>();
  const logs = new Map<Kernels, number[]>(others.map((kernels) => [kernels, []]));
  for (const trial of trials) {
    if (measurements.length > 0 && nowMs() - started > budgetMs) break;
    const expected = await measure(reference, trial, nowMs);
    measurements.push({ operation: trial.name, work: trial.work, backend: reference.facts.backend, threadCount: reference.facts.threadCount, ms: expected.ms, agrees: true });
    for (const kernels of others) {
      if (refused.has(kernels)) continue;
      const { backend, threadCount } = kernels.facts;
      try {
        const { ms, result } = await measure(kernels, trial, nowMs);
        const agrees = backend === 'gpu' ? isNear(result, expected.result) : isEqual(result, expected.result);
        measurements.push({ operation: trial.name, work: trial.work, backend, threadCount, ms, agrees });
        if (agrees) logs.get(kernels)!.push(Math.log(expected.ms / ms));
        else refused.set(kernels, `${trial.name} differs from ${reference.facts.backend}`);
      } catch (error) {
        refused.set(kernels, `${trial.name} failed: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  const ranking = [{ kernels: reference, timesAsFast: 1 }];
  for (const [kernels, ratios] of logs) {
    if (!refused.has(kernels) && ratios.length > 0) ranking.push({ kernels, timesAsFast: Math.exp(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length) });
  }
  ranking.sort((a, b) => b.timesAsFast - a.timesAsFast);
  return { measurements, ranking, refused: [...refused].map(([kernels, reason]) => ({ kernels, reason })) };
}

async function measure(kernels: Kernels, trial: ProbeTrial, nowMs: () => number): Promise<{ ms: number; result: KernelArray }> {
  const compute = await kernels.open({});
  try {
    const { run, result } = trial.prepare(compute);
    // The first run wakes threads and compiles; its result is the one compared.
    await run();
    const kept = result.slice();
    let ms = Infinity;
    for (let i = 0; i < repeats; i++) {
      const start = nowMs();
      await run();
      ms = Math.min(ms, nowMs() - start);
    }
    // A clock may be too coarse for what was measured.
    return { ms: Math.max(ms, 1e-3), result: kept };
  } finally {
    compute.close();
  }
}

function trialOf<Arguments extends readonly KernelArgument[]>(operation: Operation<Arguments>, work: number, draw: (random: Random, compute: Compute) => [...Arguments], resultAt: number): ProbeTrial {
  return {
    name: operation.name,
    work,
    prepare: (compute) => {
      const args = draw(new Random(1), compute) as unknown as Arguments;
      const result = args[resultAt] as KernelArray;
      // Operations that add to their result start from zeros each time.
      return { result, run: () => { result.fill(0); return compute.run(operation, ...args); } };
    },
  };
}

function normals(compute: Compute, random: Random, length: number): Float32Array {
  const array = compute.float32(length);
  for (let i = 0; i < length; i++) array[i] = random.normal();
  return array;
}

/** The smaller size of every operation first, so that a slow machine has seen each once. */
function standardTrials(): readonly ProbeTrial[] {
  return [1, 8].flatMap((factor) => {
    const rows = 128 * factor;
    return [
      productTrial(rows, 32, 32),
      trialOf(matrixVector, rows * 128, (random, c) => [rows * 4, 32, normals(c, random, rows * 128), normals(c, random, 32), c.float32(rows * 4)], 4),
      distancesTrial(rows, 8, 32),
      kernelRowsTrial(1, rows * 4, 32),
      trialOf(exponentials, rows * 16, (random, c) => [rows * 16, normals(c, random, rows * 16), c.float32(rows * 16)], 2),
      trialOf(dotInShards, rows * 128, (random, c) => [rows * 128, 16, normals(c, random, rows * 128), normals(c, random, rows * 128), c.float64(16)], 4),
      trialOf(histogramInShards, rows * 128, (random, c) => [rows * 16, 8, 4, c.adopt(Uint8Array.from({ length: rows * 128 }, () => random.int(256))), ones(c, rows * 16), ones(c, rows * 16), c.float64(4 * histogramLength(8))], 6),
    ];
  });
}

/** Sizes at which a GPU may win over the other backends. */
export function gpuTrials(): readonly ProbeTrial[] {
  return [1, 2, 4].flatMap((factor) => [
    productTrial(256 * factor, 256 * factor, 256 * factor),
    distancesTrial(2048 * factor, 64 * factor, 32),
    kernelRowsTrial(8 * factor * factor, 16_384, 32),
  ]);
}

const productTrial = (m: number, k: number, n: number): ProbeTrial =>
  trialOf(matrixProduct, m * k * n, (random, c) => [m, k, n, normals(c, random, m * k), normals(c, random, k * n), c.float32(m * n)], 5);

const distancesTrial = (m: number, k: number, n: number): ProbeTrial =>
  trialOf(squaredDistances, m * k * n, (random, c) => [m, k, n, normals(c, random, m * n), normals(c, random, k * n), c.float32(m * k)], 5);

const kernelRowsTrial = (m: number, k: number, n: number): ProbeTrial =>
  trialOf(rbfKernelRows, m * k * n, (random, c) => [m, k, n, normals(c, random, m * n), normals(c, random, k * n), 1 / n, c.float32(m * k)], 6);

const ones = (compute: Compute, length: number): Float32Array => compute.float32(length).fill(2 ** -7);

const isEqual = (found: KernelArray, expected: KernelArray): boolean => found.every((value, i) => Object.is(value, expected[i]));

function isNear(found: KernelArray, expected: KernelArray): boolean {
  let largest = 0;
  for (const value of expected) largest = Math.max(largest, Math.abs(value));
  return found.every((value, i) => Math.abs(value - expected[i]!) <= 1e-4 * Math.max(largest, 1e-30));
}
