import assert from 'node:assert';

import type { Source } from '../sources/source.ts';
import type { ColumnBatch } from './columns.ts';
import { concatenateBatches } from './concatenate-batches.ts';
import { layoutFields, matchHeader } from './header.ts';
import { LineFramer } from './line-framer.ts';
import type { LineReceiver } from './line-framer.ts';
import { RowReader } from './row-reader.ts';

/** One line that no record could be made of: reason in kebab case, and its bytes without terminator (an over-long one: the first 1,024). */
export interface Rejection {
  readonly byteOffset: number;
  readonly reason: string;
  readonly detail: string;
  readonly original: Uint8Array;
}

/** Lines of rows as they stood in the log: row i is `bytes[offsets[i] .. offsets[i+1])`. */
export interface Originals {
  readonly offsets: Int32Array;
  readonly bytes: Uint8Array;
}

/**
 * Rows read from bytes `[byteOffsetStart, byteOffsetEnd)` of the log. The ranges of successive chunks tile the file, header and
 * blank lines included, so a scan that starts at a chunk's end gives the chunks that would have followed.
 */
export interface Chunk {
  readonly batch: ColumnBatch;
  /** Where each accepted row's line starts. */
  readonly byteOffsets: Float64Array;
  /** The accepted rows' lines, only for sources with `rejects` rules, which may still refuse them. */
  readonly originals?: Originals;
  readonly rejections: readonly Rejection[];
  /** Accepted and rejected rows together. */
  readonly rowsRead: number;
  readonly byteOffsetStart: number;
  readonly byteOffsetEnd: number;
}

/** From which byte to scan, into how large chunks, and in which order the fields stand. */
export interface ScanOptions {
  /** A layout of the source; its own by default. */
  readonly layout?: string;
  /** Rows read per chunk, accepted and rejected. */
  readonly chunkRows: number;
  /** Position in the decompressed log of the first byte that will be pushed: 0 or a chunk's `byteOffsetEnd`. */
  readonly byteOffset: number;
  /** The first line pushed is a header: checked when the source's format has one, else passed over. */
  readonly skipHeader: boolean;
  /** Column names by file position when the header was read before: `fields` of the scan that is resumed. */
  readonly fields?: readonly string[];
}

/**
 * Turns the bytes of a delimited log into chunks of typed columns, whatever the sizes in which the bytes come. Holds at most one line
 * and one chunk. Bad lines are returned as rejections; a header that does not fit is the scanner's `problem` and ends the scan.
 */
export class LogScanner implements LineReceiver {
  /** What is wrong with the file as a whole; once set, nothing more is read. */
  problem: string | undefined;
  /** Column names by file position, from the header once that is read. */
  fields: readonly string[];
  private readonly source: Source;
  private readonly chunkRows: number;
  private readonly framer: LineFramer;
  private readonly names: readonly string[];
  private readonly byteOffsets: Float64Array;
  private readonly lines: LineCopies | undefined;
  private rows: RowReader;
  private headerPending: boolean;
  private blanks = new BlankLines();
  private rejections: Rejection[] = [];
  private accepted = 0;
  private chunkStart: number;
  private chunks: Chunk[] = [];

  constructor(source: Source, options: ScanOptions) {
    assert(Number.isSafeInteger(options.chunkRows) && options.chunkRows > 0, `expected rows per chunk, found ${options.chunkRows}`);
    assert(Number.isSafeInteger(options.byteOffset) && options.byteOffset >= 0, `expected a byte offset, found ${options.byteOffset}`);
    this.source = source;
    this.chunkRows = options.chunkRows;
    this.chunkStart = options.byteOffset;
    this.fields = options.fields ?? layoutFields(source, options.layout ?? source.format.layout);
    this.rows = new RowReader(source, this.fields, options.chunkRows);
    this.headerPending = options.skipHeader;
    this.names = source.columns.map((column) => column.name);
    this.byteOffsets = new Float64Array(options.chunkRows);
    this.lines = source.rejects.length > 0 ? new LineCopies(options.chunkRows) : undefined;
    this.framer = new LineFramer(source.format, options.byteOffset, this);
  }

  /** The chunks that these bytes completed; often none. The bytes may be overwritten afterwards. */
  push(bytes: Uint8Array): Chunk[] {
    if (this.problem !== undefined) return [];
    this.framer.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return this.problem === undefined ? this.completed() : [];
  }

  /**
   * The rest as a last chunk, perhaps without rows; undefined when every byte is in a chunk already. It holds more than `chunkRows`
   * rows in one case: when lines that seemed to be inside a quote, which never closed, could be read after all.
   */
  end(): Chunk | undefined {
    if (this.problem !== undefined) return undefined;
    this.framer.end();
    if (this.problem !== undefined) return undefined;
    if (this.framer.offset > this.chunkStart) this.cut(this.framer.offset);
    const chunks = this.completed();
    return chunks.length > 1 ? mergeChunks(chunks) : chunks[0];
  }

  line(bytes: Buffer, start: number, end: number, byteOffset: number, nextByteOffset: number, hasNul: boolean): void {
    if (this.problem !== undefined) return;
    if (this.headerPending) {
      this.readHeader(bytes, start, end);
      return;
    }
    if (this.blanks.count > 0) this.rejectBlanks();
    const refusal = hasNul
      ? { reason: 'nul-byte', detail: `expected text, found a NUL byte at byte ${byteOffset + bytes.indexOf(0, start) - start}` }
      : this.rows.read(bytes, start, end, this.accepted);
    if (refusal === undefined) {
      this.lines?.add(bytes, start, end, this.accepted);
      this.byteOffsets[this.accepted++] = byteOffset;
    } else this.rejections.push({ byteOffset, ...refusal, original: Buffer.from(bytes.subarray(start, end)) });
    this.cutWhenFull(nextByteOffset);
  }

