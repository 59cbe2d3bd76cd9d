import assert from 'node:assert/strict';
import type { ColumnType } from '../records/columns.ts';
import { expectExpression, type Expression } from '../expressions/parse-expression.ts';
import { quoteName, renderSql, renderTree, timestampSql, type Dialect } from '../expressions/render-sql.ts';
import { columnTypeOf, recordScope } from '../sources/record-scope.ts';
import { onlyIn, tableOf } from '../sources/source-tables.ts';
import type { AggregateDefinition, Source, SourceTable } from '../sources/source.ts';
import { FeatureFormulas } from './finish-features.ts';
import { FeatureReplay } from './feature-replay.ts';
import { versionGroups } from './version-groups.ts';

/** Writes the parts that every query of a source shares. */
class SourceSql {
  readonly source: Source;
  readonly dialect: Dialect;

  constructor(source: Source, dialect: Dialect) {
    this.source = source;
    this.dialect = dialect;
  }

  name(column: string): string {
    return quoteName(column, this.dialect);
  }

  parse(sql: string): Expression {
    return expectExpression(sql, recordScope(this.source));
  }

  expression(sql: string): string {
    return renderSql(this.parse(sql), this.dialect);
  }

  /** A condition with others that must hold too; undefined for every record. */
  condition(where: string | undefined, ...more: readonly string[]): string {
    const parts = [...more, ...(where === undefined ? [] : [this.expression(where)])];
    return parts.length === 0 ? 'TRUE' : parts.join(' AND ');
  }

  get entity(): string {
    return `CAST(${this.name(this.source.entity)} AS STRING)`;
  }

  get time(): string {
    assert(this.source.time !== undefined, `expected a source with time, found ${this.source.name}`);
    return this.name(this.source.time);
  }

  /** A value as its exact partial: decimals as scaled integers, moments as ms, dates as days, booleans as 0 and 1. */
  exact(value: string, type: ColumnType): string {
    switch (type.name) {
      case 'decimal': return type.scale === 0 ? `CAST(${value} AS BIGINT)` : `CAST(${value} * CAST(${10 ** type.scale} AS DECIMAL(${type.scale + 1}, 0)) AS BIGINT)`;
      case 'timestamp': return this.dialect === 'duckdb' ? `epoch_ms(${value})` : `unix_millis(${value})`;
      case 'date': return this.dialect === 'duckdb' ? `(${value} - CAST('1970-01-01' AS DATE))` : `unix_date(${value})`;
      case 'boolean': return `CAST(${value} AS BIGINT)`;
      case 'int': return `CAST(${value} AS BIGINT)`;
      default: return value;
    }
  }

  /** One aggregate over the rows where `rows` holds. Rows whose column is null take no part, except in `count`. */
  aggregate({ kind, of, where }: AggregateDefinition, rows: readonly string[]): string {
    const filter = this.condition(where, ...rows);
    if (kind === 'count' || of === undefined) return `count(*) FILTER (WHERE ${filter})`;
    const type = columnTypeOf(this.source, of);
    const column = this.name(of);
    if (kind === 'distinct') return `count(DISTINCT ${column}) FILTER (WHERE ${filter})`;
    if (kind === 'sum') return `CAST(coalesce(sum(${this.exact(column, type)}) FILTER (WHERE ${filter}), 0) AS BIGINT)`;
    if (kind === 'last') return this.exact(`max_by(${column}, (${this.order})) FILTER (WHERE ${filter} AND ${column} IS NOT NULL)`, type);
    return this.exact(`${kind}(${column}) FILTER (WHERE ${filter})`, type);
  }

  /** What orders records: event time, then place in the log. */
  get order(): string {
    return `${this.time}, ${this.name('_partition')}, ${this.name('_offset')}`;
  }

  /** A column's value in the newest of a group's rows, null when it is null there: within a list, as nulls alone would be passed over. */
  newest(column: string): string {
    return this.dialect === 'duckdb' ? `list_extract(max_by(list_value(${column}), (${this.order})), 1)` : `element_at(max_by(array(${column}), (${this.order})), 1)`;
  }

  /** A table's rows that count as of a time: events before it, snapshot rows that hold by then. */
  validAt({ kind }: SourceTable, asOfMs: number): string {
    return `${this.time} ${kind === 'events' ? '<' : '<='} ${timestampSql(asOfMs)}`;
  }

  between(startMs: number, endMs: number): string {
    return `${this.time} >= ${timestampSql(startMs)} AND ${this.time} < ${timestampSql(endMs)}`;
  }
}

