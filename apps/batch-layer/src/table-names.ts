import type { Source } from '#tideline/retention';

/** Names of a source's tables: bucket, a dot, the source with underscores. */
export function tableNames(source: Pick<Source, 'name'>): Readonly<Record<'bronze' | 'silver' | 'rejects' | 'features' | 'labels' | 'training' | 'visits', string>> {
  const base = source.name.replaceAll('-', '_');
  return {
    bronze: `bronze.${base}`,
    silver: `silver.${base}`,
    rejects: `silver.${base}_rejects`,
    features: `gold.${base}_features`,
    labels: `gold.${base}_labels`,
    training: `gold.${base}_training`,
    visits: `gold.${base}_visits`,
  };
}
