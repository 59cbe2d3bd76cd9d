/** Texts of a column as they are written row by row: UTF-8 bytes that grow by doubling, and the position after each row. */
export class TextSink {
  bytes: Uint8Array;
  readonly offsets: Int32Array;
  length = 0;

  constructor(rowCount: number, bytesPerRow: number) {
    this.bytes = new Uint8Array(Math.max(64, rowCount * bytesPerRow));
    this.offsets = new Int32Array(rowCount + 1);
  }

  /** Bytes of a literal. */
  putBytes(source: Uint8Array): void {
    if (this.length + source.length > this.bytes.length) this.#grow(source.length);
    for (let k = 0; k < source.length; k++) this.bytes[this.length++] = source[k];
  }

  putRange(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (this.length + size > this.bytes.length) this.#grow(size);
    const { bytes, length } = this;
    for (let k = 0; k < size; k++) bytes[length + k] = source[start + k];
    this.length = length + size;
  }

  /** Decimal digits of an integer within +-(2^53 - 1). */
  putInteger(value: number): void {
    if (this.length + 17 > this.bytes.length) this.#grow(17);
    if (value >= 0 && value < 10) {
      this.bytes[this.length++] = 48 + value;
      return;
    }
    if (value < 0) this.bytes[this.length++] = 45;
    let rest = value < 0 ? -value : value;
    let digits = 1;
    for (let limit = 10; limit <= rest; limit *= 10) digits++;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const tenth = Math.floor(rest / 10);
      this.bytes[at] = 48 + (rest - tenth * 10);
      rest = tenth;
    }
    this.length += digits;
  }

  putText(text: string): void {
    const most = text.length * 3;
    if (this.length + most > this.bytes.length) this.#grow(most);
    const { bytes } = this;
    for (let k = 0; k < text.length; k++) {
      const unit = text.charCodeAt(k);
      if (unit > 127) {
        this.length += Buffer.from(bytes.buffer, bytes.byteOffset).write(text.slice(k), this.length, 'utf8');
        return;
      }
      bytes[this.length++] = unit;
    }
  }

  #grow(size: number): void {
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + size));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
