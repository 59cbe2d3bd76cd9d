import type { ColumnType } from '../records/columns.ts';
import type { Scope } from '../expressions/typed-tree.ts';
import type { DerivedColumn, Source, SourceColumn } from './source.ts';

/** The columns of a record that expressions may use: those of the schema, then the derived ones. */
export function recordScope(source: Pick<Source, 'columns' | 'derived'>): Scope {
  return scopeOf(source.columns, source.derived);
}

export function scopeOf(columns: readonly SourceColumn[], derived: readonly DerivedColumn[]): Record<string, ColumnType> {
  return Object.fromEntries([...columns, ...derived].map((column) => [column.name, column.type]));
}

/** Type of a record's column by name. */
export function columnTypeOf(source: Pick<Source, 'columns' | 'derived'>, name: string): ColumnType {
  const column = source.columns.find((known) => known.name === name) ?? source.derived.find((known) => known.name === name);
  if (column === undefined) throw new TypeError(`expected a column of the source, found ${name}`);
  return column.type;
}
