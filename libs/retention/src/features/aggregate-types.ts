import type { ColumnType, ScalarType } from '../records/columns.ts';
import { columnTypeOf } from '../sources/record-scope.ts';
import type { AggregateDefinition, ComposedAggregate, Source } from '../sources/source.ts';

/** The type of an aggregate's finished value, as feature formulas see it. */
export function finishedType({ kind, of }: AggregateDefinition, source: Pick<Source, 'columns' | 'derived'>): ColumnType {
  if (kind === 'count' || kind === 'distinct' || of === undefined) return { name: 'bigint' };
  const known = [...source.columns, ...source.derived].some((column) => column.name === of);
  if (!known) return { name: 'double' };
  const type = columnTypeOf(source, of);
  if (type.name === 'decimal') return { name: 'double' };
  return kind === 'sum' || kind === 'squares' ? { name: 'bigint' } : type;
}

/** What formulas may name of aggregates, with types: the aggregates, what is composed of them, and a sequence's values (`name__1` newest). */
export function aggregateScope(
  aggregates: readonly AggregateDefinition[], composed: readonly ComposedAggregate[], source: Pick<Source, 'columns' | 'derived'>,
): [string, ColumnType][] {
  return [
    ...aggregates.map((aggregate): [string, ColumnType] => [aggregate.name, finishedType(aggregate, source)]),
    ...composed.filter(({ finish }) => finish !== 'sequence').map(({ name }): [string, ColumnType] => [name, { name: 'double' }]),
  ];
}

/** Powers of ten by which an aggregate's exact partial is larger than its finished value; a sum of squares is finished by what is composed of it. */
export function scaleOf({ kind, of }: Pick<AggregateDefinition, 'kind' | 'of'>, source: Pick<Source, 'columns' | 'derived'>): number {
  if (of === undefined || kind === 'count' || kind === 'distinct' || kind === 'squares') return 0;
  return partialScale(columnTypeOf(source, of));
}

/** Powers of ten by which a partial of this column is larger than its finished value. */
export function partialScale(type: ScalarType | ColumnType): number {
  return type.name === 'decimal' ? type.scale : 0;
}
