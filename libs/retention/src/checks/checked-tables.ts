import type { ColumnType } from '../records/columns.ts';
import { recordScope } from '../sources/record-scope.ts';
import type { Source } from '../sources/source.ts';
import { tableOf } from '../sources/source-tables.ts';
import { silverTables, tableNames } from '../sources/table-names.ts';

/** What suites may know of a table before it exists. */
export interface CheckedTable {
  readonly name: string;
  /** Columns by name with their types. */
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** Columns that name a row, in order. */
  readonly identity: readonly string[];
}

const string = { name: 'string' } as const;
const int = { name: 'int' } as const;
const bigint = { name: 'bigint' } as const;
const timestamp = { name: 'timestamp' } as const;
const double = { name: 'double' } as const;

const PROVENANCE: Readonly<Record<string, ColumnType>> = {
  _file: string, _loop: int, _byte_offset: bigint, _topic: string, _partition: int, _offset: bigint, _arrived_at: timestamp,
};
const RECORD_IDENTITY = ['_file', '_loop', '_byte_offset', '_topic', '_partition', '_offset'];

/** What of a source decides its tables' columns; features and task only those of gold. */
export type TableOwner = Pick<Source, 'name' | 'columns' | 'derived' | 'time' | 'features' | 'models' | 'tables'>;

/** The tables of a source that suites may be about, by name. */
export function checkedTables(source: TableOwner): ReadonlyMap<string, CheckedTable> {
  const names = tableNames(source);
  const landed = { ...PROVENANCE, _late: { name: 'boolean' } as const };
  const keys: Record<string, ColumnType> = source.time === undefined ? { entity: string, _partition: int, _offset: bigint } : { entity: string, as_of: timestamp };
  const features = Object.fromEntries(source.features.features.map(({ name }) => [name, double]));
  const label = { label: source.models.task === 'classification' ? int : double };
  const table = (name: string, columns: Readonly<Record<string, ColumnType>>, identity: readonly string[]): CheckedTable => ({ name, columns, identity });
  const gold = Object.keys(keys);
  const tables = [
    table(names.bronze, { ...recordScope({ columns: source.columns, derived: [] }), ...landed }, RECORD_IDENTITY),
    ...silverTables(source).map(({ table: own, name }) => table(name, { ...recordScope(own === undefined ? source : tableOf(source, own)), ...landed }, RECORD_IDENTITY)),
    ...(source.time === undefined ? [] : [table(names.features, { ...keys, ...features }, gold), table(names.labels, { ...keys, ...label }, gold)]),
    table(names.training, { ...keys, ...features, ...label }, gold),
  ];
  return new Map(tables.map((known) => [known.name, known]));
}
