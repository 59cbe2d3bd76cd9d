import { valueAt } from '#tideline/lake';
import type { Column, ColumnBatch, ScalarType } from '#tideline/retention';

/** A row as JSON has it: decimals as numbers (they have at most 15 digits), moments as ISO text. */
export function plainRow(batch: ColumnBatch, row: number, keep: (name: string) => boolean = () => true): Record<string, unknown> {
  return Object.fromEntries(batch.names.flatMap((name, k) => (keep(name) ? [[name, plainValue(batch.columns[k]!, row)]] : [])));
}

function plainValue(column: Column, row: number): unknown {
  const value = valueAt(column, row);
  const type = column.type.name === 'list' ? column.type.of : column.type;
  return Array.isArray(value) ? value.map((item) => readable(type, item)) : readable(type, value);
}

function readable(type: ScalarType, value: number | boolean | string | null): unknown {
  if (typeof value !== 'number') return value;
  switch (type.name) {
    case 'decimal': return Number((value / 10 ** type.scale).toFixed(type.scale));
    case 'timestamp': return new Date(value).toISOString();
    case 'date': return new Date(value * 86_400_000).toISOString().slice(0, 10);
    default: return value;
  }
}
