import assert from 'node:assert/strict';
import type { ColumnType } from '../records/columns.ts';
import { expectExpression, type Expression } from '../expressions/parse-expression.ts';
import { quoteName, renderSql, timestampSql, type Dialect } from '../expressions/render-sql.ts';
import { columnTypeOf, recordScope } from '../sources/record-scope.ts';
import type { AggregateDefinition, Source } from '../sources/source.ts';

/** Writes the parts that every query of a source shares. */
export class SourceSql {
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

  /** A moment as ms since 1970. */
  milliseconds(moment: string): string {
    return this.dialect === 'duckdb' ? `epoch_ms(${moment})` : `unix_millis(${moment})`;
  }

  /** A value as its exact partial: decimals as scaled integers, moments as ms, dates as days, booleans as 0 and 1. */
  exact(value: string, type: ColumnType): string {
    switch (type.name) {
      case 'decimal': return type.scale === 0 ? `CAST(${value} AS BIGINT)` : `CAST(${value} * CAST(${10 ** type.scale} AS DECIMAL(${type.scale + 1}, 0)) AS BIGINT)`;
      case 'timestamp': return this.milliseconds(value);
      case 'date': return this.dialect === 'duckdb' ? `(${value} - CAST('1970-01-01' AS DATE))` : `unix_date(${value})`;
      case 'boolean': return `CAST(${value} AS BIGINT)`;
      case 'int': return `CAST(${value} AS BIGINT)`;
      default: return value;
    }
  }

  /** One aggregate over the rows where `rows` holds. Rows whose column is null take no part, except in a `count` of records. */
  aggregate(definition: AggregateDefinition, rows: readonly string[]): string {
    const { kind, of, where } = definition;
    const filter = this.condition(where, ...rows);
    if (of === undefined) return `count(*) FILTER (WHERE ${filter})`;
    const type = columnTypeOf(this.source, of);
    const column = this.name(of);
    const known = `FILTER (WHERE ${filter} AND ${column} IS NOT NULL)`;
    switch (kind) {
      case 'count': return `count(*) ${known}`;
      case 'distinct': return `count(DISTINCT ${column}) FILTER (WHERE ${filter})`;
      case 'sum': return `CAST(coalesce(sum(${this.exact(column, type)}) FILTER (WHERE ${filter}), 0) AS BIGINT)`;
      case 'squares': return `CAST(coalesce(sum(${this.exact(column, type)} * ${this.exact(column, type)}) FILTER (WHERE ${filter}), 0) AS BIGINT)`;
      case 'first': return this.exact(`min_by(${column}, (${this.order})) ${known}`, type);
      case 'last': return this.exact(`max_by(${column}, (${this.order})) ${known}`, type);
      case 'lag': return this.exact(this.#newest(column, known, definition), type);
      default: return this.exact(`${kind}(${column}) FILTER (WHERE ${filter})`, type);
    }
  }

  /** A `lag`: null when there are fewer values. Those of one window ask for the same list, which engines then make once. */
  #newest(column: string, filter: string, definition: AggregateDefinition): string {
    const { back = 1 } = definition;
    const depth = Math.max(...this.source.features.aggregates.filter((other) => keyOfLag(other) === keyOfLag(definition)).map((other) => other.back ?? 1));
    if (this.dialect === 'duckdb') return `(max_by(${column}, (${this.order}), ${depth}) ${filter})[${back}]`;
    const newest = `sort_array(collect_list(named_struct(${this.orderParts.map((part, i) => `'o${i}', ${part}`).join(', ')}, 'v', ${column})) ${filter}, false)`;
    return `get(${newest}, ${back - 1}).v`;
  }

  /** What orders records: event time, then place in the log. */
  get order(): string {
    return this.orderParts.join(', ');
  }

  get orderParts(): readonly string[] {
    return [...(this.source.time === undefined ? [] : [this.time]), this.name('_partition'), this.name('_offset')];
  }

  between(startMs: number, endMs: number): string {
    return `${this.time} >= ${timestampSql(startMs)} AND ${this.time} < ${timestampSql(endMs)}`;
  }
}

/** Lags of the same values, however far back. */
function keyOfLag({ kind, of, where, windowMs, offsetMs, tumbling }: AggregateDefinition): string {
  return JSON.stringify([kind, of, where ?? null, windowMs, offsetMs ?? 0, tumbling === true]);
}
