import { DuckDBTypeId, type DuckDBDecimalType, type DuckDBListType, type DuckDBType } from '@duckdb/node-api';
import type { ColumnType, ScalarType } from '../columns/column-batch.ts';

/** The column type that a result column is read as, or undefined for types that batches don't have (structs, intervals, …). */
export function columnTypeOf(type: DuckDBType): ColumnType | undefined {
  if (type.typeId !== DuckDBTypeId.LIST) return scalarTypeOf(type);
  const of = scalarTypeOf((type as DuckDBListType).valueType);
  return of === undefined || of.name === 'string' ? undefined : { name: 'list', of };
}

function scalarTypeOf(type: DuckDBType): ScalarType | undefined {
  switch (type.typeId) {
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.SQLNULL:
      return { name: 'int' };
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
      return { name: 'bigint' };
    case DuckDBTypeId.DECIMAL: {
      // Wider ones (sums are DECIMAL(38, s)) are read as 18 digits and refused beyond 2^53.
      const { width, scale } = type as DuckDBDecimalType;
      return scale > 18 ? undefined : { name: 'decimal', precision: Math.min(width, 18), scale };
    }
    case DuckDBTypeId.FLOAT:
    case DuckDBTypeId.DOUBLE:
      return { name: 'double' };
    case DuckDBTypeId.BOOLEAN:
      return { name: 'boolean' };
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_TZ:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return { name: 'timestamp' };
    case DuckDBTypeId.DATE:
      return { name: 'date' };
    case DuckDBTypeId.VARCHAR:
    case DuckDBTypeId.ENUM:
    case DuckDBTypeId.UUID:
      return { name: 'string' };
    default:
      return undefined;
  }
}
