import type { DelimitedFormat } from '../sources/source.ts';
import { READABLE_BEYOND_END } from './field-reader.ts';

const NEWLINE = 10;
const RETURN = 13;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
/** Most bytes of an over-long line that are kept. */
const KEPT_BYTES = 1024;

/** Where the search for a record's end stands inside quoted formats. */
type QuoteState = 'field-start' | 'unquoted' | 'quoted' | 'quote-in-quoted';

/** Takes the lines in order; `nextByteOffset` is the position behind the line's terminator. */
export interface LineReceiver {
  /** A line `[start, end)` without its terminator; `READABLE_BEYOND_END` bytes from `bytes[end]` on can be read, the first of them no digit. */
  line(bytes: Buffer, start: number, end: number, byteOffset: number, nextByteOffset: number, hasNul: boolean): void;
  blankLine(byteOffset: number, nextByteOffset: number): void;
  /** A line that could not be framed. `original` may be kept. */
  brokenLine(byteOffset: number, nextByteOffset: number, reason: string, detail: string, original: Buffer): void;
}

/**
 * Cuts pushed bytes into records: at LF or CRLF, but not inside quotes. Holds at most one record of `maxLineBytes`; of a longer one
 * only the head is kept until its end has gone by. A quote that does not close within that bound, or before the end, costs its own
 * physical line alone: framing starts again on the next one.
 */
export class LineFramer {
  /** Position in the log of the next byte that belongs to no delivered line. */
  offset: number;
  private readonly receiver: LineReceiver;
  private readonly maxLineBytes: number;
  private readonly separator: number;
  private readonly quote: number;
  private held = Buffer.alloc(4096);
  private heldLength = 0;
  private state: QuoteState = 'field-start';
  private skippedHead: Buffer | undefined;
  private skippedBytes = 0;
  private markBytes: number;
  private nextQuote = -1;
  private nextNul = -1;

  constructor(format: DelimitedFormat, byteOffset: number, receiver: LineReceiver) {
    this.offset = byteOffset;
    this.receiver = receiver;
    this.maxLineBytes = format.maxLineBytes;
    this.separator = format.separator.charCodeAt(0);
    this.quote = format.quote === undefined ? -1 : format.quote.charCodeAt(0);
    this.markBytes = byteOffset === 0 ? 0 : BYTE_ORDER_MARK.length;
  }

  push(bytes: Buffer): void {
    let start = 0;
    if (this.markBytes < BYTE_ORDER_MARK.length) {
      while (start < bytes.length && this.markBytes < BYTE_ORDER_MARK.length && bytes[start] === BYTE_ORDER_MARK[this.markBytes]) {
        this.markBytes++;
        start++;
      }
      if (this.markBytes === BYTE_ORDER_MARK.length) this.offset = BYTE_ORDER_MARK.length;
      else if (start < bytes.length) this.refeedMark();
    }
    this.feed(start === 0 ? bytes : bytes.subarray(start));
  }

  /** Delivers what is held: the last line may lack its newline. */
  end(): void {
    if (this.markBytes < BYTE_ORDER_MARK.length) this.refeedMark();
    if (this.skippedHead !== undefined) this.finishSkipping(0);
    while (this.heldLength > 0) {
      if (this.state === 'quoted') this.dropUnclosed('no closing quote before the end of the log');
      else {
        const length = this.heldLength;
        this.append(Buffer.from([NEWLINE]), 0, 1);
        this.heldLength = 0;
        this.deliver(this.held, 0, length, this.offset + length, this.held.subarray(0, length).includes(0));
      }
    }
  }

  /** Bytes that began like a byte order mark but were none. */
  private refeedMark(): void {
    const bytes = Buffer.from(BYTE_ORDER_MARK.subarray(0, this.markBytes));
    this.markBytes = BYTE_ORDER_MARK.length;
    this.feed(bytes);
  }

  private feed(bytes: Buffer): void {
    const limit = this.maxLineBytes + 1;
    let position = 0;
    this.nextQuote = -1;
    this.nextNul = -1;
    while (position < bytes.length) {
      if (this.skippedHead !== undefined) {
        const newline = bytes.indexOf(NEWLINE, position);
        if (newline < 0) {
          this.skippedBytes += bytes.length - position;
          return;
        }
        this.skippedBytes += newline - position;
        this.finishSkipping(1);
        position = newline + 1;
        continue;
      }
      if (this.heldLength === 0) this.state = 'field-start';
      const until = Math.min(bytes.length, position + limit - this.heldLength);
      const newline = this.recordEnd(bytes, position, until);
      if (newline >= 0 && this.heldLength === 0 && newline + READABLE_BEYOND_END <= bytes.length) {
        this.deliver(bytes, position, newline, this.offset + newline - position + 1, this.hasNul(bytes, position, newline));
        position = newline + 1;
        continue;
      }
      const stop = newline < 0 ? until : newline + 1;
      this.append(bytes, position, stop);
      position = stop;
      if (newline >= 0) {
        const length = this.heldLength - 1;
        this.heldLength = 0;
        this.deliver(this.held, 0, length, this.offset + length + 1, this.held.subarray(0, length).includes(0));
      } else if (this.heldLength >= limit) {
        this.overflow();
        // Framing again what was held used up what is known about these bytes.
        this.nextQuote = -1;
        this.nextNul = -1;
      }
    }
  }

