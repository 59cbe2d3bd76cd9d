import assert from 'node:assert/strict';
import { formatType, sameType, type ColumnBatch, type ColumnType } from './column-batch.ts';

/** A column of a table; readers find it by `id`, so a name may repeat in time but an id may not. */
export interface TableColumn {
  /** Field id, at least 1. */
  readonly id: number;
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Field id of a list's elements. */
  readonly elementId?: number;
}

/** Columns in table order. */
export interface TableSchema {
  readonly columns: readonly TableColumn[];
}

/** A column as a caller describes it; ids are given by the table. */
export interface ColumnDefinition {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
}

/** A schema with fresh field ids: columns 1 to n in order, list elements after them (Iceberg's order). */
export function defineSchema(columns: readonly ColumnDefinition[], afterId = 0): TableSchema {
  assert(columns.length > 0, 'expected at least one column');
  const seen = new Set<string>();
  for (const { name, type } of columns) {
    assert(/^[A-Za-z_][A-Za-z0-9_]*$/.test(name), `expected a column name of letters, digits and _, found "${name}"`);
    assert(!seen.has(name.toLowerCase()), `expected different column names (case aside), found "${name}" twice`);
    assert(type.name !== 'list' || type.of.name !== 'string', `lists of strings do not exist (column "${name}")`);
    seen.add(name.toLowerCase());
  }
  let elementId = afterId + columns.length;
  return {
    columns: columns.map(({ name, type, nullable }, index) => {
      const column = { id: afterId + index + 1, name, type, nullable };
      return type.name === 'list' ? { ...column, elementId: ++elementId } : column;
    }),
  };
}

/** The highest field id in use, 0 for none. */
export function lastColumnId(schema: TableSchema): number {
  return schema.columns.reduce((id, column) => Math.max(id, column.id, column.elementId ?? 0), 0);
}

/**
 * What keeps writers of `wanted` from sharing a table with `current`, or undefined: columns may only be added, as nullable, and only
 * nullable ones may be missing (another version of a program added them).
 */
export function evolutionProblem(current: TableSchema, wanted: readonly ColumnDefinition[]): string | undefined {
  const byName = new Map(wanted.map((column) => [column.name, column]));
  for (const column of current.columns) {
    const match = byName.get(column.name);
    if (match === undefined) {
      if (!column.nullable) return `expected required column "${column.name}" to stay`;
      continue;
    }
    if (!sameType(match.type, column.type)) {
      return `expected column "${column.name}" to stay ${formatType(column.type)}, found ${formatType(match.type)}`;
    }
    if (match.nullable !== column.nullable) return `expected column "${column.name}" to keep nullable ${column.nullable}`;
  }
  const known = new Set(current.columns.map((column) => column.name));
  const required = wanted.find((column) => !known.has(column.name) && !column.nullable);
  return required === undefined ? undefined : `expected added column "${required.name}" to be nullable`;
}

/** The current columns with their ids, then the added ones with fresh ids above `lastId`; or the same object when nothing is new. */
export function evolveSchema(current: TableSchema, wanted: readonly ColumnDefinition[], lastId: number): TableSchema {
  const known = new Set(current.columns.map((column) => column.name));
  const added = wanted.filter((column) => !known.has(column.name));
  if (added.length === 0) return current;
  return { columns: [...current.columns, ...defineSchema(added, lastId).columns] };
}

/** Stops when a batch does not have exactly the schema's columns, in order, with their physical form. */
export function checkBatch(schema: TableSchema, batch: ColumnBatch): void {
  assert(
    batch.columns.length === schema.columns.length && batch.names.length === schema.columns.length,
    `expected columns ${schema.columns.map((column) => column.name).join(', ')}, found ${batch.names.join(', ')}`,
  );
  schema.columns.forEach((expected, index) => {
    const { name } = expected;
    const column = batch.columns[index]!;
    assert(batch.names[index] === name, `expected column "${name}" at ${index}, found "${batch.names[index]}"`);
    assert(
      sameType(column.type, expected.type),
      `expected column "${name}" as ${formatType(expected.type)}, found ${formatType(column.type)}`,
    );
    const variable = column.type.name === 'list' || column.type.name === 'string';
    const length = variable ? (column.offsets?.length ?? 0) - 1 : column.values.length;
    assert(length >= batch.rowCount, `expected ${batch.rowCount} rows in column "${name}", found ${length}`);
    assert(
      column.nulls === undefined || column.nulls.length >= batch.rowCount,
      `expected ${batch.rowCount} null marks in column "${name}", found ${column.nulls?.length}`,
    );
  });
}
