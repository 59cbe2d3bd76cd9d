import type { AttributeDefinition, Source, SourceTable } from '../sources/source.ts';
import { onlyIn, tableOf } from '../sources/source-tables.ts';

/** Attributes that read the same newest row: one table, one condition. */
export interface VersionGroup {
  readonly table: SourceTable;
  readonly where: string;
  readonly attributes: readonly AttributeDefinition[];
}

/** The newest rows that a source's attributes and population ask for, in the order of first mention; the population's, if any, first. */
export function versionGroups(source: Source): readonly VersionGroup[] {
  const { attributes = [], population } = source.features;
  const wanted = [...(population?.from === undefined ? [] : [{ from: population.from, where: onlyIn(population.from) }]), ...attributes];
  const keys = [...new Set(wanted.map(({ where }) => where))];
  return keys.map((where) => ({
    where, table: tableOf(source, wanted.find((one) => one.where === where)!.from), attributes: attributes.filter((attribute) => attribute.where === where),
  }));
}
