// Goal: tiled rolling state is the definition, only faster. Method: random definitions, random records (out of order within the lateness, some
// twice), random evictions and snapshots; every aggregate of every entity at every border still reachable against the naive twin, and against
// the plain algebra over tiles merged.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AggregateDefinition, AggregateKind } from '../sources/source.ts';
import { aggregateOf } from './aggregate.ts';
import { planTracks, type TrackPlan } from './aggregate-tracks.ts';
import { type NaiveRecord, naiveValueAsOf } from './naive-windows.ts';
import { ByteReader, ByteWriter } from './state-bytes.ts';
import { type TrackInputs, ValueTables } from './track-inputs.ts';
import { windowRange } from './window-range.ts';
import { WindowState } from './window-state.ts';

const TILE = 1000;
const LATENESS = 2500;

function aggregate(kind: AggregateKind, of: string | undefined, where: string | undefined, tiles: number): AggregateDefinition {
  return { name: `${kind}_${of}_${where}_${tiles}`, kind, of, where, windowMs: tiles * TILE, windowRecords: undefined, limit: undefined };
}

const definitions = [2, 5, 9].flatMap((tiles) => [
  aggregate('count', undefined, undefined, tiles),
  aggregate('count', undefined, 'odd', tiles),
  aggregate('sum', 'money', undefined, tiles),
  aggregate('sum', 'money', 'odd', tiles),
  aggregate('min', 'time', 'odd', tiles),
  aggregate('max', 'money', undefined, tiles),
  aggregate('last', 'money', 'odd', tiles),
  aggregate('last', 'word', undefined, tiles),
  aggregate('distinct', 'word', undefined, tiles),
  aggregate('distinct', 'money', 'odd', tiles),
  aggregate('first', 'word', 'odd', tiles),
  { ...aggregate('lag', 'word', undefined, tiles), back: 2 },
  { ...aggregate('sum', 'money', 'odd', tiles), name: `session_${tiles}`, sessionMs: 600 },
]).reverse();

const COLUMNS = [
  { name: 'money', type: { name: 'decimal', precision: 9, scale: 2 } },
  { name: 'time', type: { name: 'timestamp' } },
  { name: 'word', type: { name: 'string' } },
].map((column) => ({ ...column, field: column.name, nullable: true, range: undefined, allowed: undefined, zeroFraction: false, outcome: false, description: '' }));

function planOf(aggregates: readonly AggregateDefinition[]): TrackPlan {
  return planTracks({ columns: COLUMNS as never, derived: [], tileMs: TILE, features: { aggregates, population: { where: 'odd', windowMs: 3 * TILE } } as never });
}

const plan = planOf(definitions);

/** Every kind with every way to place a window; sums, minima and maxima also of sessions. */
const anyDefinition = fc.record({
  kind: fc.constantFrom<AggregateKind>('count', 'sum', 'squares', 'min', 'max', 'first', 'last', 'distinct', 'lag', 'duration', 'sessions'),
  of: fc.constantFrom('money', 'word', 'time'), where: fc.constantFrom(undefined, 'odd'), tiles: fc.integer({ min: 1, max: 9 }),
  offset: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: 1, max: 6 }) }), tumbling: fc.nat(3).map((n) => n === 0),
  gap: fc.constantFrom(undefined, 1, 300, 1000, 2500), back: fc.integer({ min: 1, max: 4 }),
}).map(({ kind, of, where, tiles, offset, tumbling, gap, back }): AggregateDefinition => {
  const ofSessions = kind === 'sessions' || kind === 'duration' || (gap !== undefined && (kind === 'count' || kind === 'sum' || kind === 'min' || kind === 'max'));
  const numbers = kind === 'sum' || kind === 'squares' || kind === 'min' || kind === 'max';
  const column = kind === 'duration' || kind === 'sessions' || (kind === 'count' && of === 'time') ? undefined : numbers ? 'money' : of;
  return {
    name: '', kind, of: column, where, windowMs: tiles * TILE, windowRecords: undefined, limit: undefined,
    ...(tumbling ? { tumbling } : {}), ...(offset === 0 ? {} : { offsetMs: offset * TILE }), ...(ofSessions ? { sessionMs: gap ?? 700 } : {}), ...(kind === 'lag' ? { back } : {}),
  };
});
const anyDefinitions = fc.array(anyDefinition, { minLength: 1, maxLength: 8 }).map((items) => items.map((item, k) => ({ ...item, name: `a${k}` })));

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));

class Subject {
  readonly definitions: readonly AggregateDefinition[];
  readonly plan: TrackPlan;
  values: ValueTables;
  state: WindowState;

  constructor(own: readonly AggregateDefinition[] = definitions) {
    this.definitions = own;
    this.plan = planOf(own);
    this.values = new ValueTables(this.plan.tracks);
    this.state = new WindowState(this.plan, this.values);
  }

