import type { Column, ColumnType } from '../columns/column-batch.ts';

/** Least and greatest value of a column: scaled integers, days, milliseconds, doubles, or text. */
export interface Bounds {
  readonly min: number | string;
  readonly max: number | string;
}

// Longer texts get no bounds: a cut maximum would be wrong.
const longestText = 64;

/** Follows the least and greatest value of a scalar column. */
export class BoundsTracker {
  readonly #isText: boolean;
  #min: number | Uint8Array | undefined;
  #max: number | Uint8Array | undefined;
  #gaveUp = false;

  constructor(type: ColumnType) {
    this.#isText = type.name === 'string';
  }

  add(column: Column, rowStart: number, rowEnd: number): void {
    if (this.#isText) this.#addTexts(column, rowStart, rowEnd);
    else this.#addNumbers(column, rowStart, rowEnd);
  }

  copy(): BoundsTracker {
    const copy = new BoundsTracker(this.#isText ? { name: 'string' } : { name: 'int' });
    copy.merge(this);
    return copy;
  }

  merge(other: BoundsTracker): void {
    this.#gaveUp ||= other.#gaveUp;
    if (other.#min === undefined) return;
    if (this.#min === undefined || compare(other.#min, this.#min) < 0) this.#min = other.#min;
    if (this.#max === undefined || compare(other.#max!, this.#max) > 0) this.#max = other.#max;
  }

  /** Undefined when no value was seen or a text was too long. */
  get range(): { min: number | Uint8Array; max: number | Uint8Array } | undefined {
    return this.#gaveUp || this.#min === undefined ? undefined : { min: this.#min, max: this.#max! };
  }

  /** The range as plain values. */
  get bounds(): Bounds | undefined {
    const { range } = this;
    if (range === undefined) return undefined;
    return typeof range.min === 'number'
      ? { min: range.min, max: range.max as number }
      : { min: Buffer.from(range.min).toString(), max: Buffer.from(range.max as Uint8Array).toString() };
  }

  #addNumbers(column: Column, rowStart: number, rowEnd: number): void {
    const { values, nulls } = column;
    let min = (this.#min as number | undefined) ?? Infinity;
    let max = (this.#max as number | undefined) ?? -Infinity;
    for (let i = rowStart; i < rowEnd; i++) {
      if (nulls !== undefined && nulls[i] !== 0) continue;
      const value = values[i]!;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (min <= max) {
      this.#min = min;
      this.#max = max;
    }
  }

  #addTexts(column: Column, rowStart: number, rowEnd: number): void {
    const bytes = column.values as Uint8Array;
    const offsets = column.offsets!;
    let min: Uint8Array | undefined;
    let max: Uint8Array | undefined;
    for (let i = rowStart; i < rowEnd && !this.#gaveUp; i++) {
      if (column.nulls !== undefined && column.nulls[i] !== 0) continue;
      const value = bytes.subarray(offsets[i], offsets[i + 1]);
      if (value.length > longestText) this.#gaveUp = true;
      if (min === undefined || compare(value, min) < 0) min = value;
      if (max === undefined || compare(value, max) > 0) max = value;
    }
    if (min === undefined) return;
    if (this.#min === undefined || compare(min, this.#min) < 0) this.#min = min.slice();
    if (this.#max === undefined || compare(max!, this.#max) > 0) this.#max = max!.slice();
  }
}

function compare(a: number | Uint8Array, b: number | Uint8Array): number {
  return typeof a === 'number' ? a - (b as number) : Buffer.compare(a, b as Uint8Array);
}
