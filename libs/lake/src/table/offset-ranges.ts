/** Offsets by partition, half-open: `{ "0": [0, 5000] }`. */
export type OffsetRanges = Readonly<Record<string, readonly [start: number, end: number]>>;

/**
 * Coverage after `added` follows `covered`: each added range must begin where the covered one ends (anywhere when the partition is
 * new). Otherwise says which does not: such rows are already there, or some are missing.
 */
export function extendOffsets(covered: OffsetRanges, added: OffsetRanges): { offsets: OffsetRanges } | { problem: string } {
  const offsets: Record<string, readonly [number, number]> = { ...covered };
  for (const [partition, [start, end]] of Object.entries(added)) {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
      return { problem: `expected a range of offsets of partition ${partition}, found [${start}, ${end})` };
    }
    const known = covered[partition];
    if (known !== undefined && start !== known[1]) {
      return { problem: `expected offsets of partition ${partition} to go on at ${known[1]}, found [${start}, ${end})` };
    }
    offsets[partition] = [known?.[0] ?? start, end];
  }
  return { offsets };
}

/** Where a reader of the partition goes on after the covered offsets: the range's end, 0 for a partition not seen. */
export function nextOffset(covered: OffsetRanges | undefined, partition: number | string): number {
  return covered?.[String(partition)]?.[1] ?? 0;
}