  /** Index of the newline that ends the record, or -1 when it is not in `[start, until)`; then `state` says where the search stands. */
  private recordEnd(bytes: Buffer, start: number, until: number): number {
    if (this.quote < 0) {
      const newline = bytes.indexOf(NEWLINE, start);
      return newline < until ? newline : -1;
    }
    if (this.state === 'field-start' || this.state === 'unquoted') {
      if (this.nextQuote < start) {
        this.nextQuote = bytes.indexOf(this.quote, start);
        if (this.nextQuote < 0) this.nextQuote = bytes.length;
      }
      const newline = bytes.indexOf(NEWLINE, start);
      if (newline >= 0 && newline < this.nextQuote) {
        if (newline < until) return newline;
      }
    }
    return this.quotedRecordEnd(bytes, start, until);
  }

  private quotedRecordEnd(bytes: Buffer, start: number, until: number): number {
    const { separator, quote } = this;
    let { state } = this;
    for (let position = start; position < until; position++) {
      const byte = bytes[position];
      if (state === 'quoted') {
        if (byte === quote) state = 'quote-in-quoted';
      } else if (byte === NEWLINE) return position;
      else if (byte === separator) state = 'field-start';
      else if (byte === quote && state !== 'unquoted') state = 'quoted';
      else state = 'unquoted';
    }
    this.state = state;
    return -1;
  }

  private hasNul(bytes: Buffer, start: number, end: number): boolean {
    if (this.nextNul < start) {
      this.nextNul = bytes.indexOf(0, start);
      if (this.nextNul < 0) this.nextNul = bytes.length;
    }
    return this.nextNul < end;
  }

  private deliver(bytes: Buffer, start: number, newline: number, nextByteOffset: number, hasNul: boolean): void {
    const byteOffset = this.offset;
    this.offset = nextByteOffset;
    const end = newline > start && bytes[newline - 1] === RETURN ? newline - 1 : newline;
    if (start === end) this.receiver.blankLine(byteOffset, nextByteOffset);
    else this.receiver.line(bytes, start, end, byteOffset, nextByteOffset, hasNul);
  }

  private append(bytes: Buffer, start: number, end: number): void {
    const length = this.heldLength + end - start;
    if (length + READABLE_BEYOND_END > this.held.length) {
      const larger = Buffer.alloc(Math.max(length + READABLE_BEYOND_END, this.held.length * 2));
      this.held.copy(larger, 0, 0, this.heldLength);
      this.held = larger;
    }
    bytes.copy(this.held, this.heldLength, start, end);
    this.heldLength = length;
  }

  /** More bytes are held than a line may have. */
  private overflow(): void {
    const newline = this.held.subarray(0, this.heldLength).indexOf(NEWLINE);
    if (newline >= 0) {
      this.dropUnclosed(`no closing quote within ${this.maxLineBytes} bytes`);
      return;
    }
    this.skippedHead = Buffer.from(this.held.subarray(0, Math.min(KEPT_BYTES, this.heldLength)));
    this.skippedBytes = this.heldLength;
    this.heldLength = 0;
  }

  private finishSkipping(terminatorBytes: number): void {
    const byteOffset = this.offset;
    this.offset += this.skippedBytes + terminatorBytes;
    const detail = `expected at most ${this.maxLineBytes} bytes, found ${this.skippedBytes}`;
    const original = this.skippedHead!;
    this.skippedHead = undefined;
    this.receiver.brokenLine(byteOffset, this.offset, 'line-too-long', detail, original);
  }

  /** Gives up the first physical line of what is held and frames the rest again. */
  private dropUnclosed(detail: string): void {
    const all = Buffer.from(this.held.subarray(0, this.heldLength));
    this.heldLength = 0;
    const newline = all.indexOf(NEWLINE);
    const stop = newline < 0 ? all.length : newline;
    const byteOffset = this.offset;
    this.offset += newline < 0 ? all.length : newline + 1;
    const end = stop > 0 && all[stop - 1] === RETURN ? stop - 1 : stop;
    this.receiver.brokenLine(byteOffset, this.offset, 'unclosed-quote', detail, Buffer.from(all.subarray(0, end)));
    this.feed(all.subarray(stop + 1));
  }
}
