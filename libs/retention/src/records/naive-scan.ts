/**
 * The scanner's twin, for specs alone: written from the definition, on strings, one line after the other, with `Number`, `BigInt` and
 * `Date`, without a thought for speed. It takes the whole log at once.
 */
import type { Source, SourceColumn } from '../sources/source.ts';
import type { ScalarType } from './columns.ts';

/** A record or a rejection; values as `plainRows` gives them. */
export interface NaiveLine {
  readonly byteOffset: number;
  readonly row?: Readonly<Record<string, unknown>>;
  readonly reason?: string;
  readonly original?: string;
}

interface Framed {
  readonly byteOffset: number;
  readonly text: string;
  readonly reason?: string;
}

/** All lines of a log without header, in order; text is latin1, one character a byte. */
export function naiveScan(source: Source, log: Buffer): NaiveLine[] {
  const framed = frame(source, log.toString('latin1'));
  while (framed.length > 0 && framed[framed.length - 1].reason === 'empty-line') framed.pop();
  return framed.map(({ byteOffset, text, reason }) => {
    if (reason !== undefined) return { byteOffset, reason, original: text };
    const result = readLine(source, text);
    return typeof result === 'string' ? { byteOffset, reason: result, original: text } : { byteOffset, row: result };
  });
}

function frame(source: Source, log: string): Framed[] {
  const { quote, separator, maxLineBytes } = source.format;
  const lines: Framed[] = [];
  let start = log.startsWith('\xef\xbb\xbf') ? 3 : 0;
  while (start < log.length) {
    let inQuotes = false;
    let fieldStart = true;
    let end = start;
    for (; end < log.length && end - start <= maxLineBytes; end++) {
      const character = log[end];
      if (inQuotes) {
        if (character !== quote) continue;
        if (log[end + 1] === quote && end + 1 - start <= maxLineBytes) end++;
        else inQuotes = false;
      } else if (character === '\n') break;
      else if (character === quote && fieldStart) inQuotes = true;
      fieldStart = character === separator && !inQuotes;
    }
    const closed = end - start <= maxLineBytes && !inQuotes;
    const physicalEnd = log.indexOf('\n', start) < 0 ? log.length : log.indexOf('\n', start);
    const stop = closed ? end : physicalEnd;
    const text = log.slice(start, stop).replace(/\r$/, '');
    if (closed) lines.push(text === '' ? { byteOffset: start, text, reason: 'empty-line' } : { byteOffset: start, text });
    else if (physicalEnd - start > maxLineBytes) {
      lines.push({ byteOffset: start, text: log.slice(start, start + Math.min(1024, maxLineBytes + 1)), reason: 'line-too-long' });
    } else lines.push({ byteOffset: start, text, reason: 'unclosed-quote' });
    start = stop + 1;
  }
  return lines;
}

function readLine(source: Source, line: string): Record<string, unknown> | string {
  if (line.includes('\0')) return 'nul-byte';
  const fields = splitFields(line, source.format.separator, source.format.quote);
  const order = source.format.layouts.find(({ name }) => name === source.format.layout)!.fields;
  if (fields.length !== order.length) return 'field-count';
  const row: Record<string, unknown> = {};
  const lists: { column: SourceColumn; tokens: string[] }[] = [];
  for (const [index, name] of order.entries()) {
    const column = source.columns.find((each) => each.name === name)!;
    const field = unquote(fields[index], source.format.quote);
    if (field === undefined) return 'unclosed-quote';
    if (field === '') {
      if (!column.nullable) return `missing-${name.replaceAll('_', '-')}`;
      row[name] = null;
      if (column.type.name === 'list') lists.push({ column, tokens: [] });
      continue;
    }
    if (column.type.name !== 'list') {
      const value = readValue(source, column, column.type, field);
      if (typeof value === 'symbol') return value.description!;
      row[name] = value;
      continue;
    }
    const tokens = field.split(source.format.listSeparator!);
    const { lists: padding } = source.format;
    for (const token of tokens) {
      const value = readValue(source, column, column.type.of, token);
      if (typeof value === 'symbol' && token !== padding?.pad) return value.description!;
    }
    if (padding !== undefined && tokens.length !== padding.length) return 'list-length';
    lists.push({ column, tokens });
  }
  const byName = lists.find(({ column }) => column.name === source.format.lists?.by);
  const count = byName === undefined ? undefined : unpadded(byName.tokens, source.format.lists!.pad);
  for (const { column, tokens } of lists) {
    if (column.type.name !== 'list' || row[column.name] === null) continue;
    if (count !== undefined && unpadded(tokens, source.format.lists!.pad) > count) return 'list-length';
    const { of } = column.type;
    const values = tokens.slice(0, count).map((token) => readValue(source, column, of, token));
    const bad = values.find((value) => typeof value === 'symbol');
    if (bad !== undefined) return (bad as symbol).description!;
    row[column.name] = values;
  }
  return row;
}

function unpadded(tokens: readonly string[], pad: string): number {
  let count = tokens.length;
  while (count > 0 && tokens[count - 1] === pad) count--;
  return count;
}

