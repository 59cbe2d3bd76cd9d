import type { ColumnType } from '../records/columns.ts';
import { suggest } from '../expressions/suggest.ts';
import { BOOLEAN, checkExpression } from '../sources/check-expression.ts';
import { describe, type Fields, type OpenFile } from '../sources/yaml-fields.ts';
import { parseExpression } from '../expressions/parse-expression.ts';
import { checkedTables, type CheckedTable, type TableOwner } from './checked-tables.ts';
import type { Check, CheckSuite } from './check.ts';
import { KINDS, RULE_PARSERS, type RuleContext } from './parse-rule.ts';

const NAME = /^[a-z][a-z0-9_]*$/;

/** Reads checks.yaml: suites by name, each with its table and its checks; all mistakes are reported where they stand. */
export function parseChecks(file: OpenFile, source: TableOwner): readonly CheckSuite[] {
  const root = file.root();
  if (root === undefined) return [];
  const tables = checkedTables(source);
  const suites: CheckSuite[] = [];
  for (const { name, key } of root.entries()) {
    const fields = root.child(name);
    if (!NAME.test(name)) file.report(key, `expected a suite's name in lower case with underscores, found '${name}'`);
    if (suites.some((suite) => suite.name === name)) file.report(key, `expected a new suite, found ${name} again`);
    if (fields !== undefined) suites.push(parseSuite(name, fields, tables));
  }
  return suites;
}

function parseSuite(name: string, fields: Fields, tables: ReadonlyMap<string, CheckedTable>): CheckSuite {
  const { file } = fields;
  fields.need('table', 'checks');
  const tableName = fields.text('table') ?? '';
  const table = tables.get(tableName);
  if (table === undefined && tableName !== '') {
    const hint = suggest(tableName, [...tables.keys()]);
    file.report(fields.at('table'), `table: expected one of ${[...tables.keys()].join(', ')}, found '${tableName}'${hint === undefined ? '' : `; did you mean ${hint}?`}`);
  }
  const checks: Check[] = [];
  for (const entry of fields.children('checks')) {
    if (table === undefined) continue;
    for (const check of parseCheck(entry, table)) {
      if (checks.some((known) => known.name === check.name)) {
        file.report(entry.map, `expected each check once, found ${check.name} again; give one of them another name`);
      }
      checks.push(check);
    }
  }
  if (fields.has('checks') && fields.children('checks').length === 0) file.report(fields.at('checks'), 'checks: expected at least one check');
  fields.close();
  return { name, table: tableName, checks };
}

/** One entry of a list; `columns` of rules about one column each are as many checks. */
function parseCheck(fields: Fields, table: CheckedTable): Check[] {
  const kind = fields.need('check').oneOf('check', KINDS);
  if (kind === undefined) return [];
  const severity = fields.oneOf('severity', ['warn', 'fail'] as const) ?? 'fail';
  const name = fields.text('name');
  if (name !== undefined && !NAME.test(name)) fields.file.report(fields.at('name'), `name: expected lower case with underscores, found '${name}'`);
  const context: RuleContext = { fields, table, column: (key, accepts, as) => column(fields, key, table, accepts, as), columns: (key) => columns(fields, key, table) };
  const { parse, share, filtered } = RULE_PARSERS[kind];
  const rules = parse(context);
  const atMost = share === 'none' ? 0 : (share === 'needed' ? fields.need('at_most') : fields).number('at_most', share === 'relative' ? [0, 1000] : [0, 1]) ?? (share === 'relative' ? 0.2 : 0);
  const where = filtered && fields.has('where') ? checkExpression(fields.file, fields.node('where'), table.columns, 'where', BOOLEAN)?.sql : undefined;
  fields.close();
  return rules.map(({ rule, suffix, holds }) => {
    if (holds !== undefined) expectParsed(fields, holds, table);
    const own = name === undefined ? `${kind}${suffix === '' ? '' : `_${suffix}`}` : rules.length > 1 ? `${name}_${suffix}` : name;
    return { name: own, severity, rule, atMost, where, holds };
  });
}

/** What rules become is parsed like anything that a person wrote, so that a wrong type is said where the check stands. */
function expectParsed(fields: Fields, holds: string, { columns: scope }: CheckedTable): void {
  const { problem } = parseExpression(holds, scope);
  if (problem !== undefined) fields.file.report(fields.map, `expected a check that fits its column, found ${problem} in ${holds}`);
}

function columns(fields: Fields, key: string, table: CheckedTable): string[] {
  const items = fields.texts(key) ?? [];
  if (fields.has(key) && items.length === 0) fields.file.report(fields.at(key), `${key}: expected at least one column, found ${describe(fields.at(key))}`);
  for (const { text, node } of items) if (!Object.hasOwn(table.columns, text)) fields.file.report(node, unknownColumn(key, text, table));
  const known = items.map(({ text }) => text).filter((text) => Object.hasOwn(table.columns, text));
  if (new Set(known).size < known.length) fields.file.report(fields.at(key), `${key}: expected each column once`);
  return known;
}

function column(fields: Fields, key: string, table: CheckedTable, accepts?: (type: ColumnType) => boolean, as = ''): string | undefined {
  const text = fields.text(key);
  if (text === undefined) return undefined;
  if (!Object.hasOwn(table.columns, text)) {
    fields.file.report(fields.at(key), unknownColumn(key, text, table));
    return undefined;
  }
  const type = table.columns[text]!;
  if (accepts === undefined || accepts(type)) return text;
  fields.file.report(fields.at(key), `${key}: expected ${as}, found ${text} (${type.name})`);
  return undefined;
}

function unknownColumn(key: string, text: string, { name, columns: known }: CheckedTable): string {
  const hint = suggest(text, Object.keys(known));
  return `${key}: expected a column of ${name}, found ${text}${hint === undefined ? '' : `; did you mean ${hint}?`}`;
}

