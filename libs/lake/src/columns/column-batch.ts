/**
 * Logical types of table columns, the same as those of the records that fill them. `decimal(p, s)` holds `value x 10^s` as an
 * integer; `int` fits 32 bits, `bigint` is an integer within +-(2^53 - 1), `timestamp` is milliseconds in UTC.
 */
export type ScalarType =
  | { readonly name: 'int' }
  | { readonly name: 'bigint' }
  | { readonly name: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly name: 'double' }
  | { readonly name: 'boolean' }
  | { readonly name: 'timestamp' }
  | { readonly name: 'date' }
  | { readonly name: 'string' };
export type ColumnType = ScalarType | { readonly name: 'list'; readonly of: ScalarType };

/**
 * One column of a batch. Physical form by type:
 * int, date (days), decimal with p <= 9: `Int32Array`; bigint, double, timestamp (ms, UTC), decimal with p >= 10: `Float64Array`;
 * boolean: `Uint8Array` of 0 and 1; string: UTF-8 bytes with `offsets` (rows + 1 byte positions);
 * list of T: the elements as T's array with `offsets` (rows + 1 element positions); lists of strings do not exist.
 * `nulls[i]` is 1 where row i has no value (its slot holds 0 or an empty range); absent means that no row is null.
 */
export interface Column {
  readonly type: ColumnType;
  readonly values: Int32Array | Float64Array | Uint8Array;
  readonly offsets?: Int32Array;
  readonly nulls?: Uint8Array;
}

/** Rows as columns, in schema order. Nobody changes a batch after handing it over. */
export interface ColumnBatch {
  readonly rowCount: number;
  readonly names: readonly string[];
  readonly columns: readonly Column[];
}

/** How a scalar rests in typed arrays and in Parquet. */
export type PhysicalType = 'int32' | 'int64' | 'double' | 'boolean' | 'bytes';

/** The physical type of a scalar, or of a list's elements. */
export function physicalTypeOf(type: ColumnType): PhysicalType {
  const scalar = scalarTypeOf(type);
  switch (scalar.name) {
    case 'int':
    case 'date':
      return 'int32';
    case 'decimal':
      return scalar.precision <= 9 ? 'int32' : 'int64';
    case 'bigint':
    case 'timestamp':
      return 'int64';
    case 'double':
      return 'double';
    case 'boolean':
      return 'boolean';
    case 'string':
      return 'bytes';
  }
}

/** The type itself, or a list's element type. */
export function scalarTypeOf(type: ColumnType): ScalarType {
  return type.name === 'list' ? type.of : type;
}

/** `decimal(9,2)`, `list<int>`: as in source definitions, for messages and metadata. */
export function formatType(type: ColumnType): string {
  if (type.name === 'list') return `list<${formatType(type.of)}>`;
  return type.name === 'decimal' ? `decimal(${type.precision},${type.scale})` : type.name;
}

/** Reads what `formatType` writes; undefined for anything else. */
export function parseType(text: string): ColumnType | undefined {
  const list = /^list<(.+)>$/.exec(text);
  if (list !== null) {
    const of = parseType(list[1]!);
    return of === undefined || of.name === 'list' || of.name === 'string' ? undefined : { name: 'list', of };
  }
  const decimal = /^decimal\((\d+),(\d+)\)$/.exec(text);
  if (decimal !== null) {
    const precision = Number(decimal[1]);
    const scale = Number(decimal[2]);
    return precision >= 1 && precision <= 18 && scale <= precision ? { name: 'decimal', precision, scale } : undefined;
  }
  switch (text) {
    case 'int':
    case 'bigint':
    case 'double':
    case 'boolean':
    case 'timestamp':
    case 'date':
    case 'string':
      return { name: text };
    default:
      return undefined;
  }
}

/** Whether two types are the same type. */
export function sameType(a: ColumnType, b: ColumnType): boolean {
  return formatType(a) === formatType(b);
}

/** An array of the physical type's kind; `bytes` and booleans are bytes. */
export function allocateValues(physical: PhysicalType, length: number): Int32Array | Float64Array | Uint8Array {
  if (physical === 'int32') return new Int32Array(length);
  if (physical === 'int64' || physical === 'double') return new Float64Array(length);
  return new Uint8Array(length);
}