/**
 * One row for each entity of the population as of `asOfMs`, by entity: `entity` as text and one column for each aggregate with its
 * exact partial (`PartialReader` finishes it). Reads the columns of silver that `silver` names, a table, view or subquery; late
 * rows are left out.
 */
export function partialsSql(source: Source, silver: string, asOfMs: number, dialect: Dialect = 'duckdb'): string {
  const sql = new SourceSql(source, dialect);
  const { population, aggregates } = source.features;
  assert(population !== undefined, `expected a source with a population, found ${source.name}`);
  if (source.tables !== undefined) return joinedPartialsSql(sql, silver, asOfMs);
  const longest = Math.max(population.windowMs, ...aggregates.map((aggregate) => aggregate.windowMs ?? 0));
  // The WHERE already cuts at the longest window, so only shorter ones need a condition of their own.
  const rows = (windowMs: number): string[] => windowMs < longest ? [`${sql.time} >= ${timestampSql(asOfMs - windowMs)}`] : [];
  const columns = aggregates.map((aggregate) => `${sql.aggregate(aggregate, rows(aggregate.windowMs ?? 0))} AS ${sql.name(aggregate.name)}`);
  return `SELECT ${[`${sql.entity} AS ${sql.name('entity')}`, ...columns].join(',\n  ')}
FROM ${silver}
WHERE NOT ${sql.name('_late')} AND ${sql.between(asOfMs - longest, asOfMs)}
GROUP BY ${sql.name(source.entity)}
HAVING count(*) FILTER (WHERE ${sql.condition(population.where, ...rows(population.windowMs))}) > 0
ORDER BY ${sql.name('entity')}`;
}

/**
 * `partialsSql` of a source of several tables: the population, joined with its aggregates over events and with the newest row of each table as
 * of the time that attributes read. Records of one entity lie in one partition, so the stream can join them alike.
 */
function joinedPartialsSql(sql: SourceSql, silver: string, asOfMs: number): string {
  const { source } = sql;
  const { aggregates, attributes = [] } = source.features;
  const [entity, key] = [sql.name('entity'), sql.name(source.entity)];
  const longest = Math.max(...aggregates.map((aggregate) => aggregate.windowMs ?? 0));
  const rows = (windowMs: number): string[] => windowMs < longest ? [`${sql.time} >= ${timestampSql(asOfMs - windowMs)}`] : [];
  const joins = aggregates.length === 0 ? [] : [`SELECT ${[`${sql.entity} AS ${entity}`, ...aggregates.map((aggregate) => `${sql.aggregate(aggregate, rows(aggregate.windowMs ?? 0))} AS ${sql.name(aggregate.name)}`)].join(',\n  ')}
FROM ${silver}
WHERE NOT ${sql.name('_late')} AND ${sql.between(asOfMs - longest, asOfMs)}
GROUP BY ${key}`];
  for (const { where, table, attributes: own } of versionGroups(source)) {
    if (own.length === 0) continue;
    const columns = own.map(({ name, of }) => `${sql.exact(sql.newest(sql.name(of)), columnTypeOf(source, of))} AS ${sql.name(name)}`);
    joins.push(`SELECT ${[`${sql.entity} AS ${entity}`, ...columns].join(',\n  ')}
FROM ${silver}
WHERE NOT ${sql.name('_late')} AND ${sql.validAt(table, asOfMs)} AND ${sql.expression(where)}
GROUP BY ${key}`);
  }
  const names = [...aggregates, ...attributes].map(({ name }) => sql.name(name));
  return `SELECT ${[`p.${entity}`, ...names].join(', ')}
FROM (${populationSql(source, silver, asOfMs, sql.dialect)}) p
${joins.map((join, k) => `LEFT JOIN (${join}) j${k} ON j${k}.${entity} = p.${entity}`).join('\n')}
ORDER BY p.${entity}`;
}

