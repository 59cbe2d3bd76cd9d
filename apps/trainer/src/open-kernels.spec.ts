// Goal: settings decide where models learn, once a process. Method: forced backends, which need no probe.
import { describe, expect, it } from 'vitest';
import { readKernelModule } from '#tideline/platform';
import { openKernels } from './open-kernels.ts';

describe('kernels by settings', () => {
  it('plain arrays when forced', async () => {
    expect((await openKernels({ kernels: 'plain', kernelThreads: undefined })).facts).toMatchObject({ backend: 'plain', threadCount: 1 });
  });

  it.skipIf(readKernelModule() === undefined)('WebAssembly on as many threads as set, the same for the whole process', async () => {
    const kernels = await openKernels({ kernels: 'wasm', kernelThreads: 3 });
    expect(kernels.facts).toMatchObject({ backend: 'wasm', threadCount: 3, reason: 'forced by KERNELS=wasm' });
    expect(await openKernels({ kernels: 'wasm', kernelThreads: 3 })).toBe(kernels);
  });
});
