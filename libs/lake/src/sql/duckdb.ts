/* Everything that needs DuckDB in memory, in one module that a session loads when it opens: most commands never open one. */
import { BIGINT, BOOLEAN, DOUBLE, SQLNULL, StatementType, VARCHAR, type DuckDBPreparedStatement, type DuckDBType, type DuckDBValue } from '@duckdb/node-api';

export { DuckDBInstance } from '@duckdb/node-api';
export { jsonValue } from './json-value.ts';
export { columnTypeOf } from './result-types.ts';
export { vectorToColumn } from './vector-to-column.ts';

/** Undefined for a statement that reads, the name of its kind for any other. */
export function kindUnlessReading({ statementType }: DuckDBPreparedStatement): string | undefined {
  if (statementType === StatementType.SELECT || statementType === StatementType.EXPLAIN) return undefined;
  return StatementType[statementType] ?? 'another';
}

/** Binds integers as BIGINT, other numbers as DOUBLE. */
export function bindParameters(prepared: DuckDBPreparedStatement, parameters: readonly (number | string | boolean | null)[]): void {
  const values: DuckDBValue[] = parameters.map((value) => (Number.isSafeInteger(value) ? BigInt(value as number) : value));
  prepared.bind(values, values.map(parameterType));
}

function parameterType(value: DuckDBValue): DuckDBType {
  if (value === null) return SQLNULL;
  return typeof value === 'bigint' ? BIGINT : typeof value === 'number' ? DOUBLE : typeof value === 'boolean' ? BOOLEAN : VARCHAR;
}
