import { isSeq } from 'yaml';
import { suggest } from '../expressions/suggest.ts';
import { BOOLEAN, checkExpression } from './check-expression.ts';
import { scopeOf } from './record-scope.ts';
import type { DelimitedFormat, SourceColumn } from './source.ts';
import { describe, type Fields } from './yaml-fields.ts';

const TIME_FORMATS = ['yyyy-MM-dd HH:mm:ss', 'unix-seconds', 'unix-millis', 'iso', 'd/M/yyyy'] as const;
const MAX_LINE_BYTES = 65_536;

/** Reads `format` of schema.yaml; without `layouts` there is one, `standard`, with the columns in schema order. */
export function parseFormat(fields: Fields | undefined, columns: readonly SourceColumn[]): DelimitedFormat {
  if (fields === undefined) return defaultFormat(columns);
  fields.need('kind', 'separator');
  fields.oneOf('kind', ['delimited']);
  const layouts = parseLayouts(fields, columns);
  const layout = fields.text('layout') ?? layouts[0].name;
  if (!layouts.some((known) => known.name === layout)) fields.file.report(fields.at('layout'), `layout: expected one of ${layouts.map((known) => known.name).join(', ')}, found '${layout}'`);
  const listSeparator = parseByte(fields, 'list_separator');
  const firstList = columns.find((column) => column.type.name === 'list');
  if (firstList !== undefined && listSeparator === undefined) fields.file.report(fields.map, `format: expected list_separator for the list column ${firstList.name}`);
  const check = fields.node('layout_check');
  const moments = columns.filter((column) => (column.type.name === 'list' ? column.type.of : column.type).name === 'timestamp');
  if (moments.length > 0) fields.need('time_format');
  const format: DelimitedFormat = {
    ...defaultFormat(columns), layouts, layout, listSeparator,
    separator: parseByte(fields, 'separator') ?? ',',
    quote: parseByte(fields, 'quote'),
    header: fields.boolean('header') ?? false,
    layoutCheck: check === undefined ? undefined : checkExpression(fields.file, check, scopeOf(columns, []), 'layout_check', BOOLEAN)?.sql,
    lists: parseLists(fields.child('lists'), columns),
    timeFormat: fields.oneOf('time_format', TIME_FORMATS) ?? 'iso',
    maxLineBytes: fields.integer('max_line_bytes', [16, 2 ** 24]) ?? MAX_LINE_BYTES,
  };
  const separators = [format.separator, format.quote, format.listSeparator].filter((byte) => byte !== undefined);
  if (new Set(separators).size < separators.length) fields.file.report(fields.map, 'format: expected separator, list_separator and quote to differ');
  fields.close();
  return format;
}

function defaultFormat(columns: readonly SourceColumn[]): DelimitedFormat {
  const layouts = [{ name: 'standard', fields: columns.map((column) => column.name) }];
  return {
    kind: 'delimited', separator: ',', quote: undefined, header: false, listSeparator: undefined, layouts, layout: 'standard',
    layoutCheck: undefined, lists: undefined, timeFormat: 'iso', maxLineBytes: MAX_LINE_BYTES,
  };
}

function parseByte(fields: Fields, key: string): string | undefined {
  const text = fields.text(key);
  if (text === undefined) return undefined;
  if (text.length === 1 && text > '\0' && text <= '\x7f' && !/[\n\r0-9A-Za-z.+-]/.test(text)) return text;
  fields.file.report(fields.at(key), `${key}: expected one ASCII character that is no letter, digit, sign, point or line end, found '${text}'`);
  return undefined;
}

/** Each layout names every column once, by position in the file. */
function parseLayouts(fields: Fields, columns: readonly SourceColumn[]): DelimitedFormat['layouts'] {
  const child = fields.child('layouts');
  if (child === undefined) return defaultFormat(columns).layouts;
  const names = columns.map((column) => column.name);
  const layouts = child.entries().map((entry) => {
    const items = child.texts(entry.name) ?? [];
    const seen = new Set<string>();
    for (const item of items) {
      if (!names.includes(item.text)) {
        const hint = suggest(item.text, names);
        child.file.report(item.node, `layouts.${entry.name}: unknown column ${item.text}${hint === undefined ? '' : `; did you mean ${hint}?`}`);
      } else if (seen.has(item.text)) child.file.report(item.node, `layouts.${entry.name}: expected each column once, found ${item.text} again`);
      seen.add(item.text);
    }
    const missing = names.filter((name) => !seen.has(name));
    if (isSeq(entry.value) && missing.length > 0) child.file.report(entry.value, `layouts.${entry.name}: expected every column, found none of ${missing.join(', ')}`);
    return { name: entry.name, fields: items.map((item) => item.text) };
  });
  child.close();
  if (layouts.length > 0) return layouts;
  fields.file.report(child.map, `layouts: expected at least one, found ${describe(child.map)}`);
  return defaultFormat(columns).layouts;
}

function parseLists(fields: Fields | undefined, columns: readonly SourceColumn[]): DelimitedFormat['lists'] {
  if (fields === undefined) return undefined;
  fields.need('length', 'by', 'pad');
  const by = fields.text('by') ?? '';
  if (by !== '' && columns.find((column) => column.name === by)?.type.name !== 'list') fields.file.report(fields.at('by'), `by: expected a list column, found '${by}'`);
  const lists = { length: fields.integer('length', [1, 10_000]) ?? 1, by, pad: fields.source('pad') ?? '' };
  fields.close();
  return lists;
}