  add(record: NaiveRecord): void {
    const { entity, timeMs } = record;
    const { tracks } = this.plan;
    const inputs: TrackInputs = { width: tracks.length, passes: new Uint8Array(tracks.length), values: new Float64Array(tracks.length) };
    tracks.forEach((track, k) => {
      const value = track.of === undefined ? 0 : record.columns[track.of];
      if (value === null || (track.where !== undefined && !record.holds.has(track.where))) return;
      inputs.passes[k] = 1;
      if (track.interned) inputs.values[k] = this.values.of(track).internBytes(bytes(String(value)), 0, bytes(String(value)).length);
      else inputs.values[k] = track.kind === 'squares' ? Number(value) ** 2 : Number(value);
    });
    this.state.add(this.state.entities.insert(bytes(entity), 0, bytes(entity).length), timeMs, inputs, 0);
    this.values.sweep();
  }

  reload(): void {
    const from = new ByteReader(this.bytes(), 1);
    this.values = new ValueTables(this.plan.tracks);
    this.state = new WindowState(this.plan, this.values);
    this.state.readFrom(from);
    this.values.readFrom(from);
  }

  bytes(): Uint8Array {
    const out = new ByteWriter();
    this.state.settle();
    const numberings = this.values.numberings();
    this.state.write(out, numberings);
    for (const numbering of numberings) numbering.write(out);
    return out.finish(1);
  }

  valuesAsOf(entity: string, asOfMs: number): { slot: number; values: (number | string | null)[] } {
    const slot = this.state.entities.find(bytes(entity), 0, bytes(entity).length);
    const out = new Float64Array(this.plan.aggregates.length);
    const texts: (string | null)[] = [];
    this.state.valueAsOf(slot < 0 ? 1000 : slot, asOfMs, out, texts);
    return { slot, values: this.definitions.map(({ kind, of }, k) => of === 'word' && kind !== 'distinct' && kind !== 'count' ? texts[k] : Number.isNaN(out[k]) ? null : out[k]) };
  }
}

const recordSteps = fc.array(fc.record({
  entity: fc.constantFrom('a', 'b', 'ü', 'd'),
  // Mostly tenths of a tile, so that times meet and gaps are hit exactly.
  ahead: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: -LATENESS / 100, max: 4 }).map((n) => n * 100) }, { weight: 1, arbitrary: fc.integer({ min: -LATENESS, max: 400 }) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 15_000 }) }),
  money: fc.option(fc.integer({ min: -3, max: 3 }), { freq: 5 }),
  word: fc.option(fc.constantFrom('x', 'y', 'z', ''), { freq: 5 }),
  twice: fc.nat(9).map((n) => n === 0),
  then: fc.constantFrom('go', 'go', 'go', 'evict', 'reload'),
}), { minLength: 1, maxLength: 60 });
type Step = typeof recordSteps extends fc.Arbitrary<(infer S)[]> ? S : never;

const unitOf = ({ kind, of }: AggregateDefinition): number => of === 'money' && kind !== 'distinct' && kind !== 'count' && kind !== 'squares' ? 100 : 1;

function expected(own: readonly AggregateDefinition[], records: readonly NaiveRecord[], entity: string, asOfMs: number): (number | string | null)[] {
  return own.map((definition) => naiveValueAsOf(records, entity, { ...definition, unit: unitOf(definition) }, asOfMs));
}

/** The plain algebra, a partial a tile, the window's tiles merged in any order. */
function merged(own: readonly AggregateDefinition[], records: readonly NaiveRecord[], entity: string, asOfMs: number): (number | string | null)[] {
  return own.map((definition) => {
    const { of, where } = definition;
    const aggregate = aggregateOf(definition);
    const { startMs, endMs } = windowRange(definition, asOfMs);
    const tiles = new Map<number, unknown>();
    records.forEach((record, sequence) => {
      const value = of === undefined ? 0 : record.columns[of];
      if (record.entity !== entity || (where !== undefined && !record.holds.has(where)) || (value === null && definition.sessionMs === undefined)) return;
      const tile = Math.floor(record.timeMs / TILE);
      if (tile * TILE >= startMs && tile * TILE < endMs) tiles.set(tile, aggregate.add(tiles.get(tile) ?? aggregate.empty(), { timeMs: record.timeMs, sequence, value }));
    });
    const value = aggregate.finish([...tiles.values()].reduce((a, b) => aggregate.merge(a, b), aggregate.empty()));
    return typeof value === 'number' ? value / unitOf(definition) : value;
  });
}

/** Adds what the steps say, evicting and reloading on the way. */
function follow(subject: Subject, steps: readonly Step[]): { records: NaiveRecord[]; newest: number } {
  const records: NaiveRecord[] = [];
  let newest = 20_000;
  for (const { entity, ahead, money, word, twice, then } of steps) {
    const timeMs = newest + ahead;
    newest = Math.max(newest, timeMs);
    const record = { entity, timeMs, columns: { money, word, time: timeMs }, holds: new Set(Math.floor(timeMs / 100) % 2 === 1 ? ['odd'] : []) };
    for (const repeated of twice ? [record, record] : [record]) {
      records.push(repeated);
      subject.add(repeated);
    }
    if (then === 'evict') subject.state.evict(newest - LATENESS, () => {});
    if (then === 'reload') subject.reload();
  }
  return { records, newest };
}

