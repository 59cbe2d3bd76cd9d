import type { GrowingBuffer } from './growing-buffer.ts';
import { packBits } from './pack-bits.ts';

const blockSize = 128;
const miniblockSize = 32;
const miniblockCount = blockSize / miniblockSize;

// One block's differences, reused: encoding is synchronous.
const deltas32 = new Int32Array(blockSize);
const deltas64 = new Float64Array(blockSize);
const low = new Int32Array(miniblockSize);

/** Upper bound of the bytes of `count` values of `byteWidth` bytes. */
export function deltaBound(count: number, byteWidth: 4 | 8): number {
  return 32 + Math.ceil(count / blockSize) * (10 + miniblockCount + blockSize * byteWidth) + 4;
}

/**
 * Appends `values[start, end)` as DELTA_BINARY_PACKED INT32 (Parquet's Encodings.md, 5): differences of neighbours, in
 * miniblocks of 32 with a bit width each. False, appending nothing, when a difference might overflow: readers differ there.
 */
export function writeDelta32(out: GrowingBuffer, values: Int32Array, start: number, end: number): boolean {
  const count = end - start;
  const before = out.length;
  out.reserve(deltaBound(count, 4));
  // Ones where any value differs from its sign: below 2^30 in magnitude, differences stay within 31 bits.
  let magnitude = count === 0 ? 0 : values[start]! ^ (values[start]! >> 31);
  writeHeader(out, count, count === 0 ? 0 : values[start]!);
  for (let at = start + 1; at < end; at += blockSize) {
    const size = Math.min(blockSize, end - at);
    let previous = values[at - 1]!;
    let lowest = 0x7fffffff;
    for (let i = 0; i < size; i++) {
      const value = values[at + i]!;
      const delta = (value - previous) | 0;
      deltas32[i] = delta;
      if (delta < lowest) lowest = delta;
      magnitude |= value ^ (value >> 31);
      previous = value;
    }
    if (magnitude >= 2 ** 30) {
      out.length = before;
      return false;
    }
    out.zigzag(lowest);
    const used = Math.ceil(size / miniblockSize);
    for (let i = size; i < used * miniblockSize; i++) deltas32[i] = lowest;
    let widthAt = out.length;
    out.length += miniblockCount;
    for (let m = 0; m < miniblockCount; m++) {
      const from = m * miniblockSize;
      let union = 0;
      if (m < used) for (let i = from; i < from + miniblockSize; i++) union |= (deltas32[i]! - lowest) | 0;
      const width = 32 - Math.clz32(union);
      out.bytes[widthAt++] = width;
      if (width > 0) packBits(out, deltas32, from, miniblockSize, lowest, width);
    }
  }
  return true;
}

/**
 * Appends `values[start, end) x factor` as DELTA_BINARY_PACKED INT64. The values are integers whose range times `factor` is below
 * 2^52; the products themselves may be larger.
 */
export function writeDelta64(out: GrowingBuffer, values: Float64Array, start: number, end: number, factor: number): void {
  const count = end - start;
  out.reserve(deltaBound(count, 8));
  writeHeader(out, count, count === 0 ? 0n : BigInt(values[start]!) * BigInt(factor));
  for (let at = start + 1; at < end; at += blockSize) {
    const size = Math.min(blockSize, end - at);
    let previous = values[at - 1]!;
    let lowest = Infinity;
    for (let i = 0; i < size; i++) {
      const value = values[at + i]!;
      const delta = (value - previous) * factor;
      deltas64[i] = delta;
      if (delta < lowest) lowest = delta;
      previous = value;
    }
    out.zigzag(BigInt(lowest));
    const used = Math.ceil(size / miniblockSize);
    for (let i = size; i < used * miniblockSize; i++) deltas64[i] = lowest;
    let widthAt = out.length;
    out.length += miniblockCount;
    for (let m = 0; m < miniblockCount; m++) {
      const from = m * miniblockSize;
      const width = m < used ? widthOf64(from, lowest) : 0;
      out.bytes[widthAt++] = width;
      if (width > 32) {
        packWideMiniblock(out, from, lowest, width);
      } else if (width > 0) {
        for (let i = 0; i < miniblockSize; i++) low[i] = deltas64[from + i]! - lowest;
        packBits(out, low, 0, miniblockSize, 0, width);
      }
    }
  }
}

function writeHeader(out: GrowingBuffer, count: number, first: number | bigint): void {
  out.varint(blockSize);
  out.varint(miniblockCount);
  out.varint(count);
  out.zigzag(first);
}

function widthOf64(from: number, lowest: number): number {
  let highest = 0;
  for (let i = from; i < from + miniblockSize; i++) highest = Math.max(highest, deltas64[i]! - lowest);
  const upper = Math.floor(highest / 2 ** 32);
  return upper > 0 ? 64 - Math.clz32(upper) : 32 - Math.clz32(highest >>> 0);
}

function packWideMiniblock(out: GrowingBuffer, from: number, lowest: number, width: number): void {
  let bits = 0n;
  let filled = 0;
  for (let i = from; i < from + miniblockSize; i++) {
    bits |= BigInt(deltas64[i]! - lowest) << BigInt(filled);
    filled += width;
    while (filled >= 32) {
      out.view.setUint32(out.length, Number(bits & 0xffffffffn), true);
      out.length += 4;
      bits >>= 32n;
      filled -= 32;
    }
  }
}
