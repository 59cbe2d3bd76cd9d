import { tableNamesOf } from './source-tables.ts';
import type { Source } from './source.ts';

/** A source's tables in the lake, by what they are: bucket, a dot, the source's name with underscores. */
export interface TableNames {
  /** What arrived. */
  readonly bronze: string;
  /** What is valid, with derived columns; of a source of several tables a view that shows all of them (`silverTables`). */
  readonly silver: string;
  /** Lines that never became records, and why. */
  readonly rejects: string;
  /** A delivery while it is checked; nobody else reads it. */
  readonly staging: string;
  /** What every run of the checks found. */
  readonly checks: string;
  readonly features: string;
  readonly labels: string;
  readonly training: string;
  readonly visits: string;
}

/** Names of the tables that the batch layer keeps for a source; those in gold exist once they were built. */
export function tableNames(source: Pick<Source, 'name'>): TableNames {
  const base = source.name.replaceAll('-', '_');
  return {
    bronze: `bronze.${base}`,
    silver: `silver.${base}`,
    rejects: `silver.${base}_rejects`,
    staging: `silver.${base}_staging`,
    checks: `gold.${base}_checks`,
    features: `gold.${base}_features`,
    labels: `gold.${base}_labels`,
    training: `gold.${base}_training`,
    visits: `gold.${base}_visits`,
  };
}

/** The tables in silver that hold a source's records, in the order of its tables; `table` is undefined for a source of one. */
export function silverTables(source: Pick<Source, 'name' | 'tables'>): readonly { readonly table: string | undefined; readonly name: string }[] {
  const { silver } = tableNames(source);
  return tableNamesOf(source).map((table) => ({ table, name: table === undefined ? silver : `${silver}_${table}` }));
}
