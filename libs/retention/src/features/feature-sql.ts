import assert from 'node:assert/strict';
import { expectExpression, type Expression } from '../expressions/parse-expression.ts';
import { renderTree, timestampSql, type Dialect } from '../expressions/render-sql.ts';
import { columnTypeOf, recordScope } from '../sources/record-scope.ts';
import type { AggregateDefinition, Source } from '../sources/source.ts';
import { FeatureFormulas } from './finish-features.ts';
import { SessionSql } from './session-sql.ts';
import { SourceSql } from './source-sql.ts';
import { reachMs, windowRange } from './window-range.ts';

/**
 * One row for each entity of the population as of `asOfMs`, by entity: `entity` as text and one column for each aggregate with its
 * exact partial (`PartialReader` finishes it). Reads the columns of silver that `silver` names, a table, view or subquery; late
 * rows are left out.
 */
export function partialsSql(source: Source, silver: string, asOfMs: number, dialect: Dialect = 'duckdb'): string {
  const sql = new SourceSql(source, dialect);
  const { population, aggregates } = source.features;
  assert(population !== undefined, `expected a source with a population, found ${source.name}`);
  const { tileMs } = source;
  assert(tileMs !== undefined, `expected a source with time, found ${source.name}`);
  const longest = Math.max(population.windowMs, ...aggregates.map((aggregate) => reachMs(aggregate, tileMs)));
  // The WHERE already cuts at as-of and at the longest window, so only what lies within these needs a condition of its own.
  const rows = (aggregate: Pick<AggregateDefinition, 'windowMs' | 'offsetMs' | 'tumbling'>): string[] => {
    const { startMs, endMs } = windowRange(aggregate, asOfMs);
    return [...(startMs > asOfMs - longest ? [`${sql.time} >= ${timestampSql(startMs)}`] : []), ...(endMs < asOfMs ? [`${sql.time} < ${timestampSql(endMs)}`] : [])];
  };
  const sessions = new SessionSql(sql, aggregates, asOfMs);
  const valueOf = (aggregate: AggregateDefinition): string => aggregate.sessionMs === undefined ? sql.aggregate(aggregate, rows(aggregate)) : sessions.aggregate(aggregate);
  const columns = aggregates.map((aggregate) => `${valueOf(aggregate)} AS ${sql.name(aggregate.name)}`);
  const kept = `WHERE NOT ${sql.name('_late')} AND ${sql.between(asOfMs - longest, asOfMs)}`;
  const ofSessions = aggregates.some(({ sessionMs }) => sessionMs !== undefined);
  return `SELECT ${[`${sql.entity} AS ${sql.name('entity')}`, ...columns].join(',\n  ')}
FROM ${ofSessions ? sessions.from(`${silver}\n    ${kept}`) : `${silver}\n${kept}`}
GROUP BY ${sql.name(source.entity)}
HAVING count(*) FILTER (WHERE ${sql.condition(population.where, ...rows(population))}) > 0
ORDER BY ${sql.name('entity')}`;
}

/** The population as of a time: one column `entity`, in order. */
export function populationSql(source: Source, silver: string, asOfMs: number, dialect: Dialect = 'duckdb'): string {
  const sql = new SourceSql(source, dialect);
  const { population } = source.features;
  assert(population !== undefined, `expected a source with a population, found ${source.name}`);
  return `SELECT DISTINCT ${sql.entity} AS ${sql.name('entity')}
FROM ${silver}
WHERE NOT ${sql.name('_late')} AND ${sql.condition(population.where, sql.between(asOfMs - population.windowMs, asOfMs))}
ORDER BY ${sql.name('entity')}`;
}

/**
 * `entity` and `label` (1 when no record of the entity matches in `[asOf, asOf + horizon)`) for the population as of `asOfMs`, by
 * entity. The caller sees to it that the data reach the end of the horizon.
 */
