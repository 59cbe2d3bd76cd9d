import assert from 'node:assert';

import type { Source } from '../sources/source.ts';
import { fieldBounds } from './row-reader.ts';

/** Column names by file position under a layout of the source; a layout that it does not have is a mistake of the caller. */
export function layoutFields(source: Source, layout: string): readonly string[] {
  const found = source.format.layouts.find((candidate) => candidate.name === layout);
  const known = source.format.layouts.map((candidate) => candidate.name).join(', ');
  assert(found !== undefined, `expected a layout of ${source.name} (${known}), found ${layout}`);
  return found.fields;
}

/** Column names by file position as the header line `[start, end)` orders them, or what is wrong with it. */
export function matchHeader(
  source: Source,
  bytes: Buffer,
  start: number,
  end: number,
): { fields: readonly string[]; problem?: undefined } | { fields?: undefined; problem: string } {
  const { format } = source;
  const quote = format.quote === undefined ? -1 : format.quote.charCodeAt(0);
  const bounds = fieldBounds(bytes, start, end, format.separator.charCodeAt(0), quote);
  const found: string[] = [];
  for (let index = 0; index < bounds.length; index += 2) {
    const text = bytes.toString('utf8', bounds[index], bounds[index + 1]);
    const quoted = format.quote !== undefined && text.length >= 2 && text.startsWith(format.quote) && text.endsWith(format.quote);
    found.push((quoted ? text.slice(1, -1).replaceAll(format.quote! + format.quote!, format.quote!) : text).trim());
  }
  const nameOf = new Map(source.columns.map((column) => [column.field, column.name]));
  const missing = source.columns.filter((column) => !found.includes(column.field)).map((column) => column.field);
  const unknown = found.filter((field) => !nameOf.has(field));
  const twice = found.filter((field, index) => found.indexOf(field) !== index);
  if (missing.length + unknown.length + twice.length === 0) return { fields: found.map((field) => nameOf.get(field)!) };
  const parts = [
    missing.length > 0 ? `missing: ${missing.join(', ')}` : '',
    unknown.length > 0 ? `unknown: ${unknown.slice(0, 20).join(', ').slice(0, 200)}` : '',
    twice.length > 0 ? `twice: ${[...new Set(twice)].join(', ')}` : '',
  ];
  const expected = source.columns.map((column) => column.field).join(format.separator);
  return { problem: `expected the header ${expected} of ${source.name} in any order (${parts.filter(Boolean).join('; ')})` };
}
