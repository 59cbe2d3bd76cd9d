// Goal: every estimator keeps the promises of `estimator.ts`. Method: the battery of `estimator.checks.ts` on all that the catalog lists.
import { describe, it } from 'vitest';
import { catalog } from './catalog.ts';
import { estimatorChecks } from './estimator.checks.ts';

const yieldToLoop = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const processorMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

for (const family of catalog) {
  for (const task of family.tasks) {
    describe(`${family.kind}, ${task}`, () => {
      for (const { name, task: only, run } of estimatorChecks) {
        if (only !== undefined && only !== task) continue;
        it(name, () => run({ family, task, yieldToLoop, processorMs }));
      }
    });
  }
}
