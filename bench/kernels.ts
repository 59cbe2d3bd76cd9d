import { createGpuKernels, createWasmKernels, gpuTrials, plainKernels, probeKernels, type Kernels } from '#tideline/learning';
import { openGpuDevice, readKernelModule, WorkerThreadsPool } from '#tideline/platform';

/**
 * The table of docs/gpu.md: large products, distances and kernel rows on every backend that this machine has. Run by hand,
 * `node tools/runtime.mjs dist/bench/kernels.js [budget in ms]`, as forced kernels would slow every other measure.
 */
const budgetMs = Number(process.argv[2] ?? 120_000);
const bytes = readKernelModule();
if (bytes === undefined) throw new Error('expected dist/kernels/kernels.wasm, found none; `npm run build` makes it');
const one = await createWasmKernels({ bytes, pool: new WorkerThreadsPool(1) });
const all = await createWasmKernels({ bytes, pool: new WorkerThreadsPool() });
const columns: { name: string; kernels: Kernels | undefined }[] = [
  { name: 'WebAssembly, 1 thread', kernels: one },
  ...(all.facts.threadCount > 1 ? [{ name: `WebAssembly, ${all.facts.threadCount} threads`, kernels: all }] : []),
  { name: 'typed arrays', kernels: plainKernels },
];
const gpus: { name: string; kernels: Kernels | undefined }[] = [];
for (const mode of ['webasm', 'webgpu'] as const) {
  const device = await openGpuDevice({ mode });
  if (typeof device === 'string') process.stderr.write(`no GPU: ${device}\n`);
  gpus.push({
    name: mode === 'webasm' ? 'gpu.js webasm' : `GPU${typeof device === 'string' ? '' : ` (${device.adapter})`}`,
    kernels: typeof device === 'string' ? undefined : createGpuKernels({ device, rest: all, reason: 'measured' }),
  });
}

// One probe for each column beside the same reference, so that backends of the same name are told apart.
const rows = new Map<string, (number | undefined)[]>();
const shown = [...columns, ...gpus];
for (const [at, { name, kernels }] of shown.entries()) {
  if (kernels === undefined) continue;
  process.stderr.write(`measuring ${name} …\n`);
  const { measurements, refused } = await probeKernels(one, kernels === one ? [] : [kernels], { nowMs: () => performance.now(), budgetMs: budgetMs / shown.length, trials: gpuTrials() });
  for (const { reason } of refused) process.stderr.write(`${name}: ${reason}\n`);
  for (const { operation, work, backend, threadCount, ms } of measurements) {
    if (backend !== kernels.facts.backend || threadCount !== kernels.facts.threadCount) continue;
    const key = `${operation} | ${(work / 1e6).toFixed(1)}`;
    const row = rows.get(key) ?? [];
    row[at] = ms;
    rows.set(key, row);
  }
}
console.log(`| operation | million multiplications | ${shown.map(({ name }) => name).join(' | ')} |\n|${'---|'.repeat(shown.length + 2)}`);
for (const [key, row] of rows) {
  console.log(`| ${key} | ${shown.map(({ kernels }, at) => (kernels === undefined ? 'not measured' : (row[at]?.toFixed(1) ?? ''))).join(' | ')} |`);
}
process.exit(0);