function splitFields(line: string, separator: string, quote: string | undefined): string[] {
  const fields = [''];
  let inQuotes = false;
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (inQuotes) {
      if (character === quote && line[at + 1] === quote) fields[fields.length - 1] += line[at++];
      else if (character === quote) inQuotes = false;
    } else if (character === separator) {
      fields.push('');
      continue;
    } else if (character === quote && fields[fields.length - 1] === '') inQuotes = true;
    fields[fields.length - 1] += character;
  }
  return fields;
}

function unquote(field: string, quote: string | undefined): string | undefined {
  if (quote === undefined || !field.startsWith(quote)) return field;
  const inner = field.slice(1, -1);
  if (field.length < 2 || !field.endsWith(quote) || inner.replaceAll(quote + quote, '').includes(quote)) return undefined;
  return inner.replaceAll(quote + quote, quote);
}

/** The value as stored (decimals scaled, times in ms), or a symbol that names the reason. */
function readValue(source: Source, column: SourceColumn, type: ScalarType, text: string): number | string | symbol {
  if (type.name === 'string') {
    const bytes = Buffer.from(text, 'latin1');
    if (!Buffer.from(bytes.toString('utf8')).equals(bytes)) return Symbol('invalid-utf8');
    if (column.allowed !== undefined && !column.allowed.includes(bytes.toString('utf8'))) return Symbol('not-allowed');
    return bytes.toString('utf8');
  }
  const value = readNumber(source, column, type, text);
  if (value === undefined) {
    if (type.name === 'boolean') return Symbol('not-allowed');
    return Symbol(type.name === 'timestamp' || type.name === 'date' ? 'bad-timestamp' : 'bad-number');
  }
  const unit = type.name === 'decimal' ? 10 ** type.scale : 1;
  if (column.range !== undefined && (value < column.range[0] * unit || value > column.range[1] * unit)) return Symbol('out-of-range');
  if (column.allowed !== undefined && !column.allowed.some((each) => readNumber(source, column, type, each) === value)) return Symbol('not-allowed');
  return value;
}

function readNumber(source: Source, column: SourceColumn, type: ScalarType, text: string): number | undefined {
  const number = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
  switch (type.name) {
    case 'int':
    case 'bigint': {
      if (!(column.zeroFraction ? /^[+-]?\d+(\.0+)?$/ : /^[+-]?\d+$/).test(text)) return undefined;
      const value = Number(text) + 0;
      const fits = type.name === 'int' ? value >= -(2 ** 31) && value < 2 ** 31 : Number.isSafeInteger(value);
      return fits ? value : undefined;
    }
    case 'decimal':
      return number.test(text) ? exactDecimal(text, type.precision, type.scale) : undefined;
    case 'double': {
      const value = number.test(text) ? Number(text) : NaN;
      return Number.isFinite(value) ? value + 0 : undefined;
    }
    case 'boolean':
      return /^(0|false)$/i.test(text) ? 0 : /^(1|true)$/i.test(text) ? 1 : undefined;
    case 'date': {
      const ms = roundTrip(text, `${text}T00:00:00.000Z`);
      return ms === undefined ? undefined : ms / 86_400_000;
    }
    default:
      return readTimestamp(source.format.timeFormat, text);
  }
}

function exactDecimal(text: string, precision: number, scale: number): number | undefined {
  const [, sign, whole, fraction = '', exponent = '0'] = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text)!;
  const digits = BigInt(whole + fraction || '0');
  const shift = Number(exponent) - fraction.length + scale;
  if (digits === 0n) return 0;
  if (shift > 40 || shift < -400) return undefined;
  const divisor = 10n ** BigInt(Math.max(0, -shift));
  if (digits % divisor !== 0n) return undefined;
  const value = (digits * 10n ** BigInt(Math.max(0, shift))) / divisor;
  return value < 10n ** BigInt(precision) ? Number(value) * (sign === '-' ? -1 : 1) : undefined;
}

function readTimestamp(format: string, text: string): number | undefined {
  if (format.startsWith('unix')) {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
    const ms = value * (format === 'unix-seconds' ? 1000 : 1) + 0;
    return Number.isSafeInteger(value) && Math.abs(ms) <= 8.64e15 ? ms : undefined;
  }
  if (format !== 'iso') return /^.{10} .{8}$/.test(text) ? roundTrip(text, `${text.replace(' ', 'T')}.000Z`) : undefined;
  const parts = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  if (parts === null) return undefined;
  const [, date, minute = '00:00', second = '00', fraction = '', zone = 'Z'] = parts;
  const iso = `${date}T${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const ms = roundTrip(iso, iso);
  if (ms === undefined || zone === 'Z') return ms;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  return hours > 23 || minutes > 59 ? undefined : ms - (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** The instant of an ISO text that a date prints again just so; calendars' impossible days do not survive that. */
function roundTrip(_text: string, iso: string): number | undefined {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(iso) ? Date.parse(iso) : NaN;
  return Number.isNaN(ms) || new Date(ms).toISOString() !== iso ? undefined : ms;
}
