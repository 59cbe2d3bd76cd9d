import type { ColumnType, ScalarType } from '../records/columns.ts';
import { suggest } from '../expressions/suggest.ts';

const NAMES = ['int', 'bigint', 'decimal(p,s)', 'double', 'boolean', 'timestamp', 'date', 'string', 'list<…>'] as const;
const PRECISION_MAX = 15;

/** A type as schemas write it, `decimal(10,3)` or `list<int>`; a problem says what was expected and found. */
export function parseColumnType(text: string): { readonly type: ColumnType } | { readonly problem: string } {
  const list = /^list\s*<(.*)>$/.exec(text);
  if (list === null) return parseScalarType(text);
  const of = parseScalarType(list[1].trim());
  if ('problem' in of) return of;
  if (of.type.name === 'string' || of.type.name === 'boolean') return { problem: `expected a list of numbers or moments, found ${text}` };
  return { type: { name: 'list', of: of.type } };
}

export function parseScalarType(text: string): { readonly type: ScalarType } | { readonly problem: string } {
  const decimal = /^decimal\s*\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/.exec(text);
  if (decimal !== null) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
    if (precision < 1 || precision > PRECISION_MAX || scale > precision) {
      return { problem: `expected decimal(p,s) with p from 1 to ${PRECISION_MAX} and s up to p, found ${text}` };
    }
    return { type: { name: 'decimal', precision, scale } };
  }
  switch (text) {
    case 'int': case 'bigint': case 'double': case 'boolean': case 'timestamp': case 'date': case 'string': return { type: { name: text } };
    default: break;
  }
  const hint = text.startsWith('decimal') ? 'decimal(10,2)' : suggest(text, NAMES);
  return { problem: `expected one of ${NAMES.join(', ')}, found '${text}'${hint === undefined ? '' : `; did you mean ${hint}?`}` };
}
