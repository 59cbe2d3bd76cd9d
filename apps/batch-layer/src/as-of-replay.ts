import type { Sql } from '#tideline/lake';
import { FeatureReplay, labelMatchesSql, recordsByTimeSql, tableNames, type Column, type ColumnBatch, type Source } from '#tideline/retention';

/** The population as of one time. */
export interface ReplayedRows {
  readonly asOfMs: number;
  readonly entities: Column;
  readonly features: readonly Column[];
  /** 1 and 0; undefined where the label is not known yet. */
  readonly label: Column | undefined;
  readonly rowCount: number;
}

/**
 * Frames as of many times, ascending, in one pass over a source's bound silver in order of event time; labels from one pass over the records
 * that they look for. What one statement an as-of time gives too, without asking of each record as often as windows overlap.
 */
export async function* replayAsOf(source: Source, sql: Sql, asOfs: readonly number[], labelled: ReadonlySet<number>, signal?: AbortSignal): AsyncIterable<ReplayedRows> {
  const matches = labelled.size === 0 ? undefined : await Matches.read(source, sql, signal);
  const replay = new FeatureReplay(source);
  const { silver } = tableNames(source);
  let next = 0;
  const frame = (asOfMs: number): ReplayedRows => {
    const { entities, features } = replay.frameAsOf(asOfMs);
    return {
      asOfMs, entities: textColumn(entities), features: features.map((values) => nullable(values)), rowCount: entities.length,
      label: labelled.has(asOfMs) && matches !== undefined ? matches.labels(entities, asOfMs) : undefined,
    };
  };
  for await (const batch of sql.batches(recordsByTimeSql(source, silver, asOfs.at(-1)!), signal === undefined ? {} : { signal })) {
    if (batch.rowCount === 0) continue;
    const times = batch.columns[batch.names.indexOf(source.time!)]!.values;
    // What begins at or after a border is not seen as of it, so a batch may reach beyond; but it must not leave records out before it.
    for (; next < asOfs.length && times[0]! > asOfs[next]!; next++) yield frame(asOfs[next]!);
    replay.add(batch);
  }
  for (; next < asOfs.length; next++) yield frame(asOfs[next]!);
}

/** Times of the records whose absence is the label, by entity. */
class Matches {
  readonly #source: Source;
  readonly #times: ReadonlyMap<string, readonly number[]>;

  private constructor(source: Source, times: ReadonlyMap<string, readonly number[]>) {
    this.#source = source;
    this.#times = times;
  }

  static async read(source: Source, sql: Sql, signal?: AbortSignal): Promise<Matches> {
    const times = new Map<string, number[]>();
    for await (const batch of sql.batches(labelMatchesSql(source, tableNames(source).silver), signal === undefined ? {} : { signal })) {
      const texts = textsOf(batch);
      const { values } = batch.columns[1]!;
      texts.forEach((entity, row) => {
        const known = times.get(entity);
        if (known === undefined) times.set(entity, [values[row]!]);
        else known.push(values[row]!);
      });
    }
    return new Matches(source, times);
  }

  labels(entities: readonly Uint8Array[], asOfMs: number): Column {
    const { label } = this.#source.models;
    const endMs = asOfMs + (label.kind === 'absence' ? label.horizonMs : 0);
    const values = Int32Array.from(entities, (key) => {
      const times = this.#times.get(Buffer.from(key).toString()) ?? [];
      const first = times[firstAtOrAfter(times, asOfMs)];
      return first !== undefined && first < endMs ? 0 : 1;
    });
    return { type: { name: 'int' }, values };
  }
}

function firstAtOrAfter(times: readonly number[], ms: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

function textsOf({ columns, rowCount }: ColumnBatch): string[] {
  const { values, offsets } = columns[0]!;
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return Array.from({ length: rowCount }, (_, row) => bytes.toString('utf8', offsets![row], offsets![row + 1]));
}

function textColumn(keys: readonly Uint8Array[]): Column {
  const offsets = new Int32Array(keys.length + 1);
  keys.forEach((key, row) => { offsets[row + 1] = offsets[row]! + key.length; });
  const values = new Uint8Array(offsets[keys.length]!);
  keys.forEach((key, row) => values.set(key, offsets[row]));
  return { type: { name: 'string' }, values, offsets };
}

/** Tables have neither NaN nor infinity. */
function nullable(values: Float64Array): Column {
  const nulls = Uint8Array.from(values, (value) => Number.isFinite(value) ? 0 : 1);
  return { type: { name: 'double' }, values: values.map((value) => Number.isFinite(value) ? value : 0), nulls };
}