export function labelsSql(source: Source, silver: string, asOfMs: number, dialect: Dialect = 'duckdb'): string {
  const sql = new SourceSql(source, dialect);
  const { population } = source.features;
  const { label } = source.models;
  assert(population !== undefined && label.kind === 'absence', `expected a source with labels by absence, found ${source.name}`);
  const asOf = timestampSql(asOfMs);
  return `SELECT ${sql.entity} AS ${sql.name('entity')},
  CASE WHEN count(*) FILTER (WHERE ${sql.condition(label.where, `${sql.time} >= ${asOf}`)}) = 0 THEN 1 ELSE 0 END AS ${sql.name('label')}
FROM ${silver}
WHERE NOT ${sql.name('_late')} AND ${sql.between(asOfMs - population.windowMs, asOfMs + label.horizonMs)}
GROUP BY ${sql.name(source.entity)}
HAVING count(*) FILTER (WHERE ${sql.condition(population.where, `${sql.time} < ${asOf}`)}) > 0
ORDER BY ${sql.name('entity')}`;
}

/**
 * For a source without time, one row for each record in log order: `_partition`, `_offset`, `entity`, each aggregate's exact partial over
 * the entity's records before it, the slots of `FeatureFormulas.record`, and `label` (null without an outcome label).
 */
export function recordFeaturesSql(source: Source, silver: string, dialect: Dialect = 'duckdb'): string {
  const sql = new SourceSql(source, dialect);
  assert(source.time === undefined, `expected a source without time, found ${source.name}`);
  const { aggregates } = source.features;
  const [partition, offset] = [sql.name('_partition'), sql.name('_offset')];
  const windowsOf = (aggregate: AggregateDefinition): string[] => [windowBefore(sql, aggregate), ...(aggregate.kind === 'lag' ? [windowBehind(sql, aggregate)] : [])];
  const windows = [...new Set(aggregates.flatMap(windowsOf))];
  const { record } = new FeatureFormulas(source);
  // What comes of a record alone is computed below the windows, so that these carry no lists.
  const slots = record.map(({ name, tree }) => `,\n  ${renderTree(tree, dialect, (column) => sql.name(column))} AS ${sql.name(name)}`);
  const columns = [
    partition, offset, `${sql.entity} AS ${sql.name('entity')}`,
    ...aggregates.map((aggregate) => `${windowAggregate(sql, aggregate)} AS ${sql.name(aggregate.name)}`),
    ...record.map(({ name }) => sql.name(name)),
    `${outcomeSql(sql)} AS ${sql.name('label')}`,
  ];
  return `SELECT ${columns.join(',\n  ')}
FROM (SELECT *${slots.join('')}
  FROM ${silver}
  WHERE NOT ${sql.name('_late')}) AS records
${windows.length === 0 ? '' : `WINDOW ${windows.join(', ')}\n`}ORDER BY ${partition}, ${offset}`;
}

/** The named window of an aggregate's records, oldest first. */
function windowBefore(sql: SourceSql, aggregate: AggregateDefinition): string {
  const { windowRecords: length = 1, offsetRecords: offset = 0 } = aggregate;
  return `${windowName(aggregate)} AS (PARTITION BY ${sql.name(sql.source.entity)} ORDER BY ${sql.order} ROWS BETWEEN ${length + offset} PRECEDING AND ${1 + offset} PRECEDING)`;
}

/** The same records, newest first: the n-th value from the end is the n-th of these. */
function windowBehind(sql: SourceSql, aggregate: AggregateDefinition): string {
  const { windowRecords: length = 1, offsetRecords: offset = 0 } = aggregate;
  const order = sql.orderParts.map((part) => `${part} DESC`).join(', ');
  return `${windowName(aggregate)}r AS (PARTITION BY ${sql.name(sql.source.entity)} ORDER BY ${order} ROWS BETWEEN ${1 + offset} FOLLOWING AND ${length + offset} FOLLOWING)`;
}

function windowName({ windowRecords = 1, offsetRecords }: AggregateDefinition): string {
  return `w${windowRecords}${offsetRecords === undefined ? '' : `_${offsetRecords}`}`;
}

