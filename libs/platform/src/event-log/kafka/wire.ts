/** Writes the protocol's primitive types, big-endian, into a buffer that grows. */
export class WireWriter {
  buf: Buffer;
  #at = 0;

  constructor(byteCount = 256) {
    this.buf = Buffer.allocUnsafe(byteCount);
  }

  /** What was written so far, as a view. */
  get buffer(): Buffer {
    return this.buf.subarray(0, this.#at);
  }

  int8(value: number): this {
    this.#grow(1);
    this.#at = this.buf.writeInt8(value, this.#at);
    return this;
  }

  int16(value: number): this {
    this.#grow(2);
    this.#at = this.buf.writeInt16BE(value, this.#at);
    return this;
  }

  int32(value: number): this {
    this.#grow(4);
    this.#at = this.buf.writeInt32BE(value, this.#at);
    return this;
  }

  int64(value: number | bigint): this {
    this.#grow(8);
    this.#at = this.buf.writeBigInt64BE(BigInt(value), this.#at);
    return this;
  }

  uvarint(value: number): this {
    this.#grow(5);
    let rest = value;
    while (rest > 127) {
      this.buf[this.#at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buf[this.#at++] = rest;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#grow(value.byteLength);
    this.buf.set(value, this.#at);
    this.#at += value.byteLength;
    return this;
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    const text = Buffer.from(value);
    return this.int16(text.byteLength).bytes(text);
  }

  sizedBytes(value: Uint8Array): this {
    return this.int32(value.byteLength).bytes(value);
  }

  compactString(value: string | null): this {
    if (value === null) return this.uvarint(0);
    const text = Buffer.from(value);
    return this.uvarint(text.byteLength + 1).bytes(text);
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length);
    items.forEach(write);
    return this;
  }

  compactArray<T>(items: readonly T[], write: (item: T) => void): this {
    this.uvarint(items.length + 1);
    items.forEach(write);
    return this;
  }

  /** The empty set of tagged fields that ends a structure of the newer encoding. */
  noTags(): this {
    return this.uvarint(0);
  }

  #grow(byteCount: number): void {
    if (this.#at + byteCount <= this.buf.byteLength) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buf.byteLength * 2, this.#at + byteCount));
    this.buf.copy(larger, 0, 0, this.#at);
    this.buf = larger;
  }
}

/** Reads what `WireWriter` writes. 64-bit integers come as numbers: offsets and times stay below 2^53. */
export class WireReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  int8(): number {
    return this.#buffer.readInt8(this.#step(1));
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#step(2));
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#step(4));
  }

  int64(): number {
    return Number(this.#buffer.readBigInt64BE(this.#step(8)));
  }

  bigInt64(): bigint {
    return this.#buffer.readBigInt64BE(this.#step(8));
  }

  uvarint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#buffer[this.#step(1)];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }

  /** A view, not a copy. */
  bytes(byteCount: number): Buffer {
    const from = this.#step(byteCount);
    return this.#buffer.subarray(from, from + byteCount);
  }

  string(): string | null {
    const byteCount = this.int16();
    return byteCount < 0 ? null : this.bytes(byteCount).toString();
  }

  sizedBytes(): Buffer {
    const byteCount = this.int32();
    return byteCount <= 0 ? Buffer.alloc(0) : this.bytes(byteCount);
  }

  compactString(): string | null {
    const byteCount = this.uvarint() - 1;
    return byteCount < 0 ? null : this.bytes(byteCount).toString();
  }

  array<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }

  compactArray<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.uvarint() - 1) }, read);
  }

  skipTags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint();
      this.bytes(this.uvarint());
    }
  }

  #step(byteCount: number): number {
    const from = this.#at;
    this.#at += byteCount;
    if (this.#at > this.#buffer.byteLength) throw new RangeError(`expected ${byteCount} more bytes in an answer of Kafka, found its end`);
    return from;
  }
}
