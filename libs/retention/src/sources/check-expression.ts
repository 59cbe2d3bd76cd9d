import { isScalar, type Node, type Scalar } from 'yaml';
import type { ScalarType } from '../records/columns.ts';
import { parseExpression, type Expression } from '../expressions/parse-expression.ts';
import type { Scope } from '../expressions/typed-tree.ts';
import { describe, scalarSource, type OpenFile } from './yaml-fields.ts';

/** Parses the expression that a YAML node holds; mistakes are reported where they stand in the file. */
export function checkExpression(file: OpenFile, node: Node | null | undefined, scope: Scope, what: string,
  accepts?: { readonly types: readonly ScalarType['name'][]; readonly as: string }): Expression | undefined {
  const text = isScalar(node) ? scalarSource(node) : undefined;
  if (text === undefined) {
    file.report(node, `${what}: expected an expression, found ${describe(node)}`);
    return undefined;
  }
  const parsed = parseExpression(text, scope);
  if (parsed.expression === undefined) {
    file.report(positionIn(node as Scalar, text, parsed.offset), `${what}: ${parsed.problem}`);
    return undefined;
  }
  if (accepts !== undefined && !accepts.types.includes(parsed.expression.type.name)) {
    file.report(node, `${what}: expected ${accepts.as}, found ${parsed.expression.type.name}`);
    return undefined;
  }
  return parsed.expression;
}

/** Offset in the file of an offset in a scalar's text; exact unless escapes or folded lines shift it. */
function positionIn(scalar: Scalar, text: string, offset: number): number {
  const start = scalar.range?.[0] ?? 0;
  if (scalar.type === 'PLAIN' && !text.includes('\n')) return start + offset;
  if ((scalar.type === 'QUOTE_DOUBLE' || scalar.type === 'QUOTE_SINGLE') && !text.includes('\n')) return start + 1 + offset;
  return start;
}

export const BOOLEAN = { types: ['boolean'], as: 'a boolean expression' } as const;
export const NUMBER = { types: ['int', 'bigint', 'double'], as: 'a number' } as const;
export const NUMBER_OR_TEXT = { types: ['int', 'bigint', 'double', 'string'], as: 'a number or text' } as const;
export const INTEGER = { types: ['int', 'bigint'], as: 'an integer' } as const;
