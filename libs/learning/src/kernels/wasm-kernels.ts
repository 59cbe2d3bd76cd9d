import { strict as assert } from 'node:assert';
import { KernelMemoryError, kernelVersion, type BackendFacts, type Compute, type ComputeOptions, type KernelArgument, type KernelArray, type Kernels, type Operation } from './compute.ts';
import { PlainCompute } from './plain-kernels.ts';
import type { AttachedModule, WorkerPool } from './worker-pool.ts';

export interface WasmKernelsOptions {
  /** The bytes of `dist/kernels/kernels.wasm`. */
  readonly bytes: Uint8Array;
  readonly pool: WorkerPool;
  /** Why this backend runs; ends up in the facts of every run. */
  readonly reason?: string | undefined;
}

/** Kernels in WebAssembly with SIMD, on all threads of the pool: results are those of `plainKernels` to the bit. */
export async function createWasmKernels({ bytes, pool, reason = 'handed in' }: WasmKernelsOptions): Promise<Kernels> {
  const module = await WebAssembly.compile(bytes);
  const facts: BackendFacts = { backend: 'wasm', kernelVersion, threadCount: pool.threadCount, reason };
  const places = new KernelPlaces(module, pool);
  return { facts, open: (options) => Promise.resolve(new WasmCompute(facts, places, options)) };
}

const pageBytes = 65_536;
const initialPages = 16;
const mostPages = 65_536;
/** Arrays start on cache lines of their own, so that threads that write neighbouring arrays do not slow each other. */
const alignment = 64;

/** Memories with their instances. A closed one is used again: the engine gives shared memory back late, or never while threads know it. */
class KernelPlaces {
  readonly #module: WebAssembly.Module;
  readonly #pool: WorkerPool;
  readonly #idle: KernelPlace[] = [];
  /** Exports that are operations. */
  readonly operations: ReadonlySet<string>;

  constructor(module: WebAssembly.Module, pool: WorkerPool) {
    this.#module = module;
    this.#pool = pool;
    this.operations = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  }

  take(): KernelPlace {
    return this.#idle.pop() ?? new KernelPlace(this.#module, this.#pool);
  }

  giveBack(place: KernelPlace): void {
    if (this.#idle.length < 2) this.#idle.push(place);
    else place.attached.detach();
  }
}

/** One shared memory: a stack of arrays above what the module itself needs. */
class KernelPlace {
  readonly attached: AttachedModule;
  readonly #memory: WebAssembly.Memory;
  /** A grown memory shows itself as a new buffer; arrays on the earlier ones stay good. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  readonly #base: number;
  top: number;
  /** Nothing was written above. */
  #cleanFrom: number;

  constructor(module: WebAssembly.Module, pool: WorkerPool) {
    this.#memory = new WebAssembly.Memory({ initial: initialPages, maximum: mostPages, shared: true });
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.#memory } });
    const { heapBase, startCall, interrupt } = exports as Record<string, () => number>;
    assert(heapBase !== undefined && startCall !== undefined && interrupt !== undefined, 'expected a module of kernels');
    this.attached = pool.attach(module, this.#memory, { start: startCall, interrupt });
    this.#base = align(heapBase());
    this.top = this.#base;
    this.#cleanFrom = this.#base;
  }

  clear(): void {
    this.top = this.#base;
  }

  owns(array: KernelArray): boolean {
    return this.#buffers.has(array.buffer);
  }

  /** Address of `byteCount` zeroed bytes, and the buffer that they lie in. */
  allocate(byteCount: number): { address: number; buffer: SharedArrayBuffer } {
    const address = this.top;
    const end = align(address + byteCount);
    this.#growTo(end, byteCount);
    this.top = end;
    const { buffer } = this.#memory;
    this.#buffers.add(buffer);
    if (address < this.#cleanFrom) new Uint8Array(buffer, address, Math.min(end, this.#cleanFrom) - address).fill(0);
    this.#cleanFrom = Math.max(this.#cleanFrom, end);
    return { address, buffer };
  }

  #growTo(end: number, byteCount: number): void {
    const have = this.#memory.buffer.byteLength;
    if (end <= have) return;
    try {
      if (end > mostPages * pageBytes) throw new RangeError('beyond 32-bit addresses');
      this.#memory.grow(Math.ceil((end - have) / pageBytes));
    } catch (cause) {
      throw new KernelMemoryError(
        `expected arrays of at most ${mostPages * pageBytes} bytes in all, what 32-bit addresses reach, and room for them in memory; found ${byteCount} bytes asked for on top of ${this.top}: use fewer rows or columns, or KERNELS=plain`,
        { cause },
      );
    }
  }
}

const align = (address: number): number => Math.ceil(address / alignment) * alignment;

class WasmCompute implements Compute {
  readonly facts: BackendFacts;
  readonly #places: KernelPlaces;
  readonly #place: KernelPlace;
  readonly #options: ComputeOptions;
  readonly #plain: PlainCompute;
  #running = 0;
  #closed = false;

  constructor(facts: BackendFacts, places: KernelPlaces, options: ComputeOptions) {
    this.facts = facts;
    this.#places = places;
    this.#place = places.take();
    this.#options = options;
    this.#plain = new PlainCompute(facts, options);
  }

  float32(length: number): Float32Array { return this.#make(Float32Array, length); }
  float64(length: number): Float64Array { return this.#make(Float64Array, length); }
  int32(length: number): Int32Array { return this.#make(Int32Array, length); }
  uint32(length: number): Uint32Array { return this.#make(Uint32Array, length); }
  uint16(length: number): Uint16Array { return this.#make(Uint16Array, length); }
  uint8(length: number): Uint8Array { return this.#make(Uint8Array, length); }

  #make<A extends KernelArray>(type: ArrayType<A>, length: number): A {
    assert(!this.#closed, 'expected arrays to be asked for before close');
    const { address, buffer } = this.#place.allocate(length * type.BYTES_PER_ELEMENT);
    return new type(buffer, address, length);
  }

  adopt<A extends KernelArray>(values: A): A {
    if (this.#place.owns(values)) return values;
    const copy = this.#make(values.constructor as ArrayType<A>, values.length);
    copy.set(values);
    return copy;
  }

  mark(): number { return this.#place.top; }

  release(mark: number): void {
    assert(mark <= this.#place.top, 'expected a mark at or below the last array');
    this.#place.top = mark;
  }

  async run<Arguments extends readonly KernelArgument[]>(operation: Operation<Arguments>, ...args: Arguments): Promise<void> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    this.#running++;
    try {
      // An operation without a twin runs on the caller's thread, on the same arrays.
      if (!this.#places.operations.has(operation.name)) await this.#plain.run(operation, ...args);
      else await this.#place.attached.call(operation.name, args.map((argument) => this.#passed(operation, argument)), signal);
    } finally {
      this.#running--;
      if (this.#closed) this.#giveBack();
    }
  }

  #passed({ name }: { readonly name: string }, argument: KernelArgument): number {
    if (typeof argument === 'number') return argument;
    assert(this.#place.owns(argument), `expected arrays of this compute for ${name}: make them with float32 and its like, or adopt them`);
    return argument.byteOffset;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#giveBack();
  }

  /** Not while a call of this compute still writes. */
  #giveBack(): void {
    if (this.#running > 0) return;
    this.#place.clear();
    this.#places.giveBack(this.#place);
  }
}

interface ArrayType<A extends KernelArray> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: SharedArrayBuffer, byteOffset: number, length: number): A;
}
