import type { CheckSuite } from '../checks/check.ts';
import type { ColumnType, ScalarType } from '../records/columns.ts';

/**
 * A source as its four YAML files describe it, checked and normalised: plain data, safe to hash, print and send to a worker.
 * Expressions stay SQL text here; `expressions/` compiles them.
 */
export interface Source {
  /** Lower case with hyphens, as in topics: `online-retail`. */
  readonly name: string;
  readonly title: string;
  /** Hex digest of everything that decides states, features and rewards; a snapshot of another version refuses to load. */
  readonly version: string;
  /** Of its file; of a source of several tables that of its first one, the others' are in `tables`. */
  readonly format: DelimitedFormat;
  /**
   * The tables of a source that has several: their records share one topic. `columns` then holds those of all tables, each record only its own table's
   * (the others are null), after `_table`, the entity and the time, which all records have; `derived` and `rejects` hold those of all tables, each for
   * its own records alone.
   */
  readonly tables?: readonly SourceTable[];
  /** Columns that the record format carries, in topic order. */
  readonly columns: readonly SourceColumn[];
  /** Columns computed from a record's own columns, in order; later ones may use earlier ones. Silver has them. */
  readonly derived: readonly DerivedColumn[];
  /** Records that match are rejected with this reason, checked in order after the columns' own rules. */
  readonly rejects: readonly { readonly when: string; readonly reason: string }[];
  /** Column (or derived column) that names the entity; its text is the record's key. */
  readonly entity: string;
  /** Timestamp column, or undefined for a source without time (order is then the offset alone). */
  readonly time: string | undefined;
  /** Width of a tile: every as-of time is a multiple of it (UTC). Undefined without time. */
  readonly tileMs: number | undefined;
  /** A record older than the partition's running maximum of event time by more than this is late. */
  readonly latenessMs: number;
  readonly features: FeatureDefinitions;
  readonly models: ModelDefinitions;
  readonly deployment: Deployment;
  /** Suites of checks on the source's tables; none without checks.yaml. */
  readonly checks: readonly CheckSuite[];
}

/** One table of a source that has several; the entity's column and the event time's have the same names in all of them. */
export interface SourceTable {
  readonly name: string;
  /** Events happen at their time; rows of a snapshot table hold from their `validFrom` on, until a newer row of the entity does. */
  readonly kind: 'events' | 'snapshot';
  readonly format: DelimitedFormat;
  /** Its own columns as they stand in its file; required ones are required here, though they are nullable in the topic's record. */
  readonly columns: readonly SourceColumn[];
  readonly derived: readonly DerivedColumn[];
  readonly rejects: readonly { readonly when: string; readonly reason: string }[];
  /** Timestamp column of a snapshot table; undefined when its rows hold always, the last one that came first. */
  readonly validFrom: string | undefined;
  /** Of an event table, measured against that table's own newest record: a replay of one file does not make another's rows late. */
  readonly latenessMs: number;
}

export interface SourceColumn {
  readonly name: string;
  /** Header name in the file when it differs from the column's name. */
  readonly field: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Inclusive bounds in the column's own unit; outside is a rejection. */
  readonly range: readonly [number, number] | undefined;
  readonly allowed: readonly string[] | undefined;
  /** The integer may be written with a fraction of zeros (`17850.0`). */
  readonly zeroFraction: boolean;
  /** Known only after the decision that the record logs (clicks, payments, leaving): no feature formula may read it. */
  readonly outcome: boolean;
  readonly description: string;
}

export interface DerivedColumn {
  readonly name: string;
  readonly type: ScalarType;
  readonly formula: string;
}

export interface DelimitedFormat {
  readonly kind: 'delimited';
  /** One byte. */
  readonly separator: string;
  readonly quote: string | undefined;
  readonly header: boolean;
  readonly listSeparator: string | undefined;
  /** Column names by file position, per named layout; the first is what a file is expected to have unless told otherwise. */
  readonly layouts: readonly { readonly name: string; readonly fields: readonly string[] }[];
  readonly layout: string;
  /** Boolean expression that holds for most rows of a file only under its true layout. */
  readonly layoutCheck: string | undefined;
  /** Lists have exactly `length` entries, padded on the right; a row's real length is `by` without its trailing `pad` tokens. */
  readonly lists: { readonly length: number; readonly by: string; readonly pad: string } | undefined;
  /** `yyyy-MM-dd HH:mm:ss` or `d/M/yyyy`, `unix-seconds`, `unix-millis` or `iso`. */
  readonly timeFormat: string;
  readonly maxLineBytes: number;
}

