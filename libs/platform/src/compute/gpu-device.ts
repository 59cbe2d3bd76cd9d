import { existsSync } from 'node:fs';

export interface GpuDeviceOptions {
  /** `webasm` runs the same programs on the processor: slow, for tests and for a look at what a GPU would do. */
  readonly mode: 'webgpu' | 'webasm';
}

type Program = (...args: readonly (Float32Array | number)[]) => Promise<Float32Array | readonly Float32Array[]>;

/** What is used of gpu.js, whose own types promise arrays of numbers. */
interface GpuJs {
  GPU: new (options: { mode: string }) => {
    createKernel(source: string, settings: object): Program & { setOutput(output: readonly number[]): unknown };
    destroy(): Promise<void>;
  };
}

// Programs are text, as gpu.js reads the source of its functions: a compiler's or test runner's changes to it would reach the GPU.
const productSource = `function (a, b, inner, columns) {
  let sum = 0;
  for (let p = 0; p < inner; p++) sum += a[this.thread.y * inner + p] * b[p * columns + this.thread.x];
  return sum;
}`;
const distanceSource = `function (a, b, columns) {
  let sum = 0;
  for (let p = 0; p < columns; p++) {
    const d = a[this.thread.y * columns + p] - b[this.thread.x * columns + p];
    sum += d * d;
  }
  return sum;
}`;
const kernelSource = `function (a, b, columns, gamma) {
  let sum = 0;
  for (let p = 0; p < columns; p++) {
    const d = a[this.thread.y * columns + p] - b[this.thread.x * columns + p];
    sum += d * d;
  }
  return Math.exp(-gamma * sum);
}`;

/**
 * Matrix programs on a graphics adapter through gpu.js and Dawn; a sentence on why where there is none. Both packages are loaded here and only
 * here, so a process that never asks never pays for them.
 */
export async function openGpuDevice({ mode }: GpuDeviceOptions): Promise<GpuDevice | string> {
  const adapter = mode === 'webasm' ? 'gpu.js webasm, no adapter' : await findAdapter();
  if (typeof adapter === 'object') return adapter.missing;
  const { GPU } = (await import('gpu.js').then((loaded: { default?: unknown }) => loaded.default ?? loaded)) as GpuJs;
  return new GpuDevice(adapter, new GPU({ mode }));
}

/** The adapter's name. Dawn writes warnings of its own where there is no driver, so it is asked only where the system shows a device. */
async function findAdapter(): Promise<string | { missing: string }> {
  if (process.platform === 'linux' && !['/dev/dri', '/dev/nvidia0', '/dev/dxg', '/dev/kfd'].some((path) => existsSync(path))) {
    return { missing: 'no graphics device in this system' };
  }
  try {
    const { create, globals } = (await import('webgpu')) as unknown as { create(flags: readonly string[]): { requestAdapter(): Promise<{ info?: AdapterInfo } | null> }; globals: object };
    const gpu = create([]);
    const adapter = await gpu.requestAdapter();
    if (adapter === null) return { missing: 'no adapter found by Dawn' };
    Object.assign(globalThis, globals);
    Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
    const { vendor = '', architecture = '', device = '', description = '' } = adapter.info ?? {};
    return [description || device, vendor, architecture].filter((part) => part !== '').join(', ') || 'unnamed adapter';
  } catch (error) {
    return { missing: `no WebGPU: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}` };
  }
}

interface AdapterInfo {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly device?: string;
  readonly description?: string;
}

/** Row-major float32 matrices in, new ones out; calls wait for each other, as one program has one output size at a time. */
export class GpuDevice {
  readonly adapter: string;
  readonly #gpu: InstanceType<GpuJs['GPU']>;
  readonly #product: ReturnType<InstanceType<GpuJs['GPU']>['createKernel']>;
  readonly #distance: ReturnType<InstanceType<GpuJs['GPU']>['createKernel']>;
  readonly #kernel: ReturnType<InstanceType<GpuJs['GPU']>['createKernel']>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(adapter: string, gpu: InstanceType<GpuJs['GPU']>) {
    const settings = { dynamicOutput: true, dynamicArguments: true, precision: 'single', asyncMode: true };
    this.adapter = adapter;
    this.#gpu = gpu;
    this.#product = gpu.createKernel(productSource, settings);
    this.#distance = gpu.createKernel(distanceSource, settings);
    this.#kernel = gpu.createKernel(kernelSource, settings);
  }

  matrixProduct(rowCount: number, innerCount: number, columnCount: number, A: Float32Array, B: Float32Array): Promise<Float32Array> {
    return this.#run(this.#product, rowCount, columnCount, [A, B, innerCount, columnCount]);
  }

  squaredDistances(rowCountOfA: number, rowCountOfB: number, columnCount: number, A: Float32Array, B: Float32Array): Promise<Float32Array> {
    return this.#run(this.#distance, rowCountOfA, rowCountOfB, [A, B, columnCount]);
  }

  rbfKernelRows(rowCountOfA: number, rowCountOfB: number, columnCount: number, A: Float32Array, B: Float32Array, gamma: number): Promise<Float32Array> {
    return this.#run(this.#kernel, rowCountOfA, rowCountOfB, [A, B, columnCount, gamma]);
  }

  close(): Promise<void> {
    return this.#gpu.destroy();
  }

  #run(program: Program & { setOutput(output: readonly number[]): unknown }, rowCount: number, columnCount: number, args: readonly (Float32Array | number)[]): Promise<Float32Array> {
    const done = this.#last.catch(() => undefined).then(async () => {
      program.setOutput([columnCount, rowCount]);
      const rows = await program(...args);
      if (rows instanceof Float32Array) return rows;
      const out = new Float32Array(rowCount * columnCount);
      rows.forEach((row, i) => out.set(row, i * columnCount));
      return out;
    });
    this.#last = done;
    return done;
  }
}
