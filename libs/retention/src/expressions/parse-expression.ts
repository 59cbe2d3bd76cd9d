import { parse, type Expr } from 'pgsql-ast-parser';
import type { ScalarType } from '../records/columns.ts';
import { ExpressionError } from './build-tree.ts';
import { TypeChecker } from './type-check.ts';
import { scalarTypeOf, type Scope, type TypedNode } from './typed-tree.ts';

/** A parsed and checked expression: plain data, compiled by `compileExpression` and rendered by `renderSql`. */
export interface Expression {
  readonly sql: string;
  readonly type: ScalarType;
  /** Columns it reads, in order of first use. */
  readonly columns: readonly string[];
  readonly tree: TypedNode;
}

export type ParsedExpression =
  | { readonly expression: Expression; readonly problem?: undefined }
  | { readonly expression?: undefined; readonly problem: string; readonly offset: number };

const LENGTH_MAX = 10_000;

/** Parses and type-checks one SQL scalar expression; a mistake comes back with its character offset in `sql`. */
export function parseExpression(sql: string, scope: Scope): ParsedExpression {
  let origin: readonly number[] = [];
  try {
    const scanned = scan(sql);
    origin = scanned.origin;
    const checker = new TypeChecker(scanned.text, scope);
    const tree = checker.check(parseText(scanned.text));
    if (tree.type === 'null') throw new ExpressionError('expected a typed value, found null; write cast(null as …)', 0);
    if (tree.type === 'list') throw new ExpressionError('expected one value, found a list; use list_count, list_sum, list_min or list_max', 0);
    return { expression: { sql, type: scalarTypeOf(tree.type), columns: [...checker.columns], tree } };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { problem: error.message, offset: origin[error.offset] ?? Math.min(error.offset, sql.length) };
  }
}

/** Like `parseExpression` for text already known to be right, as in a checked `Source`; a mistake is ours. */
export function expectExpression(sql: string, scope: Scope): Expression {
  const parsed = parseExpression(sql, scope);
  if (parsed.expression === undefined) throw new TypeError(`expected a checked expression, found ${parsed.problem} in ${sql}`);
  return parsed.expression;
}

/** A source's few texts are parsed again by everything that is made for it, and parsing is slow. */
const parsedTexts = new Map<string, Expr>();
const TEXTS_REMEMBERED = 1_000;

/** The tree is shared by all who ask: nobody changes it. */
function parseText(text: string): Expr {
  const known = parsedTexts.get(text);
  if (known !== undefined) return known;
  try {
    const [expr, ...more] = parse(text, { entry: 'expr', locationTracking: true }) as unknown as readonly Expr[];
    if (more.length > 0) throw new ExpressionError('expected one expression, found several', 0);
    if (parsedTexts.size === TEXTS_REMEMBERED) parsedTexts.clear();
    parsedTexts.set(text, expr);
    return expr;
  } catch (error) {
    if (error instanceof ExpressionError) throw error;
    const { token, offset } = error as { token?: { text?: string; offset?: number }; offset?: number };
    if (token?.text !== undefined) throw new ExpressionError(`expected an expression, found unexpected ${token.text}`, token.offset ?? 0);
    if (offset !== undefined) throw new ExpressionError(`expected an expression, found unexpected ${text[offset]}`, offset);
    throw new ExpressionError('expected an expression, found its end too early', text.length);
  }
}

const TOKEN = /\s+|'(?:[^']|'')*'|\d+\.?\d*|\.\d+|[A-Za-z_][A-Za-z_0-9]*|--|\/\*|[^\s]/y;

/**
 * Walks the tokens before the parser does, because the parser would drop comments, read `1e3` as `1 AS e3` and `a -1` as two
 * values: the first two are refused here, the last gets a space, and `origin` maps positions back.
 */
function scan(sql: string): { text: string; origin: number[] } {
  if (sql.trim() === '') throw new ExpressionError('expected an expression, found nothing', 0);
  if (sql.length > LENGTH_MAX) throw new ExpressionError(`expected at most ${LENGTH_MAX} characters, found ${sql.length}`, 0);
  let text = '';
  const origin: number[] = [];
  let previous = '';
  let operand = false;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < sql.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(sql)?.[0] ?? '';
    if (!/^\s/.test(token)) {
      refuseToken(token, previous, at);
      const next = sql[at + 1] ?? '';
      const spaced = token === '-' && operand && /[\d.]/.test(next);
      operand = /^[\w')]/.test(token) && !/^(and|or|not|in|like|between|when|then|else|case|is|from|for|as)$/i.test(token);
      for (let k = 0; k < token.length; k++) origin.push(at + k);
      text += token;
      if (spaced) {
        text += ' ';
        origin.push(at);
      }
    } else {
      for (let k = 0; k < token.length; k++) origin.push(at + k);
      text += token;
    }
    previous = token;
  }
  return { text, origin };
}

function refuseToken(token: string, previous: string, at: number): void {
  if (token === '--' || token === '/*') throw new ExpressionError(`${token} starts a comment; for a - (-b) write the parentheses`, at);
  if (token === ';') throw new ExpressionError('expected one expression, found ;', at);
  if (token === '"') throw new ExpressionError('expected a bare name or a string in single quotes, found "', at);
  if (token === '$' || token === '\\' || token === '`') throw new ExpressionError(`expected an expression, found unexpected ${token}`, at);
  if (token === "'") throw new ExpressionError('expected a closing quote', at);
  const wordBefore = /^[A-Za-z_]/.test(previous);
  if (token.startsWith("'") && wordBefore) throw new ExpressionError(`expected a space before the string, found the prefix ${previous}`, at);
  if (token.startsWith("'") && previous.startsWith("'")) throw new ExpressionError('expected an operator between strings', at);
  if (token.startsWith("'") && token.includes('\0')) throw new ExpressionError('expected text without NUL', at);
  if (/^[A-Za-z_.\d]/.test(token) && /^[\d.]/.test(previous) && previous !== '.') {
    throw new ExpressionError(`expected a plain number such as 1000 or 0.5, found ${previous}${token}`, at - previous.length);
  }
  const digits = /^\d+$/.test(token);
  if (digits && !Number.isSafeInteger(Number(token))) throw new ExpressionError(`expected an integer within 2^53 - 1, found ${token}`, at);
}
