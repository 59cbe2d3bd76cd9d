import { bitWidthOf, writeRleHybrid, writeRun } from './rle-hybrid.ts';
import type { Column } from '../columns/column-batch.ts';
import type { GrowingBuffer } from './growing-buffer.ts';

// Repetition and definition levels of the two shapes that tables have (Dremel; Melnik et al. 2010, section 4.1): a scalar, or a
// list of required elements. Each function appends a level section with its 4-byte length and returns what the page header needs.

let scratch = new Int32Array(8192);

function scratchFor(count: number): Int32Array {
  if (scratch.length < count) scratch = new Int32Array(count);
  return scratch;
}

/** Definition levels of nullable scalars: 0 for null, 1 for a value. */
export function writeScalarLevels(out: GrowingBuffer, nulls: Uint8Array | undefined, rowStart: number, rowEnd: number): void {
  const count = rowEnd - rowStart;
  const section = beginSection(out);
  if (nulls === undefined) {
    writeRun(out, 1, count, 1);
  } else {
    const levels = scratchFor(count);
    for (let i = 0; i < count; i++) levels[i] = nulls[rowStart + i] === 0 ? 1 : 0;
    writeRleHybrid(out, levels, 0, count, 1);
  }
  endSection(out, section);
}

/**
 * Levels of lists: repetition 0 at the head of each list and 1 inside; definition `max` for an element, one less for an empty
 * list, 0 for a null one (`max` is 2 for nullable lists). Returns the number of level pairs: elements plus lists without any.
 */
export function writeListLevels(out: GrowingBuffer, column: Column, nullable: boolean, rowStart: number, rowEnd: number): number {
  const offsets = column.offsets!;
  const most = nullable ? 2 : 1;
  const elements = offsets[rowEnd]! - offsets[rowStart]!;
  let without = 0;
  for (let row = rowStart; row < rowEnd; row++) if (offsets[row] === offsets[row + 1]) without++;
  const count = elements + without;
  writeRepetition(out, offsets, rowStart, rowEnd, count);
  const section = beginSection(out);
  if (without === 0) {
    writeRun(out, most, count, bitWidthOf(most));
  } else {
    const levels = scratchFor(count).fill(most, 0, count);
    let at = 0;
    for (let row = rowStart; row < rowEnd; row++) {
      const length = offsets[row + 1]! - offsets[row]!;
      if (length === 0) levels[at] = column.nulls !== undefined && column.nulls[row] !== 0 ? 0 : most - 1;
      at += length === 0 ? 1 : length;
    }
    writeRleHybrid(out, levels, 0, count, bitWidthOf(most));
  }
  endSection(out, section);
  return count;
}

// One packed run of ones with a zero at each list's head: work per list, not per element.
function writeRepetition(out: GrowingBuffer, offsets: Int32Array, rowStart: number, rowEnd: number, count: number): void {
  const section = beginSection(out);
  const groups = (count + 7) >> 3;
  out.varint(groups * 2 + 1);
  out.reserve(groups);
  const { bytes } = out;
  const base = out.length;
  bytes.fill(0xff, base, base + groups);
  if ((count & 7) !== 0) bytes[base + groups - 1] = (1 << (count & 7)) - 1;
  let at = 0;
  for (let row = rowStart; row < rowEnd; row++) {
    bytes[base + (at >> 3)]! &= ~(1 << (at & 7));
    const length = offsets[row + 1]! - offsets[row]!;
    at += length === 0 ? 1 : length;
  }
  out.length += groups;
  endSection(out, section);
}

function beginSection(out: GrowingBuffer): number {
  out.uint32(0);
  return out.length;
}

function endSection(out: GrowingBuffer, start: number): void {
  out.view.setUint32(start - 4, out.length - start, true);
}