/**
 * What state and SQL keep by themselves. Kinds that files may write beside these (mean, stddev, time_since, sequence) are put together of
 * them: `ComposedAggregate`. `squares` is a sum of squares, `lag` the value n records back, `duration` and `sessions` are of sessions.
 */
export type AggregateKind = 'count' | 'sum' | 'squares' | 'min' | 'max' | 'first' | 'last' | 'distinct' | 'lag' | 'duration' | 'sessions';

export interface AggregateDefinition {
  readonly name: string;
  readonly kind: AggregateKind;
  /**
   * Column aggregated (schema or derived); undefined for `duration`, `sessions` and for a `count` of records, not of values. `sum` takes int,
   * bigint, decimal and boolean; `distinct`, `first`, `last` and `lag` any scalar.
   */
  readonly of: string | undefined;
  /** Boolean SQL expression over the record, or undefined for every record. */
  readonly where: string | undefined;
  /** Exactly one of the two: `[asOf - windowMs, asOf)`, or the entity's last n records before the one at hand. */
  readonly windowMs: number | undefined;
  readonly windowRecords: number | undefined;
  /** The window ends this long before as-of, or this many records before the one at hand. */
  readonly offsetMs?: number;
  readonly offsetRecords?: number;
  /** The window is the last whole one before as-of of those that lie side by side from `TUMBLING_ORIGIN_MS` on. */
  readonly tumbling?: true;
  /** Only the last session of the window counts: a record that comes more than this after the one before it opens a session. */
  readonly sessionMs?: number;
  /** For `lag`: 1 is the newest value. */
  readonly back?: number;
  /** For `distinct`: more values than this in one window is an error, not an estimate. */
  readonly limit: number | undefined;
}

/** Tumbling windows are counted from Monday 1970-01-05, so that those of 7 days are weeks as ISO 8601 has them. */
export const TUMBLING_ORIGIN_MS = 4 * 86_400_000;

/**
 * An aggregate that is a number made of others' values when a row is finished: `mean` of (sum, count), `stddev` of (count, sum, squares), the
 * time from a moment to as-of, or a duration, in units of `unitMs`. A `sequence` has no value of its own: its parts are its values, newest first.
 */
export interface ComposedAggregate {
  readonly name: string;
  readonly finish: 'mean' | 'stddev' | 'time_since' | 'duration' | 'sequence';
  /** Names of aggregates. */
  readonly parts: readonly string[];
  readonly unitMs?: number;
}

/** The newest row of a table as of a time, however old: one of its columns. */
export interface AttributeDefinition {
  readonly name: string;
  readonly of: string;
  /** Name of a table; of a snapshot table the row counts that is valid at the as-of time, of events the last one before it. */
  readonly from: string;
  /** Boolean expression that says which rows count (the table's own alone, in any case). */
  readonly where: string;
}

export interface FeatureDefinition {
  readonly name: string;
  /** SQL scalar expression over aggregates (finished values), earlier features, `as_of`, and, without time, the record's columns. */
  readonly formula: string;
}

