import type { PackedRecords } from '../records/pack-records.ts';

/** Collects records of one output partition; bytes are handed over by `finish`, never written again. */
export class PackedWriter {
  #count = 0;
  #keyEnds: number[] = [];
  #valueEnds: number[] = [];
  #timestamps: number[] = [];
  #keys = Buffer.allocUnsafeSlow(0);
  #keyEnd = 0;
  /** Value bytes so far; write at `end` after `reserve`, then call `push`. */
  bytes = Buffer.allocUnsafeSlow(0);
  end = 0;

  get count(): number {
    return this.#count;
  }

  /** Makes room for that many more value bytes. */
  reserve(more: number): void {
    if (this.end + more > this.bytes.length) this.bytes = grown(this.bytes, this.end, this.end + more);
  }

  /** Appends UTF-8 text to the value at hand. */
  text(value: string): void {
    this.reserve(value.length * 3);
    this.end += this.bytes.write(value, this.end, 'utf8');
  }

  /** Ends the value at hand: one record with a key. */
  push(key: Uint8Array, keyStart: number, keyEnd: number, timestampMs: number): void {
    const length = keyEnd - keyStart;
    if (this.#keyEnd + length > this.#keys.length) this.#keys = grown(this.#keys, this.#keyEnd, this.#keyEnd + length);
    for (let i = 0; i < length; i++) this.#keys[this.#keyEnd + i] = key[keyStart + i];
    this.#keyEnd += length;
    this.#keyEnds.push(this.#keyEnd);
    this.#valueEnds.push(this.end);
    this.#timestamps.push(timestampMs);
    this.#count++;
  }

  /** Hands over what was collected and starts afresh. */
  finish(): PackedRecords {
    const records: PackedRecords = {
      count: this.#count,
      keyOffsets: offsetsOf(this.#keyEnds),
      keys: this.#keys.subarray(0, this.#keyEnd),
      valueOffsets: offsetsOf(this.#valueEnds),
      values: this.bytes.subarray(0, this.end),
      timestamps: Float64Array.from(this.#timestamps),
      headers: [],
    };
    this.#count = 0;
    this.#keyEnds = [];
    this.#valueEnds = [];
    this.#timestamps = [];
    this.#keys = Buffer.allocUnsafeSlow(0);
    this.#keyEnd = 0;
    this.bytes = Buffer.allocUnsafeSlow(0);
    this.end = 0;
    return records;
  }
}

/** Some records of a batch as they are: keys, values, times and headers; rows ascend. */
export function pickRecords(records: PackedRecords, rows: readonly number[]): PackedRecords {
  const writer = new PackedWriter();
  for (const row of rows) {
    const start = records.valueOffsets[row];
    const end = records.valueOffsets[row + 1];
    writer.reserve(end - start);
    writer.bytes.set(records.values.subarray(start, end), writer.end);
    writer.end += end - start;
    writer.push(records.keys, records.keyOffsets[row], records.keyOffsets[row + 1], records.timestamps[row]);
  }
  const headers = records.headers.map(({ name, values }) => ({ name, values: typeof values === 'string' ? values : Float64Array.from(rows, (row) => values[row]) }));
  return { ...writer.finish(), headers };
}

function offsetsOf(ends: readonly number[]): Uint32Array {
  const offsets = new Uint32Array(ends.length + 1);
  for (let i = 0; i < ends.length; i++) offsets[i + 1] = ends[i];
  return offsets;
}

function grown(buffer: Buffer<ArrayBuffer>, used: number, needed: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.max(4096, needed, buffer.length * 2));
  larger.set(buffer.subarray(0, used));
  return larger;
}
