import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Bytes of the WebAssembly module that the set-up compiled; undefined where it did not. Found from this file's own place, built or not. */
export function readKernelModule(): Uint8Array | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
  const path = join(folder, 'dist', 'kernels', 'kernels.wasm');
  return existsSync(path) ? readFileSync(path) : undefined;
}
