import type { Compute, ComputeOptions, KernelArgument, KernelArray, Kernels, Operation } from './compute.ts';
import { rbfKernelRows, squaredDistances } from './distances.ts';
import { matrixProduct } from './matrix-product.ts';

/** What a graphics adapter is asked for; row-major float32 in, a new row-major array out. Sums have whatever order the adapter likes. */
export interface GpuDevice {
  readonly adapter: string;
  matrixProduct(rowCount: number, innerCount: number, columnCount: number, A: Float32Array, B: Float32Array): Promise<Float32Array>;
  squaredDistances(rowCountOfA: number, rowCountOfB: number, columnCount: number, A: Float32Array, B: Float32Array): Promise<Float32Array>;
  rbfKernelRows(rowCountOfA: number, rowCountOfB: number, columnCount: number, A: Float32Array, B: Float32Array, gamma: number): Promise<Float32Array>;
}

export interface GpuKernelsOptions {
  readonly device: GpuDevice;
  /** Does all that the device is not asked for, and holds the arrays. */
  readonly rest: Kernels;
  readonly reason: string;
  /** Multiplications from which an operation goes to the device, by operation; all of it where there is no entry. */
  readonly worthFrom?: Readonly<Record<string, number>> | undefined;
}

/** The operations that a device takes over. */
export const gpuOperations: readonly string[] = [matrixProduct.name, squaredDistances.name, rbfKernelRows.name];

/** Large products, distances and kernel rows on a GPU, the rest elsewhere: not equal to the bit, so models fitted on it say `exact: false`. */
export function createGpuKernels({ device, rest, reason, worthFrom = {} }: GpuKernelsOptions): Kernels {
  const facts = { ...rest.facts, backend: 'gpu', adapter: device.adapter, reason } as const;
  return { facts, open: async (options) => new GpuCompute(facts, await rest.open(options), options, device, worthFrom) };
}

class GpuCompute implements Compute {
  readonly facts: Kernels['facts'];
  readonly #rest: Compute;
  readonly #options: ComputeOptions;
  readonly #device: GpuDevice;
  readonly #worthFrom: Readonly<Record<string, number>>;

  constructor(facts: Kernels['facts'], rest: Compute, options: ComputeOptions, device: GpuDevice, worthFrom: Readonly<Record<string, number>>) {
    this.facts = facts;
    this.#rest = rest;
    this.#options = options;
    this.#device = device;
    this.#worthFrom = worthFrom;
  }

  float32(length: number): Float32Array { return this.#rest.float32(length); }
  float64(length: number): Float64Array { return this.#rest.float64(length); }
  int32(length: number): Int32Array { return this.#rest.int32(length); }
  uint32(length: number): Uint32Array { return this.#rest.uint32(length); }
  uint16(length: number): Uint16Array { return this.#rest.uint16(length); }
  uint8(length: number): Uint8Array { return this.#rest.uint8(length); }
  adopt<A extends KernelArray>(values: A): A { return this.#rest.adopt(values); }
  mark(): number { return this.#rest.mark(); }
  release(mark: number): void { this.#rest.release(mark); }
  close(): void { this.#rest.close(); }

  async run<Arguments extends readonly KernelArgument[]>(operation: Operation<Arguments>, ...args: Arguments): Promise<void> {
    const done = this.#onDevice(operation.name, args);
    if (done === undefined) return this.#rest.run(operation, ...args);
    this.#options.signal?.throwIfAborted();
    const [result, out] = await done;
    this.#options.signal?.throwIfAborted();
    out.set(result);
  }

  /** The device's result and the array that it belongs in; undefined where the operation is not the device's, or too small for it. */
  #onDevice(name: string, args: readonly KernelArgument[]): Promise<readonly [Float32Array, Float32Array]> | undefined {
    if (!gpuOperations.includes(name)) return undefined;
    const [m, k, n, A, B] = args as readonly [number, number, number, Float32Array, Float32Array];
    if (m * k * n === 0 || m * k * n < (this.#worthFrom[name] ?? 0)) return undefined;
    const isProduct = name === matrixProduct.name;
    // The device reads copies: shared memory can't be handed to it.
    const [a, b] = [A.slice(0, m * (isProduct ? k : n)), B.slice(0, k * n)];
    if (isProduct) return this.#device.matrixProduct(m, k, n, a, b).then((C) => [C, args[5] as Float32Array]);
    if (name === squaredDistances.name) return this.#device.squaredDistances(m, k, n, a, b).then((D) => [D, args[5] as Float32Array]);
    return this.#device.rbfKernelRows(m, k, n, a, b, args[5] as number).then((K) => [K, args[6] as Float32Array]);
  }
}
