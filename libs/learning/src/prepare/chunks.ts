import type { StepContext, StepInput } from './step.ts';

/** A few megabytes in float32: what is learned of columns needs no copy of the data. */
const chunkCells = 1 << 21;

/**
 * Calls back with chunks of the input's rows, row-major in float32, where operations can read them: `count` rows, and their weights unless all
 * weigh 1. Both arrays are overwritten by the next chunk.
 */
export async function eachChunk(input: StepInput, { compute, pace }: StepContext, visit: (X: Float32Array, count: number, weights: Float64Array | undefined) => Promise<void>): Promise<void> {
  const { rowCount, names, weights } = input;
  const chunkRows = Math.min(rowCount, Math.max(1, Math.floor(chunkCells / Math.max(names.length, input.workPerRow / 8))));
  const mark = compute.mark();
  const X = compute.float32(chunkRows * names.length);
  const chunkWeights = weights === undefined ? undefined : compute.float64(chunkRows);
  for (let start = 0; start < rowCount; start += chunkRows) {
    const count = Math.min(chunkRows, rowCount - start);
    if (input.readOnThreads !== undefined) await input.readOnThreads(start, start + count, X, compute);
    else input.read(start, start + count, X);
    chunkWeights?.set(weights!.subarray(start, start + count));
    if (pace.spend(input.readOnThreads === undefined ? count * input.workPerRow : 1)) await pace.pause();
    await visit(X, count, chunkWeights);
  }
  compute.release(mark);
}
