// Goal: every estimator keeps the promises of `estimator.ts`. Method: the battery of `estimator.checks.ts` on all that the catalog lists, held to
// WebAssembly on 1, 2 and 3 threads where that was compiled.
import { describe, it } from 'vitest';
import { catalog } from './catalog.ts';
import { estimatorChecks } from './estimator.checks.ts';
import { wasmBackends } from './kernels/built-kernels.fixtures.ts';

const yieldToLoop = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const processorMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

const backends = await wasmBackends();

for (const family of catalog) {
  for (const task of family.tasks) {
    describe(`${family.kind}, ${task}`, () => {
      for (const { name, task: only, run } of estimatorChecks) {
        if (only !== undefined && only !== task) continue;
        it(name, () => run({ family, task, yieldToLoop, processorMs, backends }));
      }
    });
  }
}
