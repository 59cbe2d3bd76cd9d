import type { GrowingBuffer } from './growing-buffer.ts';
import { packBits } from './pack-bits.ts';

// A run pays from about this many equal values on: a header and a value against a bit or more for each.
const shortestRun = 16;
// The last group of eight with its missing values.
const padded = new Int32Array(8);

/** Bits that hold every value in [0, highest]. */
export function bitWidthOf(highest: number): number {
  return 32 - Math.clz32(highest);
}

/** Upper bound of the bytes that `writeRleHybrid` appends. */
function rleHybridBound(count: number, bitWidth: number): number {
  return Math.ceil(count / 8) * (bitWidth + 1) + Math.ceil(count / shortestRun) * 8 + 16;
}

/**
 * Appends `values[start, end)` in Parquet's RLE / bit-packing hybrid (Encodings.md, RLE = 3), without a length prefix: runs of
 * equal values that begin where a group of eight does as runs, the groups between them packed.
 */
export function writeRleHybrid(out: GrowingBuffer, values: Int32Array, start: number, end: number, bitWidth: number): void {
  out.reserve(rleHybridBound(end - start, bitWidth));
  let packedFrom = start;
  let at = start;
  while (at + 8 <= end) {
    const value = values[at]!;
    const differs =
      (values[at + 1]! ^ value) | (values[at + 2]! ^ value) | (values[at + 3]! ^ value) | (values[at + 4]! ^ value) |
      (values[at + 5]! ^ value) | (values[at + 6]! ^ value) | (values[at + 7]! ^ value);
    if (differs !== 0) {
      at += 8;
      continue;
    }
    let next = at + 8;
    while (next < end && values[next] === value) next++;
    if (next - at < shortestRun) {
      at += 8;
      continue;
    }
    if (at > packedFrom) writePacked(out, values, packedFrom, at, bitWidth);
    writeRun(out, value, next - at, bitWidth);
    packedFrom = at = next;
  }
  if (end > packedFrom) writePacked(out, values, packedFrom, end, bitWidth);
}

/** Appends one run of `count` times `value`. */
export function writeRun(out: GrowingBuffer, value: number, count: number, bitWidth: number): void {
  out.varint(count * 2);
  for (let bits = 0; bits < bitWidth; bits += 8) out.byte((value >>> bits) & 0xff);
}

function writePacked(out: GrowingBuffer, values: Int32Array, start: number, end: number, bitWidth: number): void {
  const groups = (end - start + 7) >> 3;
  out.varint(groups * 2 + 1);
  if (bitWidth === 0) return;
  out.reserve(groups * bitWidth + 4);
  const whole = (end - start) & ~7;
  if (whole > 0) packBits(out, values, start, whole, 0, bitWidth);
  if (start + whole === end) return;
  padded.fill(0);
  for (let i = start + whole, k = 0; i < end; i++, k++) padded[k] = values[i]!;
  packBits(out, padded, 0, 8, 0, bitWidth);
}
