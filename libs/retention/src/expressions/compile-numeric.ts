import type { Scope } from './typed-tree.ts';
import { expectExpression } from './parse-expression.ts';
import { JavaScriptWriter } from './write-javascript.ts';
import { generate } from './compile-expression.ts';

/**
 * Compiles a formula over numbers to a closure that reads `values` by position: in the order of `names` (all double) or of the scope's
 * keys. NaN is null on both sides; booleans are 1 and 0, timestamps ms. Allocates nothing per call.
 */
export function compileNumeric(sql: string, names: readonly string[] | Scope): (values: Float64Array) => number {
  const scope: Scope = isNames(names) ? Object.fromEntries(names.map((name) => [name, { name: 'double' as const }])) : names;
  const order = Object.keys(scope);
  const { tree } = expectExpression(sql, scope);
  if (tree.type === 'string') throw new TypeError(`expected a formula with a number, found ${sql}`);
  const writer = new JavaScriptWriter({
    number: (node) => `v[${order.indexOf(node.name)}]`,
    text: (node) => { throw new TypeError(`expected numbers only, found text ${node.name}`); },
  });
  const value = writer.value(tree);
  return generate<(values: Float64Array) => number>(writer, `(v) => { ${writer.lines.join('\n')}\nreturn ${value}; }`);
}

function isNames(names: readonly string[] | Scope): names is readonly string[] {
  return Array.isArray(names);
}
