import { ruleProblem } from '../parameter-rules.ts';
import { minMax, robust, signedLog1p, standardize } from './column-steps.ts';
import { impute } from './impute.ts';
import { oneHot } from './one-hot.ts';
import { pca } from './pca.ts';
import { polynomial } from './polynomial.ts';
import type { PrepareStep, StepFamily, StepOption, StepOptions } from './step.ts';

/** Steps that a definition may name. */
export const stepFamilies: readonly StepFamily[] = [signedLog1p, standardize, minMax, robust, impute, oneHot, polynomial, pca];

/** All that is wrong with a step of a definition; whether its columns exist shows when it is fitted. */
export function stepProblems(definition: PrepareStep): string[] {
  const family = stepFamilies.find(({ kind }) => kind === definition.step);
  if (family === undefined) return [`expected a preparation step among ${stepFamilies.map(({ kind }) => kind).join(', ')}, found ${String(definition.step)}`];
  const problems: string[] = [];
  if (definition.columns !== undefined && definition.except !== undefined && definition.except.length > 0) problems.push(`expected either columns or except of ${family.kind}, found both`);
  for (const [name, value] of givenOptions(definition)) {
    const rule = Object.hasOwn(family.options, name) ? family.options[name] : undefined;
    const problem = rule === undefined
      ? `expected an option of ${family.kind} (${['except', 'columns', ...Object.keys(family.options)].join(', ')}), found ${name}`
      : ruleProblem(`${name} of ${family.kind}`, rule, value);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length > 0) return problems;
  const together = family.problem?.(optionsOf(family, definition));
  return together === undefined ? [] : [`${together} for ${family.kind}`];
}

/** Every option of the step, defaults filled in. */
export function optionsOf(family: StepFamily, definition: PrepareStep): StepOptions {
  const defaults = Object.entries(family.options).map(([name, rule]): [string, StepOption] => [name, rule.default]);
  return Object.fromEntries([...defaults, ...givenOptions(definition)]);
}

function givenOptions(definition: PrepareStep): [string, StepOption][] {
  return Object.entries(definition).filter((entry): entry is [string, StepOption] => !['step', 'except', 'columns'].includes(entry[0]) && entry[1] !== undefined);
}
