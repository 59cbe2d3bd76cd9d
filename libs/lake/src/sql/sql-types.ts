import type { ColumnType } from '../columns/column-batch.ts';

/** The type's name in DuckDB's SQL; timestamps are TIMESTAMP, in UTC. */
export function sqlTypeOf(type: ColumnType): string {
  switch (type.name) {
    case 'int':
      return 'INTEGER';
    case 'bigint':
      return 'BIGINT';
    case 'decimal':
      return `DECIMAL(${type.precision}, ${type.scale})`;
    case 'double':
      return 'DOUBLE';
    case 'boolean':
      return 'BOOLEAN';
    case 'timestamp':
      return 'TIMESTAMP';
    case 'date':
      return 'DATE';
    case 'string':
      return 'VARCHAR';
    case 'list':
      return `${sqlTypeOf(type.of)}[]`;
  }
}
