// Goal: models.yaml may say exactly what the learning library takes. Method: the table is compared with the library's own rules;
// UPDATE_MODEL_RULES=1 writes it anew.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { catalog, stepFamilies } from '../../../learning/src/index.ts';
import { MODEL_RULES } from './known-models.ts';
import type { ModelRules, ValueRule } from './model-rules.ts';

/** Steps whose output columns are named otherwise, or are more than the input's. */
const RENAMING = ['impute', 'one_hot', 'polynomial', 'pca'];

type LearningRule = (typeof catalog)[number]['parameters'][string] | (typeof stepFamilies)[number]['options'][string];

function ruleOf(rule: LearningRule): ValueRule {
  if (typeof rule.default === 'boolean') return { flag: true };
  if ('choices' in rule) return { choices: rule.choices };
  if ('mostItems' in rule) return { min: rule.min, max: rule.max, integer: rule.integer, mostItems: rule.mostItems };
  if ('min' in rule) return { min: rule.min, max: rule.max, integer: rule.integer };
  throw new TypeError('expected a rule');
}

const rulesOf = (rules: Readonly<Record<string, LearningRule>>): Record<string, ValueRule> =>
  Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, ruleOf(rule)]));

const expected: ModelRules = {
  kinds: Object.fromEntries(catalog.map((family) => [family.kind, {
    feature: family.needsFeature ? 'needed' : 'takesFeature' in family && family.takesFeature === true ? 'allowed' : 'refused',
    parameters: rulesOf(family.parameters),
  }])),
  steps: Object.fromEntries(stepFamilies.map(({ kind, options }) => [kind, { keepsNames: !RENAMING.includes(kind), options: rulesOf(options) }])),
};

/** One line a kind and a step. */
function written({ kinds, steps }: ModelRules): string {
  const key = (name: string): string => (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `'${name}'`);
  const literal = (value: unknown): string => {
    if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
    if (typeof value === 'object' && value !== null) return `{ ${Object.entries(value).map(([name, item]) => `${key(name)}: ${literal(item)}`).join(', ')} }`.replace('{  }', '{}');
    return typeof value === 'string' ? `'${value}'` : String(value);
  };
  const lines = (group: object): string => Object.entries(group).map(([name, rule]) => `    ${key(name)}: ${literal(rule)},\n`).join('');
  return `import type { ModelRules } from './model-rules.ts';

/** Kinds of model and steps of preparation that models.yaml may name; model-rules.spec.ts writes this file from what the learning library takes. */
export const MODEL_RULES: ModelRules = {
  kinds: {
${lines(kinds)}  },
  steps: {
${lines(steps)}  },
};
`;
}

it('differential: the rules of models.yaml are those of the learning library', () => {
  if (process.env['UPDATE_MODEL_RULES'] === '1') writeFileSync(join(import.meta.dirname, 'known-models.ts'), written(expected));
  else expect(MODEL_RULES, 'run UPDATE_MODEL_RULES=1 npx vitest run model-rules to write it anew').toEqual(expected);
});
