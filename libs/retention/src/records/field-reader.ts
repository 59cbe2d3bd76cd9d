import type { SourceColumn } from '../sources/source.ts';
import type { Column } from './columns.ts';

/** Bytes that can be loaded from a line's end on, so that readers may take words of text without a look at the bounds. */
export const READABLE_BEYOND_END = 16;

/**
 * Reads one field of a line into one column. `bytes[end]` is the line's terminator, no digit, and `READABLE_BEYOND_END` bytes can be
 * read from it on, so loops over digits need no bound and words of text may be read; `view` shows the same bytes.
 * `row` is where the value goes; a row that fails later is simply written over by the next.
 */
export interface FieldReader {
  readonly column: SourceColumn;
  /** Why the last `read` failed, in kebab case. */
  readonly failure: string;
  /** Position of the separator (or `end`) behind the field, or -1. The field is not empty. */
  read(bytes: Buffer, view: DataView, position: number, end: number, row: number): number;
  readMissing(row: number): void;
  /** Copies the first `rowCount` rows out, so that the reader may go on. */
  take(rowCount: number): Column;
}

/** Position of the separator behind the field that starts at `position`, or `end`. */
export function fieldEnd(bytes: Uint8Array, position: number, end: number, separator: number): number {
  let next = position;
  while (next < end && bytes[next] !== separator) next++;
  return next;
}

/** Which rows of a nullable column have no value; costs nothing until the first one. */
export class NullMarks {
  private marks: Uint8Array;
  private any = false;

  constructor(rows: number) {
    this.marks = new Uint8Array(rows);
  }

  mark(row: number): void {
    this.marks[row] = 1;
    this.any = true;
  }

  clear(row: number): void {
    if (this.any) this.marks[row] = 0;
  }

  take(rowCount: number): { nulls?: Uint8Array } {
    const nulls = this.marks.slice(0, rowCount);
    this.any = false;
    this.marks.fill(0);
    return nulls.includes(1) ? { nulls } : {};
  }
}