/** The population as of a time: one column `entity`, in order. */
export function populationSql(source: Source, silver: string, asOfMs: number, dialect: Dialect = 'duckdb'): string {
  const sql = new SourceSql(source, dialect);
  const { population } = source.features;
  assert(population !== undefined, `expected a source with a population, found ${source.name}`);
  if (population.from !== undefined) {
    return `SELECT DISTINCT ${sql.entity} AS ${sql.name('entity')}
FROM ${silver}
WHERE NOT ${sql.name('_late')} AND ${sql.validAt(tableOf(source, population.from), asOfMs)} AND ${sql.expression(onlyIn(population.from))}
ORDER BY ${sql.name('entity')}`;
  }
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
  if (source.tables !== undefined) {
    const entity = sql.name('entity');
    return `SELECT p.${entity}, CASE WHEN m.${entity} IS NULL THEN 1 ELSE 0 END AS ${sql.name('label')}
FROM (${populationSql(source, silver, asOfMs, dialect)}) p
LEFT JOIN (SELECT DISTINCT ${sql.entity} AS ${entity} FROM ${silver} WHERE NOT ${sql.name('_late')} AND ${sql.condition(label.where, sql.between(asOfMs, asOfMs + label.horizonMs))}) m ON m.${entity} = p.${entity}
ORDER BY p.${entity}`;
  }
  return `SELECT ${sql.entity} AS ${sql.name('entity')},
  CASE WHEN count(*) FILTER (WHERE ${sql.condition(label.where, `${sql.time} >= ${asOf}`)}) = 0 THEN 1 ELSE 0 END AS ${sql.name('label')}
FROM ${silver}
WHERE NOT ${sql.name('_late')} AND ${sql.between(asOfMs - population.windowMs, asOfMs + label.horizonMs)}
GROUP BY ${sql.name(source.entity)}
HAVING count(*) FILTER (WHERE ${sql.condition(population.where, `${sql.time} < ${asOf}`)}) > 0
ORDER BY ${sql.name('entity')}`;
}

/** Records that features read, late ones left out, up to and with `untilMs`, in the order in which states take them. */
export function recordsByTimeSql(source: Source, silver: string, untilMs: number, dialect: Dialect = 'duckdb'): string {
  const sql = new SourceSql(source, dialect);
  const columns = FeatureReplay.columnsOf(source).map((name) => sql.name(name));
  return `SELECT ${columns.join(', ')}
FROM ${silver}
WHERE NOT ${sql.name('_late')} AND ${sql.time} <= ${timestampSql(untilMs)}
ORDER BY ${sql.order}`;
}

/** `entity` and `time` (ms) of every record that the label by absence looks for, late ones left out, in order of time. */
export function labelMatchesSql(source: Source, silver: string, dialect: Dialect = 'duckdb'): string {
  const sql = new SourceSql(source, dialect);
  const { label } = source.models;
  assert(label.kind === 'absence', `expected a source with labels by absence, found ${source.name}`);
  return `SELECT ${sql.entity} AS ${sql.name('entity')}, ${sql.exact(sql.time, { name: 'timestamp' })} AS ${sql.name('time')}
FROM ${silver}
WHERE NOT ${sql.name('_late')} AND ${sql.condition(label.where)}
ORDER BY ${sql.name('time')}`;
}

/**
 * For a source without time, one row for each record in log order: `_partition`, `_offset`, `entity`, each aggregate's exact partial over
 * the entity's records before it, the slots of `FeatureFormulas.record`, and `label` (null without an outcome label).
 */
export function recordFeaturesSql(source: Source, silver: string, dialect: Dialect = 'duckdb'): string {
  const sql = new SourceSql(source, dialect);
  assert(source.time === undefined, `expected a source without time, found ${source.name}`);
  const { aggregates } = source.features;
  const lengths = [...new Set(aggregates.map((aggregate) => aggregate.windowRecords ?? 1))];
  const [partition, offset] = [sql.name('_partition'), sql.name('_offset')];
  const windows = lengths.map((length) => `w${length} AS (PARTITION BY ${sql.name(source.entity)} ORDER BY ${partition}, ${offset} ROWS BETWEEN ${length} PRECEDING AND 1 PRECEDING)`);
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

/** An aggregate over the entity's earlier records; `where` becomes a CASE, since Spark has no FILTER over windows. */
function windowAggregate(sql: SourceSql, { kind, of, where, windowRecords }: AggregateDefinition): string {
  const over = `OVER w${windowRecords ?? 1}`;
  const among = (value: string): string => where === undefined ? value : `CASE WHEN ${sql.expression(where)} THEN ${value} END`;
  if (kind === 'count' || of === undefined) return `count(${among('1')}) ${over}`;
  const type = columnTypeOf(sql.source, of);
  const column = sql.name(of);
  if (kind === 'distinct') return `count(DISTINCT ${among(column)}) ${over}`;
  const exact = among(sql.exact(column, type));
  if (kind === 'sum') return `CAST(coalesce(sum(${exact}) ${over}, 0) AS BIGINT)`;
  return kind === 'last' ? `last_value(${exact} IGNORE NULLS) ${over}` : `${kind}(${exact}) ${over}`;
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
