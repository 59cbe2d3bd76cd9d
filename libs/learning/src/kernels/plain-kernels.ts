import { Pace } from '../pace.ts';
import { kernelVersion, type BackendFacts, type Compute, type ComputeOptions, type KernelArgument, type KernelArray, type Kernels, type Operation } from './compute.ts';

/** Typed arrays and one thread, always there: the readable reference that the other backends are held against. */
export const plainKernels: Kernels = {
  facts: { backend: 'plain', kernelVersion, threadCount: 1, reason: 'no other backend was handed in' },
  open: (options) => Promise.resolve(new PlainCompute(plainKernels.facts, options)),
};

export class PlainCompute implements Compute {
  readonly facts: BackendFacts;
  readonly #pace: Pace;

  constructor(facts: BackendFacts, { signal, yieldToLoop }: ComputeOptions) {
    this.facts = facts;
    this.#pace = new Pace(signal, yieldToLoop);
  }

  float32(length: number): Float32Array { return new Float32Array(length); }
  float64(length: number): Float64Array { return new Float64Array(length); }
  int32(length: number): Int32Array { return new Int32Array(length); }
  uint32(length: number): Uint32Array { return new Uint32Array(length); }
  uint16(length: number): Uint16Array { return new Uint16Array(length); }
  uint8(length: number): Uint8Array { return new Uint8Array(length); }
  adopt<A extends KernelArray>(values: A): A { return values; }
  // The garbage collector frees what nobody holds.
  mark(): number { return 0; }
  release(): void {}
  close(): void {}

  async run<Arguments extends readonly KernelArgument[]>(operation: Operation<Arguments>, ...args: Arguments): Promise<void> {
    const steps = operation.plain(0, 1, ...args);
    if (steps === undefined) return;
    for (const units of steps) if (this.#pace.spend(units)) await this.#pace.pause();
  }
}
