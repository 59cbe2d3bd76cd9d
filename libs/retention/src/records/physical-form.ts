import type { ColumnType, ScalarType } from './columns.ts';

/** Whether values of the type are kept in 32 bits. */
export function isNarrow(type: ScalarType): boolean {
  return type.name === 'int' || type.name === 'date' || (type.name === 'decimal' && type.precision <= 9);
}

/** An array of the physical form that `columns.ts` fixes for a scalar type; a string's are bytes. */
export function allocateValues(type: ScalarType, length: number): Int32Array | Float64Array | Uint8Array {
  if (type.name === 'boolean' || type.name === 'string') return new Uint8Array(length);
  return isNarrow(type) ? new Int32Array(length) : new Float64Array(length);
}

/** The type of a column's values: its own, or that of its elements. */
export function elementType(type: ColumnType): ScalarType {
  return type.name === 'list' ? type.of : type;
}
