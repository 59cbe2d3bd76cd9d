import { existsSync, readFileSync } from 'node:fs';
import { WorkerThreadsPool } from '../../../platform/src/compute/worker-threads-pool.ts';
import type { Kernels } from './compute.ts';
import { createWasmKernels } from './wasm-kernels.ts';

const file = new URL('../../../../dist/kernels/kernels.wasm', import.meta.url);

/** Bytes of the module that the test run's set-up compiled; undefined, with a word on why, where AssemblyScript is not installed. */
export function builtKernels(): Uint8Array | undefined {
  if (existsSync(file)) return readFileSync(file);
  process.stderr.write('skipped: what needs dist/kernels/kernels.wasm, which `node tools/build-kernels.mjs` makes\n');
  return undefined;
}

let backends: Promise<readonly Kernels[]> | undefined;

/** WebAssembly on 1, 2 and 3 threads (as many, whatever the machine has), shared by the tests of a file; empty where it was not compiled. */
export function wasmBackends(): Promise<readonly Kernels[]> {
  const bytes = builtKernels();
  backends ??= bytes === undefined ? Promise.resolve([]) : Promise.all([1, 2, 3].map((threads) => createWasmKernels({ bytes, pool: new WorkerThreadsPool(threads) })));
  return backends;
}