describe('WindowState', () => {
  it.each([['the usual definitions', fc.constant(definitions)], ['random definitions', anyDefinitions]])('oracle: %s equal the naive twin at every reachable border, through evictions and snapshots', (_, drawn) => {
    fc.assert(fc.property(drawn, recordSteps, (own, steps) => {
      const subject = new Subject(own);
      const { records, newest } = follow(subject, steps);
      const last = Math.floor(newest / TILE) + 1;
      const first = Math.max(subject.state.oldestAsOfMs / TILE, last - 30);
      for (let border = Math.max(first, 0); border <= last + 3; border++) {
        for (const entity of ['a', 'b', 'ü', 'd', 'never']) {
          const { slot, values } = subject.valuesAsOf(entity, border * TILE);
          expect(values).toEqual(expected(own, records, entity, border * TILE));
          const population = { kind: 'count' as const, of: undefined, where: 'odd', windowMs: 3 * TILE, windowRecords: undefined };
          expect(subject.state.isInPopulation(slot < 0 ? 1000 : slot, border * TILE)).toBe(naiveValueAsOf(records, entity, population, border * TILE) !== 0);
        }
      }
      expect(subject.valuesAsOf('a', last * TILE).values).toEqual(merged(own, records, 'a', last * TILE));
    }), { numRuns: 150 });
  });

  it('differential: the same records give the same bytes, however often the state was reloaded on the way', () => {
    fc.assert(fc.property(fc.oneof(fc.constant(definitions), anyDefinitions), recordSteps, (own, steps) => {
      const [straight, winding] = [new Subject(own), new Subject(own)];
      let newest = 20_000;
      for (const { entity, ahead, money, word, then } of steps) {
        const timeMs = newest + ahead;
        newest = Math.max(newest, timeMs);
        for (const subject of [straight, winding]) {
          subject.add({ entity, timeMs, columns: { money, word, time: timeMs }, holds: new Set(timeMs % 2 === 1 ? ['odd'] : []) });
          if (then === 'evict') subject.state.evict(newest - LATENESS, () => {});
        }
        if (then === 'reload') winding.reload();
      }
      expect(Buffer.from(winding.bytes()).equals(straight.bytes())).toBe(true);
    }), { numRuns: 150 });
  });

  it('remembers exactly the entities with a kept tile, says which it drops, and reuses their memory', () => {
    const subject = new Subject();
    const dropped: string[] = [];
    let most = 0;
    for (let i = 0; i < 20_000; i++) {
      const timeMs = i * 100;
      subject.add({ entity: `entity-${i >> 1}`, timeMs, columns: { money: i, word: `word ${i}`, time: timeMs }, holds: new Set(['odd']) });
      if (i % 50 === 0) subject.state.evict(timeMs - LATENESS, (slot) => dropped.push(subject.state.entities.textOf(slot)));
      most = Math.max(most, subject.state.entityCount);
      if (i === 5000) expect(subject.state.byteSize).toBeLessThan(400_000);
    }
    expect(most).toBeLessThan(120);
    expect(subject.state.byteSize).toBeLessThan(400_000);
    expect(dropped.length + subject.state.entityCount).toBe(10_000);
    expect(dropped).toEqual(dropped.map((_, i) => `entity-${i}`));
  });

  it('refuses borders that are not tile borders, borders already given up, and records before them', () => {
    const subject = new Subject();
    const record = (timeMs: number): NaiveRecord => ({ entity: 'a', timeMs, columns: { money: 1, word: 'x', time: timeMs }, holds: new Set() });
    subject.add(record(100_500));
    subject.state.evict(100_000, () => {});
    expect(() => subject.valuesAsOf('a', 100_500)).toThrow('expected an as-of time on a tile border of 1000 ms, found 100500');
    expect(() => subject.valuesAsOf('a', 98_000)).toThrow('expected an as-of time from 99000 on, found 98000');
    expect(() => { subject.add(record(89_000)); }).toThrow('expected a record in tile 90 or later, found 89');
  });
});

describe('a declared limit of distinct values', () => {
  it('is an error that names aggregate, entity and limit', () => {
    const limited = { ...plan, aggregates: plan.aggregates.map((item) => item.name === 'distinct_word_undefined_2' ? { ...item, limit: 1 } : item) };
    const values = new ValueTables(plan.tracks);
    const state = new WindowState(limited, values);
    const track = plan.tracks.findIndex((item) => item.kind === 'distinct' && item.of === 'word');
    for (const word of ['x', 'y']) {
      const inputs = { width: plan.tracks.length, passes: new Uint8Array(plan.tracks.length), values: new Float64Array(plan.tracks.length) };
      inputs.passes[track] = 1;
      inputs.values[track] = values.of(plan.tracks[track]).internBytes(bytes(word), 0, 1);
      state.add(state.entities.insert(bytes('user 7'), 0, 6), 500, inputs, 0);
    }
    expect(() => { state.valueAsOf(0, 1000, new Float64Array(99), []); })
      .toThrow('expected at most 1 different values in one window of distinct_word_undefined_2, found more for entity user 7');
  });
});
