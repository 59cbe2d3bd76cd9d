import { chooseKernels, type GpuDevice, type Kernels } from '#tideline/learning';
import { openGpuDevice, readKernelModule, WorkerThreadsPool, type Configuration } from '#tideline/platform';

const opened = new Map<string, Promise<Kernels>>();

/**
 * Where this process's models learn, by its settings `KERNELS` and `KERNEL_THREADS`; `facts.reason` says why there. Probed once a process: threads sleep
 * between calls and do not keep it alive. Throws `KernelsUnavailableError` when a backend is forced that is not there.
 */
export function openKernels({ kernels: wanted, kernelThreads }: Pick<Configuration, 'kernels' | 'kernelThreads'>): Promise<Kernels> {
  const key = `${wanted} ${kernelThreads ?? ''}`;
  const before = opened.get(key);
  if (before !== undefined) return before;
  const choosing = chooseKernels({
    wanted, moduleBytes: readKernelModule(), pool: () => new WorkerThreadsPool(kernelThreads), device, nowMs: () => performance.now(),
  }).then(({ kernels }) => kernels);
  opened.set(key, choosing);
  return choosing;
}

/** Forced, gpu.js computes without an adapter too, on the processor. */
async function device(isForced: boolean): Promise<GpuDevice | string> {
  const found = await openGpuDevice({ mode: 'webgpu' });
  return typeof found === 'string' && isForced ? openGpuDevice({ mode: 'webasm' }) : found;
}
