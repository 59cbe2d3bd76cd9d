import assert from 'node:assert/strict';

/** What a snapshot says that can't be read here: damaged, or written for another definition or layout. */
export class SnapshotMismatch extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SnapshotMismatch';
  }
}

const MAGIC = 0x314c4454; // "TDL1"
const HEADER_BYTES = 16;

assert(new Uint8Array(Uint16Array.of(1).buffer)[0] === 1, 'expected a little-endian machine');

/** Little-endian fields one after another, each array behind its length and padded to 8 bytes; `finish` seals them. */
export class ByteWriter {
  #buffer: Uint8Array<ArrayBuffer>;
  #end = HEADER_BYTES;

  /** `byteCount` is how many are expected, so that nothing is copied while they come. */
  constructor(byteCount = 1024) {
    this.#buffer = new Uint8Array(Math.max(1024, byteCount));
  }

  number(value: number): void {
    this.#put(new Uint8Array(Float64Array.of(value).buffer));
  }

  text(value: string): void {
    this.bytes(Buffer.from(value, 'utf8'));
  }

  bytes(value: Uint8Array): void {
    this.number(value.length);
    this.#put(value);
  }

  int32s(value: Int32Array): void {
    this.number(value.length);
    this.#put(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }

  float64s(value: Float64Array): void {
    this.number(value.length);
    this.#put(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }

  /** The sealed bytes: magic, layout version, length of the rest, checksum of the rest. */
  finish(layout: number): Uint8Array {
    const body = this.#buffer.subarray(HEADER_BYTES, this.#end);
    const header = new DataView(this.#buffer.buffer);
    header.setUint32(0, MAGIC, true);
    header.setUint32(4, layout, true);
    header.setUint32(8, body.length / 8, true);
    header.setUint32(12, checksum(body), true);
    return this.#buffer.subarray(0, this.#end);
  }

  #put(bytes: Uint8Array): void {
    const padded = (bytes.length + 7) & ~7;
    if (this.#end + padded > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#buffer.length * 2, (this.#end + padded + 7) & ~7));
      larger.set(this.#buffer.subarray(0, this.#end));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#end);
    this.#buffer.fill(0, this.#end + bytes.length, this.#end + padded);
    this.#end += padded;
  }
}

/** Reads what `ByteWriter` wrote, in the same order; arrays are copies. */
export class ByteReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  /** Checks the seal; throws `SnapshotMismatch` for other layouts, other files and damaged bytes. */
  constructor(sealed: Uint8Array, layout: number) {
    if (sealed.length < HEADER_BYTES) throw new SnapshotMismatch(`expected a snapshot of at least ${HEADER_BYTES} bytes, found ${sealed.length}`);
    const header = new DataView(sealed.buffer, sealed.byteOffset, HEADER_BYTES);
    if (header.getUint32(0, true) !== MAGIC) throw new SnapshotMismatch('expected a state snapshot, found other bytes');
    const found = header.getUint32(4, true);
    if (found !== layout) throw new SnapshotMismatch(`expected snapshot layout ${layout}, found ${found}`);
    const length = header.getUint32(8, true) * 8;
    if (sealed.length !== HEADER_BYTES + length) {
      throw new SnapshotMismatch(`expected a snapshot of ${HEADER_BYTES + length} bytes, found ${sealed.length}`);
    }
    // A copy at offset 0: `slice` of a Buffer would be a view, and perhaps at an offset that typed arrays refuse.
    this.#bytes = new Uint8Array(sealed.subarray(HEADER_BYTES));
    if (checksum(this.#bytes) !== header.getUint32(12, true)) throw new SnapshotMismatch('expected the snapshot\'s checksum, found damaged bytes');
  }

  number(): number {
    const value = new Float64Array(this.#bytes.buffer, this.#at, 1)[0];
    this.#at += 8;
    return value;
  }

  text(): string {
    return Buffer.from(this.bytes()).toString('utf8');
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const length = this.number();
    const value = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += (length + 7) & ~7;
    return value;
  }

  int32s(): Int32Array<ArrayBuffer> {
    const length = this.number();
    const value = new Int32Array(this.#bytes.buffer, this.#at, length).slice();
    this.#at += (length * 4 + 7) & ~7;
    return value;
  }

  float64s(): Float64Array<ArrayBuffer> {
    const length = this.number();
    const value = new Float64Array(this.#bytes.buffer, this.#at, length).slice();
    this.#at += length * 8;
    return value;
  }
}

/** Slots by tile, each list in its own order, tiles ascending. */
export function writeSchedule(out: ByteWriter, schedule: ReadonlyMap<number, readonly number[]>): void {
  out.number(schedule.size);
  for (const tile of [...schedule.keys()].sort((a, b) => a - b)) {
    out.number(tile);
    out.int32s(Int32Array.from(schedule.get(tile) ?? []));
  }
}

export function readSchedule(from: ByteReader): Map<number, number[]> {
  const schedule = new Map<number, number[]>();
  for (let left = from.number(); left > 0; left--) schedule.set(from.number(), Array.from(from.int32s()));
  return schedule;
}

/** Two lanes of MurmurHash3's mixing over 32-bit words: fast, and any damaged word changes it. `bytes` is a multiple of 8 long. */
function checksum(bytes: Uint8Array): number {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  let a = 0x9747b28c | 0;
  let b = 0x3c6ef372;
  for (let i = 0; i < words.length; i += 2) {
    a = Math.imul(((a ^ words[i]) << 15) | ((a ^ words[i]) >>> 17), -862048943) + i | 0;
    b = Math.imul(((b ^ words[i + 1]) << 13) | ((b ^ words[i + 1]) >>> 19), 461845907) + i | 0;
  }
  return (a ^ Math.imul(b, -2048144789)) >>> 0;
}
