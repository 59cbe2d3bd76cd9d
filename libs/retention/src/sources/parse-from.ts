import { parseExpression } from '../expressions/parse-expression.ts';
import type { Scope } from '../expressions/typed-tree.ts';
import type { Schema } from './parse-schema.ts';
import { onlyIn } from './source-tables.ts';
import type { AttributeDefinition, SourceTable } from './source.ts';
import type { Fields } from './yaml-fields.ts';

/** What an entry reads of a record, to tell which table it is about. */
export interface ReadsOf {
  readonly of?: string | undefined;
  readonly where?: string | undefined;
}

/**
 * The table that an entry is about: the one that `from` names, else the only one that has the columns that it reads, else the only event table.
 * Undefined, after a report, when that tells none; also undefined for a source of one table, where `from` is an unknown key.
 */
export function parseFrom(fields: Fields, schema: Schema, scope: Scope, reads: ReadsOf): SourceTable | undefined {
  const { tables } = schema;
  if (tables === undefined) return undefined;
  const names = tables.map((table) => table.name);
  const named = fields.oneOf('from', names);
  if (fields.has('from') && named === undefined) return undefined;
  const columns = [...(reads.of === undefined ? [] : [reads.of]), ...(reads.where === undefined ? [] : parseExpression(reads.where, scope).expression?.columns ?? [])];
  const owners = columns.map((column) => tables.filter((table) => [...table.columns, ...table.derived].some(({ name }) => name === column)));
  const telling = owners.filter((found) => found.length === 1).flat();
  const events = tables.filter((table) => table.kind === 'events');
  const table = tables.find(({ name }) => name === named) ?? telling[0] ?? (events.length === 1 ? events[0] : undefined);
  if (table === undefined) {
    fields.file.report(fields.map, `expected from with the table that is meant (${names.join(', ')}), found none`);
    return undefined;
  }
  const stranger = columns.find((_, k) => owners[k].length > 0 && !owners[k].includes(table));
  if (stranger !== undefined) fields.file.report(fields.map, `expected columns of the table ${table.name}, found ${stranger}`);
  return table;
}

/** As `parseFrom` for what counts records, which only events do; gives the condition with the table in it. */
export function parseEventsWhere(fields: Fields, schema: Schema, scope: Scope, reads: ReadsOf): string | undefined {
  if (schema.tables === undefined) return reads.where;
  const table = parseFrom(fields, schema, scope, reads);
  if (table === undefined) return reads.where;
  if (table.kind !== 'events') fields.file.report(fields.map, `expected a table of events, found the snapshot table ${table.name}; read its newest row by { last: column } without a window`);
  return ofTable(table, reads.where);
}

/** An entry without a window: a column of the table's newest row. */
export function parseAttribute(name: string, fields: Fields, schema: Schema, scope: Scope, reads: ReadsOf): AttributeDefinition | undefined {
  const table = parseFrom(fields, schema, scope, reads);
  if (table === undefined || reads.of === undefined) return undefined;
  return { name, of: reads.of, from: table.name, where: ofTable(table, reads.where) };
}

function ofTable({ name }: SourceTable, where: string | undefined): string {
  return where === undefined ? onlyIn(name) : `${onlyIn(name)} and (${where})`;
}
