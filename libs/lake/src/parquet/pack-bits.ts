import type { GrowingBuffer } from './growing-buffer.ts';

/**
 * Appends `values[from, from + count) - lowest`, each in `width` bits (1 to 32), least significant first: Parquet's bit-packed
 * order. `count` is a multiple of 8, so the end falls on a byte. The caller has reserved `count x width / 8 + 4` bytes.
 */
export function packBits(out: GrowingBuffer, values: Int32Array, from: number, count: number, lowest: number, width: number): void {
  if (width <= 6) packFours(out, values, from, count, lowest, width);
  else if (width <= 12) packPairs(out, values, from, count, lowest, width);
  else if (width <= 24) packNarrow(out, values, from, count, lowest, width);
  else packWide(out, values, from, count, lowest, width);
}

// Up to 24 bits a step and up to 7 left over fit a word, which makes a loop without branches: each step stores four bytes and
// moves on by whole bytes only.
function packNarrow(out: GrowingBuffer, values: Int32Array, from: number, count: number, lowest: number, width: number): void {
  const { view } = out;
  const end = from + count;
  let position = out.length;
  let rest = 0;
  let filled = 0;
  for (let i = from; i < end; i++) {
    const word = rest | ((values[i]! - lowest) << filled);
    view.setInt32(position, word, true);
    filled += width;
    const whole = filled >> 3;
    position += whole;
    rest = word >>> (whole << 3);
    filled &= 7;
  }
  out.length = position;
}

function packPairs(out: GrowingBuffer, values: Int32Array, from: number, count: number, lowest: number, width: number): void {
  const { view } = out;
  const end = from + count;
  let position = out.length;
  let rest = 0;
  let filled = 0;
  for (let i = from; i < end; i += 2) {
    const word = rest | (((values[i]! - lowest) | ((values[i + 1]! - lowest) << width)) << filled);
    view.setInt32(position, word, true);
    filled += width * 2;
    const whole = filled >> 3;
    position += whole;
    rest = word >>> (whole << 3);
    filled &= 7;
  }
  out.length = position;
}

function packFours(out: GrowingBuffer, values: Int32Array, from: number, count: number, lowest: number, width: number): void {
  const { view } = out;
  const end = from + count;
  let position = out.length;
  let rest = 0;
  let filled = 0;
  for (let i = from; i < end; i += 4) {
    const low = (values[i]! - lowest) | ((values[i + 1]! - lowest) << width);
    const high = (values[i + 2]! - lowest) | ((values[i + 3]! - lowest) << width);
    const word = rest | ((low | (high << (width * 2))) << filled);
    view.setInt32(position, word, true);
    filled += width * 4;
    const whole = filled >> 3;
    position += whole;
    rest = word >>> (whole << 3);
    filled &= 7;
  }
  out.length = position;
}

function packWide(out: GrowingBuffer, values: Int32Array, from: number, count: number, lowest: number, width: number): void {
  const { view, bytes } = out;
  const end = from + count;
  let position = out.length;
  let bits = 0;
  let filled = 0;
  for (let i = from; i < end; i++) {
    const value = (values[i]! - lowest) | 0;
    bits |= value << filled;
    filled += width;
    if (filled >= 32) {
      view.setInt32(position, bits, true);
      position += 4;
      filled -= 32;
      bits = filled === 0 ? 0 : value >>> (width - filled);
    }
  }
  for (; filled > 0; filled -= 8, bits >>>= 8) bytes[position++] = bits & 0xff;
  out.length = position;
}
