import { timestampSql } from '../expressions/render-sql.ts';
import type { AggregateDefinition } from '../sources/source.ts';
import type { SourceSql } from './source-sql.ts';
import { windowRange } from './window-range.ts';

/** What one session aggregate needs of each record: where the record before it stands, and where its window's last session begins. */
interface SessionColumns {
  readonly before: string;
  readonly start: string;
}

/**
 * Sessions as of one time, as columns beside the records: first the time of the matching record before each (`_before_…`), then, per window, when
 * its last session began (`_session_…`). With them a session's aggregates are plain ones with a condition more.
 */
export class SessionSql {
  readonly #sql: SourceSql;
  readonly #asOfMs: number;
  readonly #befores: readonly (string | undefined)[];
  readonly #sessions: readonly AggregateDefinition[];

  constructor(sql: SourceSql, aggregates: readonly AggregateDefinition[], asOfMs: number) {
    this.#sql = sql;
    this.#asOfMs = asOfMs;
    const sessions = aggregates.filter(({ sessionMs }) => sessionMs !== undefined);
    this.#befores = [...new Set(sessions.map(({ where }) => where))];
    this.#sessions = [...new Map(sessions.map((aggregate) => [keyOf(aggregate), aggregate])).values()];
  }

  /** The records of a query's FROM with the columns; as they are when no aggregate is of sessions. */
  from(records: string): string {
    if (this.#sessions.length === 0) return records;
    const sql = this.#sql;
    const entity = sql.name(sql.source.entity);
    const { time } = sql;
    const earlier = `OVER (PARTITION BY ${entity} ORDER BY ${sql.order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;
    const befores = this.#befores.map((where, k) => `max(CASE WHEN ${sql.condition(where)} THEN ${time} END) ${earlier} AS ${sql.name(`_before_${k}`)}`);
    const starts = this.#sessions.map((session, k) =>
      `max(CASE WHEN ${sql.condition(session.where, ...this.#opening(session))} THEN ${time} END) OVER (PARTITION BY ${entity}) AS ${sql.name(`_session_${k}`)}`);
    return `(SELECT *, ${starts.join(',\n    ')}
  FROM (SELECT *, ${befores.join(',\n    ')}
    FROM ${records}) AS befores) AS sessions`;
  }

  /** A session aggregate over the columns. */
  aggregate(definition: AggregateDefinition): string {
    const sql = this.#sql;
    const { start } = this.#columnsOf(definition);
    const { startMs, endMs } = windowRange(definition, this.#asOfMs);
    if (definition.kind === 'sessions') return `count(*) FILTER (WHERE ${sql.condition(definition.where, ...this.#opening(definition))})`;
    const own = [sql.between(startMs, endMs), `${sql.time} >= ${start}`];
    if (definition.kind !== 'duration') return sql.aggregate(definition, own);
    return `${sql.milliseconds(`max(${sql.time}) FILTER (WHERE ${sql.condition(definition.where, ...own)})`)} - ${sql.milliseconds(`max(${start})`)}`;
  }

  /** Conditions under which a matching record opens a session of the window: none of it came before, or too long ago. */
  #opening(definition: AggregateDefinition): string[] {
    const sql = this.#sql;
    const { before } = this.#columnsOf(definition);
    const { startMs, endMs } = windowRange(definition, this.#asOfMs);
    const gap = `${sql.milliseconds(sql.time)} - ${sql.milliseconds(before)} > ${definition.sessionMs}`;
    return [sql.between(startMs, endMs), `(${before} IS NULL OR ${before} < ${timestampSql(startMs)} OR ${gap})`];
  }

  #columnsOf(definition: AggregateDefinition): SessionColumns {
    const before = this.#befores.indexOf(definition.where);
    const start = this.#sessions.findIndex((session) => keyOf(session) === keyOf(definition));
    return { before: this.#sql.name(`_before_${before}`), start: this.#sql.name(`_session_${start}`) };
  }
}

/** Aggregates over the same sessions. */
function keyOf({ where, windowMs, offsetMs, tumbling, sessionMs }: AggregateDefinition): string {
  return JSON.stringify([where ?? null, windowMs, offsetMs ?? 0, tumbling === true, sessionMs]);
}
