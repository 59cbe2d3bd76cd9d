import type { Rows } from '../estimator.ts';
import type { ReadOnThreads } from '../prepared-rows.ts';
import type { FittedStep } from './step.ts';

/** Cells of the widest stage that are worked on at once, few enough to stay in the processor's second cache. */
const blockCells = 32_768;

/**
 * Fitted steps in a row, the one place that transforms values: a single row is a block of one, so that fitting and serving get the same
 * bits. Values enter in float32 and are float64 from step to step. Keeps its buffers, so a call must end before the next.
 */
export class StepChain {
  readonly steps: readonly FittedStep[];
  readonly rawCount: number;
  /** Columns behind the last step. */
  readonly width: number;
  /** Rows transformed at once. */
  readonly blockRows: number;
  /** Visits of a cell that one row costs. */
  readonly workPerRow: number;
  /** Stage i holds what step i reads. */
  readonly #stages: readonly Float64Array[];

  constructor(rawCount: number, steps: readonly FittedStep[]) {
    this.steps = steps;
    this.rawCount = rawCount;
    const widths = [rawCount, ...steps.map(({ names }) => names.length)];
    this.width = widths.at(-1)!;
    this.blockRows = Math.max(1, Math.min(256, Math.floor(blockCells / Math.max(...widths))));
    this.workPerRow = steps.reduce((sum, { names, work = 4 * names.length }) => sum + work, 2 * rawCount);
    this.#stages = widths.map((width) => new Float64Array(width * this.blockRows));
  }

  /** Rows that start at `offset` of `X`, at most `blockRows` of them, prepared; overwritten by the next call. */
  transform(X: Rows, offset: number, rowCount: number): Float64Array {
    const last = this.#stages[this.steps.length];
    this.#run(X, offset, rowCount, last);
    return last;
  }

  /** The same rows to the beginning of `out`: what is stored is rounded to float32, so the last step may as well store it there. */
  prepare(X: Rows, offset: number, rowCount: number, out: Float32Array): void {
    this.#run(X, offset, rowCount, out);
  }

  /** Rows [start, end) of a matrix of raw features, prepared, to the beginning of `out`. */
  read(X: Float32Array, start: number, end: number, out: Float32Array): void {
    for (let row = start; row < end; row += this.blockRows) {
      this.prepare(X, row * this.rawCount, Math.min(this.blockRows, end - row), out.subarray((row - start) * this.width));
    }
  }

  /** `read` on all threads, where the only step can: its input is then the raw float32 rows themselves. */
  readOnThreads(X: Float32Array): ReadOnThreads | undefined {
    const [step] = this.steps;
    if (step?.applyOnThreads === undefined || this.steps.length > 1) return undefined;
    return async (start, end, out, compute) => {
      const mark = compute.mark();
      await step.applyOnThreads!(compute.adopt(X.subarray(start * this.rawCount, end * this.rawCount)), end - start, out, compute);
      compute.release(mark);
    };
  }

  #run(X: Rows, offset: number, rowCount: number, out: Float64Array | Float32Array): void {
    const { steps } = this;
    const stages = this.#stages;
    const raw = steps.length === 0 ? out : stages[0];
    const cells = rowCount * this.rawCount;
    for (let at = 0; at < cells; at++) raw[at] = Math.fround(X[offset + at]);
    for (let i = 0; i < steps.length; i++) steps[i].apply(stages[i], rowCount, i + 1 < steps.length ? stages[i + 1] : out);
  }

  /** The rows that were prepared last as step `i` read them. */
  stage(i: number): Float64Array {
    return this.#stages[i];
  }
}