export interface FeatureDefinitions {
  /** Named boolean expressions; `where` may name one. Already substituted in `aggregates`. */
  readonly conditions: Readonly<Record<string, string>>;
  readonly aggregates: readonly AggregateDefinition[];
  /** Made of `aggregates`; formulas name both alike. */
  readonly composed: readonly ComposedAggregate[];
  /** Values that formulas may read like aggregates; only sources of several tables have any. */
  readonly attributes?: readonly AttributeDefinition[];
  /** All double; a null stays null (NaN in typed arrays). */
  readonly features: readonly FeatureDefinition[];
  /**
   * Entities that exist at an as-of time: those with a record that matches `where` within the window; with `from`, those of which this snapshot table
   * has a row that is valid then (the window is 0).
   */
  readonly population: { readonly where: string | undefined; readonly windowMs: number; readonly from?: string } | undefined;
  /** Feature names, in order, that make the RL state vector. */
  readonly state: readonly string[];
  /** Scalar expression over a record: its reward. */
  readonly reward: string;
  /** Scalar expression over a record: the action taken, as text or number. */
  readonly action: string;
  /** Boolean expression over a record that ends an episode, or undefined. */
  readonly terminal: string | undefined;
  /** Expression over a record for `page` in visit-value tables, and the segment they are kept by; undefined for other sources. */
  readonly visit: { readonly step: string; readonly by: string; readonly last: string } | undefined;
}

export type LabelDefinition =
  /** 1 when the entity has no record that matches `where` in `[asOf, asOf + horizonMs)`; needs a source with time. */
  | { readonly kind: 'absence'; readonly where: string | undefined; readonly horizonMs: number }
  /** An outcome column of the same record, decided after its features; for sources without time. */
  | { readonly kind: 'outcome'; readonly of: string };

export interface ModelDefinitions {
  readonly target: string;
  readonly task: 'classification' | 'regression';
  readonly label: LabelDefinition;
  /** Feature names that models may use, in order. */
  readonly features: readonly string[];
  /** As-of times `anchor + k * everyMs` that have `historyMs` of data before and the whole horizon after them; the newest `most` of them (100). */
  readonly asOf: { readonly everyMs: number; readonly anchorMs: number; readonly historyMs: number; readonly most?: number } | undefined;
  /** Sources without time: the last share of the rows tests, with a gap of rows before it. */
  readonly holdout: { readonly testShare: number; readonly gapRows: number } | undefined;
  /** Sources with time that test on the last share of their as-of times instead of the last one, and what else is reported. */
  readonly split?: SplitDefinition;
  readonly models: readonly ModelDefinition[];
}

export interface SplitDefinition {
  readonly testShare: number;
  /** Report, beside the judgement, what models trained right up to the test's first as-of time seem to reach. */
  readonly withoutGap: boolean;
  /** Report the test rows apart whose feature is at most this. */
  readonly among: { readonly feature: string; readonly atMost: number; readonly title: string } | undefined;
}

export interface ModelDefinition {
  readonly name: string;
  /** A method that the learning library knows. */
  readonly kind: string;
  /** For kinds that look at one feature alone. */
  readonly feature: string | undefined;
  readonly parameters: Readonly<Record<string, number | string | readonly number[]>>;
  /** In order. */
  readonly prepare: readonly PrepareStepDefinition[];
  /** How a classifier's decision values become probabilities, where it is to be calibrated. */
  readonly calibrate?: 'platt' | 'isotonic';
}

/** A value of an option of a preparation step. */
export type StepValue = number | string | boolean | readonly number[];

/** One step of a preparation with its options by name; it works on `columns`, or on all but `except`. */
export interface PrepareStepDefinition {
  readonly step: string;
  readonly except?: readonly string[];
  readonly columns?: readonly string[];
  readonly [option: string]: StepValue | readonly string[] | undefined;
}

/** How a source whose files are whole deliveries is loaded: only through its checks, and only within a window of days. */
export interface ValidatedLoad {
  /** Days that a delivery describes completely, in ms; rows of these days that it does not have become inactive. */
  readonly windowMs: number;
  /** Date or timestamp column that places a row in the window. */
  readonly by: string;
  /** Columns that name a row: unique in a delivery. */
  readonly key: readonly string[];
}

export interface Deployment {
  readonly partitions: number;
  /** Undefined for a source whose records go through its topic. */
  readonly load?: ValidatedLoad | undefined;
  /** Event time between rescorings of the whole population, or undefined when only events score. */
  readonly rescoreEveryMs: number | undefined;
  readonly gate: {
    readonly metric: string;
    readonly atLeast: number;
    /** The candidate may be worse than the champion by this share at most. */
    readonly maxDrop: number;
    /** The candidate must beat the one-feature baseline, lower end of the paired interval above zero. */
    readonly beatsBaseline: boolean;
  };
}
