import type { FitContext } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import type { Merges } from './merge-tree.ts';
import { chainState, slotLanes, wardChain } from './nearest-neighbor-chain.ts';

/** How often progress is told. */
const slices = 40;

/**
 * All merges of the rows named by Ward's criterion, in the order that the chain finds them; leaf i is `rows[i]`, a weight is a cluster of
 * that many rows. Heights are those of scipy: sqrt(2 a b / (a + b)) |difference of centroids|. Float64 throughout.
 */
export async function wardMerges(prepared: PreparedRows, rows: Int32Array, context: Pick<FitContext, 'compute' | 'pace' | 'progress'>): Promise<Merges> {
  const { compute, pace, progress } = context;
  const { columnCount, weights } = prepared;
  const count = rows.length;
  const slots = Math.ceil(count / slotLanes) * slotLanes;
  const mark = compute.mark();
  const points = compute.float64(slots * columnCount).fill(Infinity);
  const sizes = compute.float64(slots).fill(1);
  const row = new Float32Array(columnCount);
  for (let i = 0; i < count; i++) {
    prepared.read(rows[i]!, rows[i]! + 1, row);
    const start = (i - (i % slotLanes)) * columnCount + (i % slotLanes);
    for (let j = 0; j < columnCount; j++) points[start + j * slotLanes] = row[j]!;
    if (weights !== undefined) sizes[i] = weights[rows[i]!]!;
    if (pace.spend(4 * columnCount)) await pace.pause();
  }
  const leaves = compute.int32(slots);
  for (let i = 0; i < count; i++) leaves[i] = i;
  const chain = compute.int32(count + 1);
  const state = compute.int32(chainState.length);
  state.set([count, count]);
  const [first, second, heights] = [compute.int32(count - 1), compute.int32(count - 1), compute.float64(count - 1)];
  const scratch = compute.float64(16 * compute.facts.threadCount);
  for (let slice = 1; slice <= slices; slice++) {
    const wanted = Math.ceil(((count - 1) * slice) / slices);
    await compute.run(wardChain, points, sizes, leaves, columnCount, chain, state, first, second, heights, wanted, scratch);
    // Work done so far is about the square of what is gone.
    progress(1 - (1 - slice / slices) ** 2);
  }
  const merges = { first: first.slice(), second: second.slice(), heights: Float64Array.from(heights, Math.sqrt) };
  compute.release(mark);
  return merges;
}
