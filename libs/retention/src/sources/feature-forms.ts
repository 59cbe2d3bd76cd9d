import { isMap } from 'yaml';
import type { ColumnType } from '../records/columns.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import { suggest } from '../expressions/suggest.ts';
import { type AggregateParts, composeAggregate, type WindowDefinition, type WrittenAggregate } from './compose-aggregate.ts';
import type { Schema } from './parse-schema.ts';
import { recordsOf, timeOf } from './parse-window.ts';
import { asFields, describe, type Entry, type Fields } from './yaml-fields.ts';

/** Features that one entry stands for, and the aggregates that they need beside those of the file. */
export interface ExpandedForm {
  readonly features: readonly { readonly name: string; readonly formula: string }[];
  readonly added: readonly AggregateParts[];
}

const NOTHING: ExpandedForm = { features: [], added: [] };
const FORMS = ['ratio', 'rate_of_change', 'sequence'] as const;

/** What a form may name. */
export interface FormContext {
  readonly schema: Schema;
  readonly written: readonly WrittenAggregate[];
  /** Numbers and others that formulas may name by now. */
  readonly scope: Readonly<Record<string, ColumnType>>;
}

/** Reads a feature that is written as a form instead of a formula; undefined when it is none (it may then be another part's, or a mistake). */
export function expandForm(entry: Entry, fields: Fields | undefined, context: FormContext): ExpandedForm | undefined {
  if (!isMap(entry.value) || fields === undefined) return undefined;
  const form = FORMS.find((name) => fields.has(name));
  if (form === undefined) return undefined;
  const expanded = form === 'ratio' ? ratio(entry.name, fields, context) : form === 'sequence' ? each(entry.name, fields, context) : rateOfChange(entry.name, fields, context);
  fields.close();
  return expanded;
}

/** The forms that `expandForm` knows, for messages. */
export const featureForms: readonly string[] = FORMS;

function ratio(name: string, fields: Fields, { scope }: FormContext): ExpandedForm {
  const names = fields.texts('ratio') ?? [];
  if (names.length !== 2) {
    if (fields.texts('ratio') !== undefined) fields.file.report(fields.at('ratio'), `${name}: ratio expected two names of aggregates or features, found ${names.length}`);
    return NOTHING;
  }
  for (const { text, node } of names) {
    const problem = /^[a-z][a-z0-9_]*$/.test(text) ? numberProblem(text, scope) : `expected a name, found '${text}'; write a formula for more`;
    if (problem !== undefined) fields.file.report(node, `${name}: ratio: ${problem}`);
  }
  return { features: [{ name, formula: `${names[0].text} / ${names[1].text}` }], added: [] };
}

function numberProblem(text: string, scope: FormContext['scope']): string | undefined {
  const parsed = parseExpression(text, scope);
  if (parsed.expression === undefined) return parsed.problem;
  const { name } = parsed.expression.type;
  return name === 'int' || name === 'bigint' || name === 'double' ? undefined : `expected a number, found ${text} (${name})`;
}

function each(name: string, fields: Fields, context: FormContext): ExpandedForm {
  const found = aggregateNamed(name, 'sequence', fields, context);
  if (found === undefined) return NOTHING;
  if (found.kind !== 'sequence') {
    fields.file.report(fields.at('sequence'), `${name}: expected a sequence, found ${found.name} (${found.kind})`);
    return NOTHING;
  }
  const problem = found.values < 1 ? undefined : numberProblem(`${found.name}__1`, context.scope);
  if (problem !== undefined) {
    fields.file.report(fields.at('sequence'), `${name}: expected a sequence of numbers, found ${found.name}; compare texts in formulas by sequence_at(${found.name}, 1)`);
    return NOTHING;
  }
  return { features: Array.from({ length: found.values }, (_, k) => ({ name: `${name}_${k + 1}`, formula: `sequence_at(${found.name}, ${k + 1})` })), added: [] };
}

/** The aggregate over a window against the window of that length before it: `(now - before) / before`. */
function rateOfChange(name: string, outer: Fields, context: FormContext): ExpandedForm {
  const fields = asFields(outer.file, 'rate_of_change', outer.node('rate_of_change') ?? null);
  if (fields === undefined) return NOTHING;
  fields.need('of', 'over');
  const of = aggregateNamed(name, 'of', fields, context);
  const timed = context.schema.time !== undefined;
  const over = timed ? timeOf(fields, 'over', context.schema) : recordsOf(fields, 'over');
  fields.close();
  if (of === undefined || over === undefined) return NOTHING;
  const plain = numberProblem(of.name, context.scope);
  if (plain !== undefined) fields.file.report(fields.at('of'), `${name}: rate_of_change: ${plain}`);
  const expects = (what: string): void => { fields.file.report(fields.at('over'), `over: expected ${what} of ${of.name}, found ${describe(fields.at('over'))}`); };
  if (of.window.sessionMs !== undefined && of.window.sessionMs > over) expects('at least the gap');
  if (of.window.tumbling === true && (of.window.offsetMs ?? 0) % over !== 0) expects('to divide the offset');
  const shifted = (suffix: string, offset: number): WrittenAggregate => ({ ...of, name: `${name}__${suffix}`, window: windowOver(of.window, timed, over, offset) });
  const [now, before] = [shifted('now', 0), shifted('before', over)];
  return { features: [{ name, formula: `(${now.name} - ${before.name}) / ${before.name}` }], added: [composeAggregate(now), composeAggregate(before)] };
}

function windowOver({ offsetMs, offsetRecords, ...rest }: WindowDefinition, timed: boolean, over: number, offset: number): WindowDefinition {
  const moved = (timed ? offsetMs ?? 0 : offsetRecords ?? 0) + offset;
  if (timed) return { ...rest, windowMs: over, ...(moved === 0 ? {} : { offsetMs: moved }) };
  return { ...rest, windowRecords: over, ...(moved === 0 ? {} : { offsetRecords: moved }) };
}

function aggregateNamed(name: string, key: string, fields: Fields, { written }: FormContext): WrittenAggregate | undefined {
  const text = fields.text(key);
  if (text === undefined) return undefined;
  const found = written.find((aggregate) => aggregate.name === text);
  const hint = suggest(text, written.map((aggregate) => aggregate.name));
  if (found === undefined) fields.file.report(fields.at(key), `${name}: ${key}: expected an aggregate, found '${text}'${hint === undefined ? '' : `; did you mean ${hint}?`}`);
  return found;
}
