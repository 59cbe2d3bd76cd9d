// How the threads of one call meet and hear that they should stop. Three words below address 1024, where no data lies, each on a cache
// line of its own. One call runs at a time on a memory, so one barrier is enough.
const interruptedAt: usize = 64;
const arrivedAt: usize = 128;
const roundAt: usize = 192;

/** Looks at the round before sleeping; about 20 microseconds. */
const spins: i32 = 4000;
/** A sleeper also wakes by itself: an interruption between its last look and its sleep goes unseen no longer than this. */
const sleepNs: i64 = 5_000_000;

/** Scratch of each thread, in bytes, and how many threads have one. No data segment: every new instance would write it again, while others run. */
export const scratchBytes: usize = 8192;
export const scratchThreads: i32 = 64;

// @ts-ignore: decorator
@inline
export function scratchOf(thread: i32): usize {
  return ((__heap_base + 63) & ~63) + <usize>thread * scratchBytes;
}

/** First byte that arrays may take: everything below belongs to the module. */
export function heapBase(): usize {
  return scratchOf(scratchThreads);
}

/** Called by the caller's thread before each call. */
export function startCall(): void {
  atomic.store<i32>(interruptedAt, 0);
  atomic.store<i32>(arrivedAt, 0);
}

/** Called by the caller's thread: makes the running call return soon, whatever it has done so far. */
export function interrupt(): void {
  atomic.store<i32>(interruptedAt, 1);
  atomic.notify(roundAt, i32.MAX_VALUE);
}

/** True when the call should return; to be asked about every millisecond in long loops. */
export function cancelled(): bool {
  return atomic.load<i32>(interruptedAt) != 0;
}

/**
 * Waits until all threads are here; what any wrote before, all read after. False when the call was interrupted: return at once then.
 * A round that counts up stands for the sense that barriers reverse, so no thread needs to keep one.
 */
export function barrier(thread: i32, threads: i32): bool {
  if (cancelled()) return false;
  if (threads == 1) return true;
  const round = atomic.load<i32>(roundAt);
  if (atomic.add<i32>(arrivedAt, 1) == threads - 1) {
    atomic.store<i32>(arrivedAt, 0);
    atomic.add<i32>(roundAt, 1);
    atomic.notify(roundAt, i32.MAX_VALUE);
    return !cancelled();
  }
  for (let spin = 0; spin < spins; spin++) {
    if (atomic.load<i32>(roundAt) != round) return !cancelled();
  }
  while (atomic.load<i32>(roundAt) == round) {
    if (cancelled()) return false;
    atomic.wait<i32>(roundAt, round, sleepNs);
  }
  return !cancelled();
}

/** Start of share `index` of `count` shares of [0, length): whole multiples of `unit`, sizes that differ by one unit at most. */
// @ts-ignore: decorator
@inline
export function shareStart(index: i32, count: i32, length: i32, unit: i32): i32 {
  const units = (length + unit - 1) / unit;
  const start = <i32>((<i64>units * index) / count) * unit;
  return start < length ? start : length;
}
