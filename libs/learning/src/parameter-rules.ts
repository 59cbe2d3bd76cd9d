import type { ParameterRule } from './family.ts';

/** A rule for one value: those of parameters, and true or false. */
type ValueRule = ParameterRule | { readonly default: boolean };

/** What is wrong with a value, as `expected … , found …` after the words that name it; undefined when it keeps to the rule. */
export function ruleProblem(what: string, rule: ValueRule, value: unknown): string | undefined {
  return keepsTo(rule, value) ? undefined : `expected ${what} to be ${describeRule(rule)}, found ${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}`;
}

const isFlag = (rule: ValueRule): rule is { readonly default: boolean } => typeof rule.default === 'boolean';

function keepsTo(rule: ValueRule, value: unknown): boolean {
  if (isFlag(rule)) return typeof value === 'boolean';
  if ('choices' in rule) return typeof value === 'string' && rule.choices.includes(value);
  const inRange = (number: unknown): boolean => typeof number === 'number' && number >= rule.min && number <= rule.max && (!rule.integer || Number.isInteger(number));
  if ('mostItems' in rule) return Array.isArray(value) && value.length <= rule.mostItems && value.every(inRange);
  return inRange(value);
}

function describeRule(rule: ValueRule): string {
  if (isFlag(rule)) return 'true or false';
  if ('choices' in rule) return `one of ${rule.choices.join(', ')}`;
  const range = `in [${rule.min}, ${rule.max}]`;
  if ('mostItems' in rule) return `a list of at most ${rule.mostItems} ${rule.integer ? 'integers' : 'numbers'} ${range}`;
  return `${rule.integer ? 'an integer' : 'a number'} ${range}`;
}