/** An aggregate over the entity's earlier records; `where` becomes a CASE, since Spark has no FILTER over windows. */
function windowAggregate(sql: SourceSql, aggregate: AggregateDefinition): string {
  const { kind, of, where, back = 1 } = aggregate;
  const over = `OVER ${windowName(aggregate)}`;
  const among = (value: string): string => where === undefined ? value : `CASE WHEN ${sql.expression(where)} THEN ${value} END`;
  if (of === undefined) return `count(${among('1')}) ${over}`;
  const type = columnTypeOf(sql.source, of);
  const column = sql.name(of);
  const exact = among(sql.exact(column, type));
  // Engines differ in where the clause stands.
  const known = (call: string, args: string): string => sql.dialect === 'duckdb' ? `${call}(${args} IGNORE NULLS)` : `${call}(${args}) IGNORE NULLS`;
  switch (kind) {
    case 'count': return `count(${among(column)}) ${over}`;
    case 'distinct': return `count(DISTINCT ${among(column)}) ${over}`;
    case 'sum': return `CAST(coalesce(sum(${exact}) ${over}, 0) AS BIGINT)`;
    case 'squares': return `CAST(coalesce(sum(${among(`${sql.exact(column, type)} * ${sql.exact(column, type)}`)}) ${over}, 0) AS BIGINT)`;
    case 'first': case 'last': return `${known(`${kind}_value`, exact)} ${over}`;
    case 'lag': return `${known('nth_value', `${exact}, ${back}`)} ${over}r`;
    default: return `${kind}(${exact}) ${over}`;
  }
}

function outcomeSql(sql: SourceSql): string {
  const { label } = sql.source.models;
  return label.kind === 'outcome' ? `CAST(${sql.name(label.of)} AS DOUBLE)` : 'CAST(NULL AS DOUBLE)';
}

/** Decimal places that sums of the source's reward carry: those of its decimal column, 0 for integers, 6 for anything else. */
export function rewardScale(source: Source): number {
  const { tree } = expectExpression(source.features.reward, recordScope(source));
  if (tree.type !== 'double') return 0;
  return tree.op === 'column' && tree.column.name === 'decimal' ? tree.column.scale : 6;
}

/**
 * Visits of a source with `visit`, counted: `by` as text, `step`, `pages` (records there), `leaves` (those that end the visit) and
 * `reward` (exact sum, an integer scaled by 10^`rewardScale`), by both.
 */
export function visitCountsSql(source: Source, silver: string, dialect: Dialect = 'duckdb'): string {
  const sql = new SourceSql(source, dialect);
  const { visit, reward } = source.features;
  assert(visit !== undefined, `expected a source with visits, found ${source.name}`);
  return `SELECT CAST(${sql.expression(visit.by)} AS STRING) AS ${sql.name('by')},
  CAST(${sql.expression(visit.step)} AS BIGINT) AS ${sql.name('step')},
  count(*) AS ${sql.name('pages')},
  count(*) FILTER (WHERE ${sql.expression(visit.last)}) AS ${sql.name('leaves')},
  CAST(coalesce(sum(${scaledReward(sql, sql.parse(reward))}), 0) AS BIGINT) AS ${sql.name('reward')}
FROM ${silver}
WHERE NOT ${sql.name('_late')}
GROUP BY 1, 2
ORDER BY 1, 2`;
}

/** A record's reward as an integer; a reward that is no decimal column is rounded to millionths, half away from zero. */
function scaledReward(sql: SourceSql, { tree }: Expression): string {
  const column = (name: string): string => sql.name(name);
  if (tree.op === 'column' && tree.column.name === 'decimal') return sql.exact(column(tree.name), tree.column);
  const value = renderTree(tree, sql.dialect, column);
  if (tree.type !== 'double') return `CAST(${value} AS BIGINT)`;
  return `CAST(sign(${value}) * floor(abs(${value}) * CAST('1000000' AS DOUBLE) + CAST('0.5' AS DOUBLE)) AS BIGINT)`;
}