  blankLine(byteOffset: number, nextByteOffset: number): void {
    if (!this.headerPending) this.blanks.add(byteOffset, nextByteOffset);
  }

  brokenLine(byteOffset: number, nextByteOffset: number, reason: string, detail: string, original: Buffer): void {
    if (this.headerPending) this.problem ??= `expected a header line of ${this.source.name}: ${detail}`;
    if (this.problem !== undefined) return;
    if (this.blanks.count > 0) this.rejectBlanks();
    this.rejections.push({ byteOffset, reason, detail, original });
    this.cutWhenFull(nextByteOffset);
  }

  private readHeader(bytes: Buffer, start: number, end: number): void {
    this.headerPending = false;
    if (!this.source.format.header) return;
    const header = matchHeader(this.source, bytes, start, end);
    if (header.problem !== undefined) {
      this.problem = header.problem;
      return;
    }
    if (header.fields.join() !== this.fields.join()) this.rows = new RowReader(this.source, header.fields, this.chunkRows);
    this.fields = header.fields;
  }

  /** Blank lines are rows only once a line follows: at the end of a log they mean nothing. */
  private rejectBlanks(): void {
    for (let blank = this.blanks.shift(); blank !== undefined; blank = this.blanks.shift()) {
      const detail = `expected ${this.fields.length} fields, found an empty line`;
      this.rejections.push({ byteOffset: blank.start, reason: 'empty-line', detail, original: new Uint8Array(0) });
      this.cutWhenFull(blank.end);
    }
  }

  private cutWhenFull(byteOffsetEnd: number): void {
    if (this.accepted + this.rejections.length === this.chunkRows) this.cut(byteOffsetEnd);
  }

  private cut(byteOffsetEnd: number): void {
    const rowCount = this.accepted;
    this.chunks.push({
      batch: { rowCount, names: this.names, columns: this.rows.take(rowCount) },
      byteOffsets: this.byteOffsets.slice(0, rowCount),
      ...(this.lines && { originals: this.lines.take(rowCount) }),
      rejections: this.rejections,
      rowsRead: rowCount + this.rejections.length,
      byteOffsetStart: this.chunkStart,
      byteOffsetEnd,
    });
    this.chunkStart = byteOffsetEnd;
    this.accepted = 0;
    this.rejections = [];
  }

  private completed(): Chunk[] {
    const { chunks } = this;
    this.chunks = [];
    return chunks;
  }
}

/** Runs of equally long blank lines, so that a million of them take no more room than one. */
class BlankLines {
  count = 0;
  private runs: { start: number; lineBytes: number; lines: number }[] = [];

  add(start: number, end: number): void {
    this.count++;
    const last = this.runs.at(-1);
    if (last !== undefined && last.lineBytes === end - start && last.start + last.lineBytes * last.lines === start) last.lines++;
    else this.runs.push({ start, lineBytes: end - start, lines: 1 });
  }

  shift(): { start: number; end: number } | undefined {
    if (this.count === 0) return undefined;
    this.count--;
    const [run] = this.runs;
    const blank = { start: run.start, end: run.start + run.lineBytes };
    run.start = blank.end;
    if (--run.lines === 0) this.runs.shift();
    return blank;
  }
}

/** Copies of the accepted rows' lines. */
class LineCopies {
  private bytes = Buffer.alloc(65_536);
  private readonly offsets: Int32Array;

  constructor(rows: number) {
    this.offsets = new Int32Array(rows + 1);
  }

  add(bytes: Buffer, start: number, end: number, row: number): void {
    const at = this.offsets[row];
    const needed = at + end - start;
    if (needed > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(needed, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, at);
      this.bytes = larger;
    }
    bytes.copy(this.bytes, at, start, end);
    this.offsets[row + 1] = needed;
  }

  take(rowCount: number): Originals {
    const offsets = this.offsets.slice(0, rowCount + 1);
    return { offsets, bytes: Uint8Array.prototype.slice.call(this.bytes, 0, offsets[rowCount]) };
  }
}

function mergeChunks(chunks: readonly Chunk[]): Chunk {
  const batch = concatenateBatches(chunks.map((chunk) => chunk.batch));
  const byteOffsets = new Float64Array(batch.rowCount);
  const parts: Uint8Array[] = [];
  const offsets = new Int32Array(batch.rowCount + 1);
  let row = 0;
  for (const chunk of chunks) {
    byteOffsets.set(chunk.byteOffsets, row);
    if (chunk.originals !== undefined) {
      for (let index = 0; index <= chunk.batch.rowCount; index++) offsets[row + index] = offsets[row] + chunk.originals.offsets[index];
      parts.push(chunk.originals.bytes);
    }
    row += chunk.batch.rowCount;
  }
  return {
    batch,
    byteOffsets,
    ...(parts.length > 0 && { originals: { offsets, bytes: Buffer.concat(parts) } }),
    rejections: chunks.flatMap((chunk) => chunk.rejections),
    rowsRead: chunks.reduce((sum, chunk) => sum + chunk.rowsRead, 0),
    byteOffsetStart: chunks[0].byteOffsetStart,
    byteOffsetEnd: chunks[chunks.length - 1].byteOffsetEnd,
  };
}
