import assert from 'node:assert/strict';
import { holdoutSplit, timeSplit, type Dataset } from '#tideline/learning';
import type { Sql } from '#tideline/lake';
import type { Source } from '#tideline/retention';

/** Rows to learn from, as gold has them, in the order (as-of, entity) or, without time, in the log's order. */
export interface TrainingFrame {
  readonly data: Dataset;
  /** As-of time of each row, ms; undefined for a source without time. */
  readonly asOfMs: Float64Array | undefined;
}

/** The parts to learn from and to judge by, with a sentence that says how they were cut. */
export interface JudgedSplit {
  readonly train: Int32Array;
  readonly test: Int32Array;
  readonly description: string;
}

/** More rows than this are left out, the oldest first: the frame and its two parts must fit in memory beside the models. */
const MAX_TRAINING_ROWS = 1_000_000;

/** Reads the labelled rows of `table` (a bound view), the newest `mostRows` of them, into one matrix; features in the order of the source's models. */
export async function readTrainingFrame(sql: Sql, source: Source, table: string, mostRows = MAX_TRAINING_ROWS): Promise<TrainingFrame> {
  const { features } = source.models;
  const order = source.time === undefined ? '_partition, _offset' : 'as_of, entity';
  const [counted] = await sql.rows(`SELECT count(*) AS n FROM ${table} WHERE label IS NOT NULL`);
  const available = Number(counted?.['n'] ?? 0);
  const rowCount = Math.min(available, mostRows);
  const X = new Float32Array(rowCount * features.length);
  const y = new Float64Array(rowCount);
  const asOfMs = source.time === undefined ? undefined : new Float64Array(rowCount);
  const columns = [...features.map((name) => `"${name}"`), 'CAST(label AS DOUBLE) AS label', ...(asOfMs ? ['as_of'] : [])];
  const statement = `SELECT ${columns.join(', ')} FROM ${table} WHERE label IS NOT NULL ORDER BY ${order} LIMIT ${rowCount} OFFSET ${available - rowCount}`;
  let filled = 0;
  for await (const batch of sql.batches(statement)) {
    for (let j = 0; j < features.length; j++) {
      const column = batch.columns[j]!;
      for (let i = 0; i < batch.rowCount; i++) {
        X[(filled + i) * features.length + j] = column.nulls?.[i] === 1 ? NaN : column.values[i]!;
      }
    }
    y.set(batch.columns[features.length]!.values.subarray(0, batch.rowCount), filled);
    asOfMs?.set(batch.columns[features.length + 1]!.values.subarray(0, batch.rowCount), filled);
    filled += batch.rowCount;
  }
  return { data: { rowCount, columnCount: features.length, X, y, featureNames: features }, asOfMs };
}

/** In the largest unit that leaves no fraction: `90 d`, `36 h`, `20 min`. */
function describeDuration(ms: number): string {
  const [unit, size] = ([['d', 86_400_000], ['h', 3_600_000], ['min', 60_000]] as const).find(([, unitMs]) => ms % unitMs === 0) ?? ['s', 1_000];
  return `${ms / size} ${unit}`;
}

/** Splits by time with a gap of the label's horizon, or by rows with a gap, as the source's models say. */
export function splitFrame(frame: TrainingFrame, source: Source): JudgedSplit {
  const { label, holdout, split: shares } = source.models;
  if (frame.asOfMs !== undefined && label.kind === 'absence' && shares !== undefined) return splitByShare(frame.asOfMs, shares.testShare, label.horizonMs);
  if (frame.asOfMs !== undefined && label.kind === 'absence') {
    const split = timeSplit(frame.asOfMs, { gapMs: label.horizonMs });
    const date = (rows: Int32Array): string =>
      rows.length === 0 ? 'none' : new Date(frame.asOfMs![rows[rows.length - 1]!]!).toISOString();
    return {
      ...split,
      description: `by time: train as of ${date(split.train)} and before, test as of ${date(split.test)}, gap of the label's horizon ${describeDuration(label.horizonMs)}`,
    };
  }
  const { testShare, gapRows } = holdout ?? { testShare: 0.2, gapRows: 0 };
  return {
    ...holdoutSplit(frame.data.rowCount, { testShare, gapRows }),
    description: `by order in the log: the last ${testShare * 100} % of the rows test, ${gapRows} rows before them unused`,
  };
}

/** As `splitFrame`, but with training rows right up to the first as-of time that tests: their labels look into the time that is tested. */
export function withoutGap(frame: TrainingFrame, source: Source): JudgedSplit {
  assert(frame.asOfMs !== undefined && source.models.split !== undefined, 'expected a frame that is split by a share of its as-of times');
  return splitByShare(frame.asOfMs, source.models.split.testShare, 0);
}

/** The last share of the as-of times tests; what trains lies `gapMs` before the first of them. */
function splitByShare(asOfMs: Float64Array, testShare: number, gapMs: number): JudgedSplit {
  const times = [...new Set(asOfMs)].sort((a, b) => a - b);
  const firstTest = times[Math.min(times.length - 1, Math.floor(times.length * (1 - testShare)))]!;
  const rows = (holds: (ms: number) => boolean): Int32Array => Int32Array.from(asOfMs.keys().filter((row) => holds(asOfMs[row]!)));
  const split = { train: rows((ms) => ms < firstTest && ms <= firstTest - gapMs), test: rows((ms) => ms >= firstTest) };
  const date = (ms: number | undefined): string => ms === undefined ? 'none' : new Date(ms).toISOString().slice(0, 10);
  const gap = gapMs === 0 ? 'no gap, so that labels of training rows look into the test\'s time' : `gap of the label's horizon ${describeDuration(gapMs)}`;
  const lastTrain = split.train.length === 0 ? undefined : asOfMs[split.train.at(-1)!];
  return { ...split, description: `by time: train as of ${date(lastTrain)} and before, test as of ${date(firstTest)} and after (${testShare * 100} % of the as-of times), ${gap}` };
}
