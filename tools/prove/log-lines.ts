import { openLogFile } from '#tideline/platform';
import type { Column, ColumnBatch, DelimitedFormat, Source, SourceColumn } from '#tideline/retention';

/**
 * The lines of a log as plain code sees them: split at line ends and nothing else (a line with an odd number of quotes goes on in the next).
 * It is the truth that a proof holds the system against, so it shares no code with the scanner.
 */
export class LogLines {
  readonly bytes: Buffer;
  /** Byte at which each line starts, and the one behind its last character. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly #index: ReadonlyMap<number, number>;
  readonly #fields: readonly string[];
  readonly #format: DelimitedFormat;

  constructor(bytes: Buffer, format: DelimitedFormat) {
    this.bytes = bytes;
    this.#format = format;
    const starts: number[] = [];
    const ends: number[] = [];
    const quote = format.quote?.charCodeAt(0);
    for (let start = 0; start < bytes.length; ) {
      let end = lineEnd(bytes, start);
      while (quote !== undefined && end < bytes.length && isOdd(bytes, start, end, quote)) end = lineEnd(bytes, end + 1);
      const trimmed = end > start && bytes[end - 1] === 13 ? end - 1 : end;
      if (trimmed > start) {
        starts.push(start);
        ends.push(trimmed);
      }
      start = end + 1;
    }
    const layout = format.layouts.find(({ name }) => name === format.layout);
    this.#fields = format.header && starts.length > 0 ? split(bytes.toString('utf8', starts[0], ends[0]), format) : (layout?.fields ?? []);
    if (format.header) {
      starts.shift();
      ends.shift();
    }
    this.starts = starts;
    this.ends = ends;
    this.#index = new Map(starts.map((start, line) => [start, line]));
  }

  static async read(path: string, format: DelimitedFormat): Promise<LogLines> {
    const file = await openLogFile(path);
    const parts: Buffer[] = [];
    // A piece is valid only until the next one is asked for.
    for await (const piece of file.read(0)) parts.push(Buffer.from(piece));
    await file.close();
    return new LogLines(Buffer.concat(parts), format);
  }

  /** Number of the line that starts at a byte. */
  at(byteOffset: number): number | undefined {
    return this.#index.get(byteOffset);
  }

  text(line: number): string {
    return this.bytes.toString('utf8', this.starts[line], this.ends[line]);
  }

  /** The line's own text of the columns that plain code can print again; `shown` prints a record in the same way. */
  fieldsOf(line: number, columns: readonly SourceColumn[]): string {
    const fields = split(this.text(line), this.#format);
    return columns.map((column) => {
      const at = this.#fields.indexOf(column.field) >= 0 ? this.#fields.indexOf(column.field) : this.#fields.indexOf(column.name);
      return plainText(column, fields[at] ?? '', this.#format);
    }).join(' | ');
  }
}

/** Columns whose text plain code understands: numbers, texts and times, but no lists. */
export function plainColumns(source: Source): readonly SourceColumn[] {
  return source.columns.filter(({ type }) => ['int', 'bigint', 'decimal', 'string', 'timestamp', 'double'].includes(type.name));
}

/** A decoded record, printed like `LogLines.fieldsOf`. */
export function shown(batch: ColumnBatch, row: number, columns: readonly SourceColumn[]): string {
  return columns.map((column) => cellText(batch.columns[batch.names.indexOf(column.name)], row)).join(' | ');
}

function cellText({ type, values, offsets, nulls }: Column, row: number): string {
  if (nulls?.[row] === 1) return '';
  if (offsets !== undefined) return Buffer.from((values as Uint8Array).subarray(offsets[row], offsets[row + 1])).toString('utf8');
  const value = values[row];
  return type.name === 'decimal' ? String(Number(value) / 10 ** type.scale) : String(Number(value));
}

function plainText({ type }: SourceColumn, field: string, { timeFormat }: DelimitedFormat): string {
  if (type.name === 'string' || field === '') return field;
  if (type.name !== 'timestamp') return String(Number(field));
  if (timeFormat === 'unix-seconds') return String(Number(field) * 1000);
  if (timeFormat === 'unix-millis') return String(Number(field));
  return String(Date.parse(`${field.replace(' ', 'T').replace(/Z$/, '')}Z`));
}

/** Fields of a line; quotes hold separators, two of them inside quotes are one. */
function split(line: string, { separator, quote }: DelimitedFormat): string[] {
  if (quote === undefined || !line.includes(quote)) return line.split(separator);
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === quote && quoted && line[i + 1] === quote) field += line[++i];
    else if (line[i] === quote) quoted = !quoted;
    else if (line[i] === separator && !quoted) {
      fields.push(field);
      field = '';
    } else field += line[i];
  }
  return [...fields, field];
}

function lineEnd(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(10, from);
  return end === -1 ? bytes.length : end;
}

function isOdd(bytes: Buffer, start: number, end: number, quote: number): boolean {
  let odd = false;
  for (let at = start; at < end; at++) if (bytes[at] === quote) odd = !odd;
  return odd;
}
