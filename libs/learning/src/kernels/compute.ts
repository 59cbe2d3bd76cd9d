/** What kernels read and write where it lies. */
export type KernelArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;
export type KernelArgument = number | KernelArray;

/**
 * One heavy loop, written twice with equal results to the bit: here for typed arrays, and as the WASM module's export `name`, which
 * takes thread, thread count and then the same arguments, arrays as byte addresses. Each thread does its share of the work; shares may
 * not depend on the thread count in any way that a result can show, so reductions add a fixed number of shards in order.
 */
export interface Operation<Arguments extends readonly KernelArgument[] = readonly KernelArgument[]> {
  readonly name: string;
  /** Long loops are generators that yield work done since the last yield, in visits of a cell, every millisecond or so. */
  plain(thread: number, threadCount: number, ...args: Arguments): Iterable<number> | undefined;
}

/** Which backend runs, and why; logged with every run and saved in the model. */
export interface BackendFacts {
  readonly backend: 'plain' | 'wasm' | 'gpu';
  /** Rises when results may change: part of what a model's bytes depend on. */
  readonly kernelVersion: number;
  readonly threadCount: number;
  /** Name of the graphics adapter, where there is one. */
  readonly adapter?: string | undefined;
  readonly reason: string;
}

export interface ComputeOptions {
  readonly signal?: AbortSignal | undefined;
  readonly yieldToLoop?: (() => Promise<void>) | undefined;
}

/** A place to compute in for one fit or one large prediction: its arrays, and threads that work on them. */
export interface Compute {
  readonly facts: BackendFacts;
  /** Zeroed arrays that operations can read and write; throws `KernelMemoryError` beyond what the backend can address. */
  float32(length: number): Float32Array;
  float64(length: number): Float64Array;
  int32(length: number): Int32Array;
  uint32(length: number): Uint32Array;
  uint16(length: number): Uint16Array;
  uint8(length: number): Uint8Array;
  /** The array itself where operations can read it already, else a copy. */
  adopt<A extends KernelArray>(values: A): A;
  /** `release` gives back what was allocated since that `mark`; those arrays may not be used any more. */
  mark(): number;
  release(mark: number): void;
  /** Runs on all threads and resolves when all are done; rejects with the signal's reason within 100 ms of an abort. */
  run<Arguments extends readonly KernelArgument[]>(operation: Operation<Arguments>, ...args: Arguments): Promise<void>;
  /** Frees memory and threads; safe to call twice. */
  close(): void;
}

/** A backend; `open` gives each fit a place of its own. */
export interface Kernels {
  readonly facts: BackendFacts;
  open(options: ComputeOptions): Promise<Compute>;
}

/** More data than the backend can address; the message says how much was asked for and how much there is. */
export class KernelMemoryError extends Error {
  override readonly name = 'KernelMemoryError';
}

/** Results of operations may differ between versions; models name the one they were fitted with. */
export const kernelVersion = 1;
