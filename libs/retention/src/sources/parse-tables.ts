import { parseFormat } from './parse-format.ts';
import { parseColumns, parseDerived, parseEntity, parseRejects, parseTime, type Schema } from './parse-schema.ts';
import { scopeOf } from './record-scope.ts';
import type { DerivedColumn, SourceColumn, SourceTable } from './source.ts';
import { onlyIn, TABLE_COLUMN } from './source-tables.ts';
import { asFields, type Entry, type Fields, type OpenFile } from './yaml-fields.ts';

const NAME = /^[a-z][a-z0-9_]*$/;
/** `silver.<source>_rejects` holds lines that no table took. */
const RESERVED: readonly string[] = ['rejects'];

/** Whether schema.yaml describes several tables. */
export function hasTables(file: OpenFile): boolean {
  return file.holds('tables');
}

/**
 * Reads a schema.yaml with `tables`: columns of all tables become one record with `_table`, the entity and the time first, of which each table fills
 * its own. Names are unique in a source, so that every formula may use them bare; only the entity's column and the time's are in several tables.
 */
export function parseTables(file: OpenFile): Schema | undefined {
  const fields = file.root();
  if (fields === undefined) return undefined;
  fields.need('source', 'tables', 'entity', 'time');
  const name = fields.text('source') ?? '';
  if (name !== '' && !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) file.report(fields.at('source'), `source: expected lower case words with hyphens, found '${name}'`);
  const entity = fields.text('entity') ?? '';
  const time = fields.text('time') ?? '';
  const latenessMs = fields.duration('lateness') ?? 0;
  const tables = fields.child('tables')?.entries().map((entry) => parseTable(file, entry, { entity, time, latenessMs })).filter((table) => table !== undefined) ?? [];
  if (fields.has('tables') && !tables.some((table) => table.kind === 'events')) file.report(fields.at('tables'), 'tables: expected at least one with kind: events, found none');
  refuseSharedNames(fields, tables, [entity, time]);
  if (tables.length === 0 || file.problems.length > 0) return undefined;
  const columns = recordColumns(tables, entity, time);
  const derived = tables.flatMap((table) => table.derived.map((column): DerivedColumn => ({ ...column, formula: `case when ${onlyIn(table.name)} then (${column.formula}) end` })));
  const outcomes = new Set(columns.filter((column) => column.outcome).map((column) => column.name));
  const scope = scopeOf(columns, derived);
  const schema: Schema = {
    name, title: fields.text('title') ?? name, format: tables[0].format, tables, columns, derived, outcomes,
    rejects: tables.flatMap((table) => table.rejects.map(({ when, reason }) => ({ when: `${onlyIn(table.name)} and (${when})`, reason }))),
    entity: parseEntity(fields, scope),
    ...parseTime(fields, scope),
  };
  fields.close();
  return schema;
}

interface SharedColumns {
  readonly entity: string;
  readonly time: string;
  /** Unless a table says otherwise. */
  readonly latenessMs: number;
}

function parseTable(file: OpenFile, { name, key, value }: Entry, shared: SharedColumns): SourceTable | undefined {
  if (!NAME.test(name) || RESERVED.includes(name)) file.report(key, `expected a table's name in lower case with underscores other than ${RESERVED.join(', ')}, found '${name}'`);
  const fields = asFields(file, name, value);
  if (fields === undefined) return undefined;
  fields.need('kind', 'format', 'columns');
  const kind = fields.oneOf('kind', ['events', 'snapshot']) ?? 'events';
  const columns = parseColumns(fields.child('columns'));
  const outcomes = new Set(columns.filter((column) => column.outcome).map((column) => column.name));
  const derived = parseDerived(fields.child('derived'), columns, outcomes);
  const table: SourceTable = {
    name, kind, columns, derived,
    format: parseFormat(fields.child('format'), columns),
    rejects: parseRejects(fields, scopeOf(columns, derived)),
    validFrom: kind === 'snapshot' ? parseValidFrom(fields, columns) : undefined,
    latenessMs: kind === 'events' ? fields.duration('lateness') ?? shared.latenessMs : 0,
  };
  checkSharedColumns(fields, table, shared);
  fields.close();
  return table;
}

function parseValidFrom(fields: Fields, columns: readonly SourceColumn[]): string | undefined {
  const name = fields.text('valid_from');
  if (name === undefined) return undefined;
  const column = columns.find((known) => known.name === name);
  if (column?.type.name !== 'timestamp' || column.nullable) {
    const found = column === undefined ? name : `${name} (${column.nullable ? 'nullable ' : ''}${column.type.name})`;
    fields.file.report(fields.at('valid_from'), `valid_from: expected a timestamp column that is not nullable, found ${found}`);
  }
  return name;
}

function checkSharedColumns(fields: Fields, { name, kind, columns }: SourceTable, { entity, time }: SharedColumns): void {
  const { file } = fields;
  if (entity !== '' && !columns.some((column) => column.name === entity)) {
    file.report(fields.at('columns'), `${name}: expected the entity's column ${entity}, found none; where the file calls it otherwise, give it a field`);
  }
  const timeColumn = columns.find((column) => column.name === time);
  if (kind === 'events' && time !== '' && timeColumn?.type.name !== 'timestamp') {
    file.report(fields.at('columns'), `${name}: expected the timestamp column ${time}, found ${timeColumn?.type.name ?? 'none'}; where the file calls it otherwise, give it a field`);
  }
  if (kind === 'snapshot' && timeColumn !== undefined) file.report(fields.at('columns'), `${name}: expected no column ${time} in a snapshot table, whose rows are not events; name it otherwise and give it a field`);
}

/** One name means one thing in all formulas of a source. */
function refuseSharedNames(fields: Fields, tables: readonly SourceTable[], shared: readonly string[]): void {
  const owner = new Map<string, string>();
  for (const table of tables) {
    for (const { name } of [...table.columns, ...table.derived]) {
      if (shared.includes(name)) continue;
      const other = owner.get(name);
      if (other !== undefined) fields.file.report(fields.at('tables'), `${table.name}: expected a column name that no other table has, found ${name} (of ${other}); name it otherwise and give it a field`);
      owner.set(name, table.name);
    }
    if (table.name !== '' && tables.filter((known) => known.name === table.name).length > 1) fields.file.report(fields.at('tables'), `tables: expected each name once, found ${table.name} again`);
  }
  const typeOf = (table: SourceTable): string | undefined => table.columns.find((column) => column.name === shared[0])?.type.name;
  const odd = tables.find((table) => typeOf(table) !== typeOf(tables[0]));
  if (odd !== undefined) fields.file.report(fields.at('tables'), `${odd.name}: expected ${shared[0]} of one type in all tables, found ${typeOf(odd)} and ${typeOf(tables[0])}`);
}

function recordColumns(tables: readonly SourceTable[], entity: string, time: string): SourceColumn[] {
  const all = tables.flatMap((table) => table.columns);
  const shared = (name: string): SourceColumn => {
    const found = all.filter((column) => column.name === name);
    return { ...found[0], nullable: found.some((column) => column.nullable), description: found[0].description };
  };
  const table: SourceColumn = {
    name: TABLE_COLUMN, field: TABLE_COLUMN, type: { name: 'string' }, nullable: false, range: undefined, allowed: tables.map(({ name }) => name), zeroFraction: false, outcome: false,
    description: 'which table of the source the record is of',
  };
  return [table, shared(entity), shared(time), ...all.filter(({ name }) => name !== entity && name !== time).map((column) => ({ ...column, nullable: true }))];
}
