import type { Operation } from '../kernels/compute.ts';

/** Slots are compared eight at a time; the last block is filled up with points at infinity. */
export const slotLanes = 8;

/** Places in the state of a chain. */
export const chainState = { used: 0, live: 1, chainLength: 2, merges: 3, length: 4 } as const;

export type ChainArguments = [
  points: Float64Array, sizes: Float64Array, leaves: Int32Array, columnCount: number, chain: Int32Array, state: Int32Array, first: Int32Array,
  second: Int32Array, heights: Float64Array, mergesWanted: number, scratch: Float64Array,
];

/**
 * Merges clusters by Ward's criterion along a nearest-neighbour chain (Murtagh 1985) until `mergesWanted` in all are done or one is left.
 *
 * A slot holds a cluster: centroid (in blocks of eight slots, column after column), size and its last leaf. Squared distance: 2 a b / (a + b)
 * |difference of centroids|^2 in float64, the square of scipy's height. Merges are written as two leaves and that square. Ties as in scipy:
 * a chain's own predecessor, then the lowest slot; the merged cluster takes the later of the two slots, a new chain starts at the first.
 * Dead slots lie at infinity and are squeezed out, order kept, when they are an eighth of all. `state`: slots in use, live clusters,
 * chain length, merges done. `scratch` is for threads to tell each other (16 numbers a thread).
 */
export const wardChain: Operation<ChainArguments> = {
  name: 'wardChain',
  *plain(thread, _threadCount, points, sizes, leaves, columnCount, chain, state, first, second, heights, mergesWanted) {
    if (thread !== 0) return;
    let [used, live, length, merges] = [state[0]!, state[1]!, state[2]!, state[3]!];
    while (merges < mergesWanted && live > 1) {
      if (length === 0) chain[length++] = firstLive(points, columnCount);
      const x = chain[length - 1]!;
      const before = length > 1 ? chain[length - 2]! : -1;
      const limit = before < 0 ? Infinity : wardSquare(points, sizes, columnCount, x, before);
      const { y, square } = nearestSlot(points, sizes, columnCount, used, x, before, limit);
      yield used * columnCount;
      if (y !== before) {
        chain[length++] = y;
        continue;
      }
      length -= 2;
      const [gone, kept] = x < y ? [x, y] : [y, x];
      first[merges] = leaves[gone]!;
      second[merges] = leaves[kept]!;
      heights[merges++] = square;
      mergeInto(points, sizes, columnCount, gone, kept);
      live--;
      if ((used - live) * 8 >= used && used > 64) {
        squeeze(points, sizes, leaves, columnCount, used, chain, length);
        used = live;
      }
    }
    state.set([used, live, length, merges]);
  },
};

function at(slot: number, columnCount: number): number {
  return (slot - (slot % slotLanes)) * columnCount + (slot % slotLanes);
}

function firstLive(points: Float64Array, columnCount: number): number {
  let slot = 0;
  while (points[at(slot, columnCount)] === Infinity) slot++;
  return slot;
}

function wardSquare(points: Float64Array, sizes: Float64Array, columnCount: number, x: number, y: number): number {
  const [atX, atY] = [at(x, columnCount), at(y, columnCount)];
  let sum = 0;
  for (let j = 0; j < columnCount * slotLanes; j += slotLanes) {
    const difference = points[atX + j]! - points[atY + j]!;
    sum += difference * difference;
  }
  return ((2 * sizes[x]! * sizes[y]!) / (sizes[x]! + sizes[y]!)) * sum;
}

/** The lowest slot nearer than `limit`, or `before`. */
function nearestSlot(points: Float64Array, sizes: Float64Array, columnCount: number, used: number, x: number, before: number, limit: number): { y: number; square: number } {
  let [y, square] = [before, limit];
  const row = Float64Array.from({ length: columnCount }, (_, j) => points[at(x, columnCount) + j * slotLanes]!);
  for (let slot = 0; slot < used; slot++) {
    if (slot === x) continue;
    let sum = 0;
    for (let j = 0, other = at(slot, columnCount); j < columnCount; j++, other += slotLanes) {
      const difference = row[j]! - points[other]!;
      sum += difference * difference;
    }
    const found = ((2 * sizes[x]! * sizes[slot]!) / (sizes[x]! + sizes[slot]!)) * sum;
    if (found < square) [y, square] = [slot, found];
  }
  return { y, square };
}

function mergeInto(points: Float64Array, sizes: Float64Array, columnCount: number, gone: number, kept: number): void {
  const [a, b] = [sizes[gone]!, sizes[kept]!];
  for (let j = 0, from = at(gone, columnCount), to = at(kept, columnCount); j < columnCount; j++, from += slotLanes, to += slotLanes) {
    points[to] = (a * points[from]! + b * points[to]!) / (a + b);
    points[from] = Infinity;
  }
  sizes[kept] = a + b;
}

/** Moves live slots together in order; the chain follows. */
function squeeze(points: Float64Array, sizes: Float64Array, leaves: Int32Array, columnCount: number, used: number, chain: Int32Array, chainLength: number): void {
  const moved = new Int32Array(used);
  let next = 0;
  for (let slot = 0; slot < used; slot++) {
    const from = at(slot, columnCount);
    if (points[from] === Infinity) continue;
    moved[slot] = next;
    const to = at(next, columnCount);
    for (let j = 0; j < columnCount * slotLanes; j += slotLanes) points[to + j] = points[from + j]!;
    sizes[next] = sizes[slot]!;
    leaves[next++] = leaves[slot]!;
  }
  for (let slot = next; slot < used; slot++) for (let j = 0; j < columnCount * slotLanes; j += slotLanes) points[at(slot, columnCount) + j] = Infinity;
  for (let i = 0; i < chainLength; i++) chain[i] = moved[chain[i]!]!;
}
