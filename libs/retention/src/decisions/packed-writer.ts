import type { PackedRecords } from '../records/pack-records.ts';

/** Collects records of one output partition; bytes are handed over by `finish`, never written again. */
export class PackedWriter {
  #count = 0;
  #keyEnds = new Uint32Array(64);
  #valueEnds = new Uint32Array(64);
  #timestamps = new Float64Array(64);
  #keys = Buffer.allocUnsafeSlow(0);
  #keyEnd = 0;
  /** Value bytes so far; write at `end` after `reserve`, then call `push`. */
  bytes = Buffer.allocUnsafeSlow(0);
  view = new DataView(this.bytes.buffer);
  end = 0;
  /** What the last batch took, as room to start the next one with. */
  #usual = 4096;

  get count(): number {
    return this.#count;
  }

  /** Makes room for that many more value bytes. */
  reserve(more: number): void {
    if (this.end + more <= this.bytes.length) return;
    this.bytes = grown(this.bytes, this.end, Math.max(this.end + more, this.#usual));
    this.view = new DataView(this.bytes.buffer);
  }

  /** Ends the value at hand: one record with a key. */
  push(key: Uint8Array, keyStart: number, keyEnd: number, timestampMs: number): void {
    const length = keyEnd - keyStart;
    if (this.#keyEnd + length > this.#keys.length) this.#keys = grown(this.#keys, this.#keyEnd, this.#keyEnd + length);
    for (let i = 0; i < length; i++) this.#keys[this.#keyEnd + i] = key[keyStart + i];
    this.#keyEnd += length;
    if (this.#count === this.#timestamps.length) this.#growRows();
    this.#keyEnds[this.#count] = this.#keyEnd;
    this.#valueEnds[this.#count] = this.end;
    this.#timestamps[this.#count] = timestampMs;
    this.#count++;
  }

  /** Hands over what was collected and starts afresh. */
  finish(): PackedRecords {
    const count = this.#count;
    const records: PackedRecords = {
      count,
      keyOffsets: offsetsOf(this.#keyEnds, count),
      keys: this.#keys.subarray(0, this.#keyEnd),
      valueOffsets: offsetsOf(this.#valueEnds, count),
      values: this.bytes.subarray(0, this.end),
      timestamps: this.#timestamps.slice(0, count),
      headers: [],
    };
    this.#usual = this.end + (this.end >> 3);
    this.#count = 0;
    this.#keys = Buffer.allocUnsafeSlow(0);
    this.#keyEnd = 0;
    this.bytes = Buffer.allocUnsafeSlow(0);
    this.view = new DataView(this.bytes.buffer);
    this.end = 0;
    return records;
  }

  #growRows(): void {
    const capacity = this.#count * 2;
    const [keyEnds, valueEnds, timestamps] = [new Uint32Array(capacity), new Uint32Array(capacity), new Float64Array(capacity)];
    keyEnds.set(this.#keyEnds);
    valueEnds.set(this.#valueEnds);
    timestamps.set(this.#timestamps);
    this.#keyEnds = keyEnds;
    this.#valueEnds = valueEnds;
    this.#timestamps = timestamps;
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

function offsetsOf(ends: Uint32Array, count: number): Uint32Array {
  const offsets = new Uint32Array(count + 1);
  offsets.set(ends.subarray(0, count), 1);
  return offsets;
}

function grown(buffer: Buffer<ArrayBuffer>, used: number, needed: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.max(4096, needed, buffer.length * 2));
  larger.set(buffer.subarray(0, used));
  return larger;
}
