/** What generated code calls for text: null in, null out; order and length by code points, case by ASCII alone. */

/** -1, 0 or 1 in code-point order; NaN when a side is null, so that every comparison is false. UTF-16 order differs above U+FFFF. */
export function compareText(a: string | null, b: string | null): number {
  if (a === null || b === null) return NaN;
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let k = 0; k < length; k++) {
    const x = a.charCodeAt(k);
    const y = b.charCodeAt(k);
    if (x !== y) {
      // Surrogates stand for code points above every other unit.
      const highX = x >= 0xd800 && x <= 0xdfff;
      const highY = y >= 0xd800 && y <= 0xdfff;
      return highX === highY ? (x < y ? -1 : 1) : highX ? 1 : -1;
    }
  }
  return a.length < b.length ? -1 : 1;
}

/** Length in code points; NaN for null. */
export function lengthOf(text: string | null): number {
  if (text === null) return NaN;
  let pairs = 0;
  for (let k = 0; k < text.length; k++) if ((text.charCodeAt(k) & 0xfc00) === 0xdc00) pairs++;
  return text.length - pairs;
}

/** `length` code points from position `start`, counted from 1; null when start is below 1 or length below 0. */
export function substringOf(text: string | null, start: number, length: number): string | null {
  if (text === null || !(start >= 1) || !(length >= 0)) return null;
  if (lengthOf(text) === text.length) return text.slice(start - 1, start - 1 + length);
  return [...text].slice(start - 1, start - 1 + length).join('');
}

export function lowerAscii(text: string | null): string | null {
  return text === null ? null : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

export function upperAscii(text: string | null): string | null {
  return text === null ? null : text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

export function leastText(a: string | null, b: string | null): string | null {
  return a === null ? b : b === null ? a : compareText(a, b) <= 0 ? a : b;
}

export function greatestText(a: string | null, b: string | null): string | null {
  return a === null ? b : b === null ? a : compareText(a, b) >= 0 ? a : b;
}

/** Decimal digits with an optional minus, at most 16 of them; anything else is NaN. */
export function parseInteger(text: string | null): number {
  if (text === null || !/^-?[0-9]{1,16}$/.test(text)) return NaN;
  const value = Number(text) + 0;
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : NaN;
}

export function parseDouble(text: string | null): number {
  if (text === null || !/^-?[0-9]{1,32}(\.[0-9]{1,32})?([eE][+-]?[0-9]{1,3})?$/.test(text)) return NaN;
  return Number(text) + 0;
}

export function parseBoolean(text: string | null): number {
  return text === 'true' ? 1 : text === 'false' ? 0 : NaN;
}

/** A matcher for a LIKE pattern: `%` any run, `_` one code point, everything else itself. */
export function likeMatcher(pattern: string): (text: string) => boolean {
  const body = pattern.replace(/^%+|%+$/g, '');
  if (!/[%_]/.test(body)) {
    const open = [pattern.startsWith('%'), pattern.endsWith('%')];
    if (open[0] && open[1]) return (text) => text.includes(body);
    if (open[1]) return (text) => text.startsWith(body);
    if (open[0]) return (text) => text.endsWith(body);
    return (text) => text === body;
  }
  const points = [...pattern];
  return (text) => matchPoints(points, [...text]);
}

/** Greedy matching that goes back to the last `%` only: at most pattern x text steps. */
function matchPoints(pattern: readonly string[], text: readonly string[]): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '%') {
      star = p++;
      mark = t;
    } else if (p < pattern.length && (pattern[p] === '_' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (p < pattern.length && pattern[p] === '%') p++;
  return p === pattern.length;
}

/** Whether bytes `start..end` of a column contain `needle`. */
export function bytesInclude(bytes: Uint8Array, start: number, end: number, needle: Uint8Array): boolean {
  const last = end - needle.length;
  for (let at = start; at <= last; at++) {
    let k = 0;
    while (k < needle.length && bytes[at + k] === needle[k]) k++;
    if (k === needle.length) return true;
  }
  return false;
}

/** Whether bytes at `start` are `needle`; the caller checks that they fit. */
export function bytesEqual(bytes: Uint8Array, start: number, needle: Uint8Array): boolean {
  for (let k = 0; k < needle.length; k++) if (bytes[start + k] !== needle[k]) return false;
  return true;
}

/** Text of a UTF-8 range; short ASCII is built without the decoder's overhead. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= 24) {
    let text = '';
    for (let k = start; k < end; k++) {
      const byte = bytes[k];
      if (byte > 127) return decodeLong(bytes, start, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }
  return decodeLong(bytes, start, end);
}

function decodeLong(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
