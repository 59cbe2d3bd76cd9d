import type { ColumnType, ScalarType } from '../records/columns.ts';
import { columnTypeOf } from '../sources/record-scope.ts';
import type { AggregateDefinition, FeatureDefinitions, Source } from '../sources/source.ts';

/** The type of an aggregate's finished value, as feature formulas see it. */
export function finishedType(aggregate: AggregateDefinition, source: Pick<Source, 'columns' | 'derived'>): ColumnType {
  if (aggregate.kind === 'count' || aggregate.kind === 'distinct' || aggregate.of === undefined) return { name: 'bigint' };
  const known = [...source.columns, ...source.derived].some((column) => column.name === aggregate.of);
  if (!known) return { name: 'double' };
  const type = columnTypeOf(source, aggregate.of);
  if (aggregate.kind !== 'sum') return type.name === 'decimal' ? { name: 'double' } : type;
  return type.name === 'decimal' ? { name: 'double' } : { name: 'bigint' };
}

/** Everything that formulas read, in the order in which `FeatureFormulas.finish` takes it: aggregates, then attributes (as `last` without a window). */
export function finishedValues({ aggregates, attributes }: Pick<FeatureDefinitions, 'aggregates' | 'attributes'>): readonly AggregateDefinition[] {
  if (attributes === undefined || attributes.length === 0) return aggregates;
  return [...aggregates, ...attributes.map(({ name, of, where }): AggregateDefinition => ({ name, kind: 'last', of, where, windowMs: undefined, windowRecords: undefined, limit: undefined }))];
}

/** Powers of ten by which a partial of this column is larger than its finished value. */
export function partialScale(type: ScalarType | ColumnType): number {
  return type.name === 'decimal' ? type.scale : 0;
}
