import type { Kernels } from './compute.ts';
import { createGpuKernels, gpuOperations, type GpuDevice } from './gpu-kernels.ts';
import { plainKernels } from './plain-kernels.ts';
import { gpuTrials, probeKernels, type ProbeMeasurement } from './probe.ts';
import { createWasmKernels } from './wasm-kernels.ts';
import type { WorkerPool } from './worker-pool.ts';

export type KernelsWanted = 'auto' | 'plain' | 'wasm' | 'gpu';

/** What the outside world has for kernels. */
export interface KernelSupply {
  readonly wanted: KernelsWanted;
  /** The compiled module, where it was built. */
  readonly moduleBytes: Uint8Array | undefined;
  readonly pool: () => WorkerPool;
  /** A device, or why there is none; asked only where `wanted` is gpu or auto. `isForced` also takes one that only imitates a GPU. */
  readonly device?: ((isForced: boolean) => Promise<GpuDevice | string>) | undefined;
  readonly nowMs: () => number;
  readonly budgetMs?: number | undefined;
}

export interface KernelChoice {
  /** `facts.reason` says why these. */
  readonly kernels: Kernels;
  /** Empty where a backend was forced. */
  readonly measurements: readonly ProbeMeasurement[];
}

/** A backend was forced that is not there. */
export class KernelsUnavailableError extends Error {
  override readonly name = 'KernelsUnavailableError';
}

/** The backend that was forced, or the fastest one that a probe found right; to be asked once a process. */
export async function chooseKernels(supply: KernelSupply): Promise<KernelChoice> {
  const { wanted, moduleBytes } = supply;
  if (wanted === 'plain') return { kernels: withReason(plainKernels, 'forced by KERNELS=plain'), measurements: [] };
  const wasm = moduleBytes === undefined ? undefined : await createWasmKernels({ bytes: moduleBytes, pool: supply.pool(), reason: 'forced by KERNELS=wasm' });
  if (wanted === 'wasm') {
    if (wasm === undefined) throw new KernelsUnavailableError('KERNELS=wasm: expected dist/kernels/kernels.wasm, found none; `npm run build` makes it');
    return { kernels: wasm, measurements: [] };
  }
  const device = (await supply.device?.(wanted === 'gpu')) ?? 'not looked for';
  const rest = wasm ?? plainKernels;
  if (wanted === 'gpu') {
    if (typeof device === 'string') throw new KernelsUnavailableError(`KERNELS=gpu: expected a graphics adapter, found ${device}`);
    return { kernels: createGpuKernels({ device, rest, reason: `forced by KERNELS=gpu; the rest on ${rest.facts.backend}` }), measurements: [] };
  }
  return chooseByProbe(supply, wasm, device);
}

async function chooseByProbe({ nowMs, budgetMs }: KernelSupply, wasm: Kernels | undefined, device: GpuDevice | string): Promise<KernelChoice> {
  const options = { nowMs, ...(budgetMs !== undefined && { budgetMs }) };
  const { ranking, refused, measurements } = await probeKernels(plainKernels, wasm === undefined ? [] : [wasm], options);
  const { kernels, timesAsFast } = ranking[0]!;
  const { backend } = kernels.facts;
  const notes = [
    `${backend} is ${timesAsFast.toFixed(1)} times as fast as plain arrays over ${measurements.filter((m) => m.backend === 'plain').length} trials`,
    ...(wasm === undefined ? ['no compiled module'] : []),
    ...refused.map((other) => `${other.kernels.facts.backend} refused: ${other.reason}`),
  ];
  if (typeof device === 'string') return { kernels: withReason(kernels, [...notes, `gpu: ${device}`].join('; ')), measurements };
  const gpu = createGpuKernels({ device, rest: kernels, reason: 'probed' });
  const onGpu = await probeKernels(kernels, [gpu], { ...options, trials: gpuTrials() });
  const all = [...measurements, ...onGpu.measurements];
  const worthFrom = gpuWorthFrom(onGpu.measurements, backend);
  const wins = Object.entries(worthFrom).filter(([, work]) => Number.isFinite(work)).map(([name, work]) => `${name} from ${work} multiplications`);
  if (onGpu.refused.length > 0 || wins.length === 0) {
    return { kernels: withReason(kernels, [...notes, `gpu: ${onGpu.refused[0]?.reason ?? 'never faster'}`].join('; ')), measurements: all };
  }
  return { kernels: createGpuKernels({ device, rest: kernels, reason: [`gpu is faster for ${wins.join(', ')}`, ...notes].join('; '), worthFrom }), measurements: all };
}

/** Per operation the smallest work measured from which on the GPU was never slower than `other`; infinity where it lost at the largest. */
function gpuWorthFrom(measurements: readonly ProbeMeasurement[], other: string): Record<string, number> {
  const msOf = (operation: string, work: number, backend: string): number => measurements.find((m) => m.operation === operation && m.work === work && m.backend === backend)?.ms ?? Infinity;
  return Object.fromEntries(gpuOperations.map((operation) => {
    const works = measurements.filter((m) => m.operation === operation && m.backend === 'gpu').map(({ work }) => work).sort((a, b) => b - a);
    let from = Infinity;
    for (const work of works) {
      if (msOf(operation, work, 'gpu') > msOf(operation, work, other)) break;
      from = work;
    }
    return [operation, from];
  }));
}

const withReason = (kernels: Kernels, reason: string): Kernels => ({ facts: { ...kernels.facts, reason }, open: (options) => kernels.open(options) });
