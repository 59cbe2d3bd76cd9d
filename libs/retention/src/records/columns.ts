/**
 * Logical types of the schema language. `decimal(p, s)` holds `value x 10^s` as an integer, so that sums are the same in any
 * order; `int` fits 32 bits, `bigint` is an integer within +-(2^53 - 1).
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
 * boolean: `Uint8Array` of 0 and 1; string: UTF-8 bytes in a `Uint8Array` with `offsets` (rows + 1 byte positions);
 * list of T: the elements as T's array with `offsets` (rows + 1 element positions). Only strings have bytes behind offsets inside a
 * row; lists of strings do not exist. `nulls[i]` is 1 where row i has no value (its slot holds 0 or an empty range);
 * absent means that no row is null.
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
