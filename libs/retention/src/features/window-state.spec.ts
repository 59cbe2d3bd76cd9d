// Goal: tiled rolling state is the definition, only faster. Method: random records (out of order within the lateness), random
// evictions and snapshots; every aggregate of every entity at every border still reachable against the naive twin.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AggregateDefinition, AggregateKind } from '../sources/source.ts';
import { planTracks } from './aggregate-tracks.ts';
import { type NaiveRecord, naiveValueAsOf } from './naive-windows.ts';
import { ByteReader, ByteWriter } from './state-bytes.ts';
import { type TrackInputs, ValueTables } from './track-inputs.ts';
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
]).reverse();

const plan = planTracks({
  columns: [
    { name: 'money', type: { name: 'decimal', precision: 9, scale: 2 } },
    { name: 'time', type: { name: 'timestamp' } },
    { name: 'word', type: { name: 'string' } },
  ].map((column) => ({ ...column, field: column.name, nullable: true, range: undefined, allowed: undefined, zeroFraction: false, outcome: false, description: '' })) as never,
  derived: [],
  tileMs: TILE,
  features: { aggregates: definitions, population: { where: 'odd', windowMs: 3 * TILE } } as never,
});

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));

class Subject {
  values = new ValueTables(plan.tracks);
  state = new WindowState(plan, this.values);

  add(record: NaiveRecord): void {
    const { entity, timeMs } = record;
    const inputs: TrackInputs = { width: plan.tracks.length, passes: new Uint8Array(plan.tracks.length), values: new Float64Array(plan.tracks.length) };
    plan.tracks.forEach((track, k) => {
      const value = track.of === undefined ? 0 : record.columns[track.of];
      if (value === null || (track.where !== undefined && !record.holds.has(track.where))) return;
      inputs.passes[k] = 1;
      if (!track.interned) inputs.values[k] = Number(value);
      else inputs.values[k] = this.values.of(track).internBytes(bytes(String(value)), 0, bytes(String(value)).length);
    });
    this.state.add(this.state.entities.insert(bytes(entity), 0, bytes(entity).length), timeMs, inputs, 0);
    this.values.sweep();
  }

  reload(): void {
    const from = new ByteReader(this.bytes(), 1);
    this.values = new ValueTables(plan.tracks);
    this.state = new WindowState(plan, this.values);
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
    const out = new Float64Array(plan.aggregates.length);
    const texts: (string | null)[] = [];
    this.state.valueAsOf(slot < 0 ? 1000 : slot, asOfMs, out, texts);
    return { slot, values: definitions.map((definition, k) => definition.of === 'word' && definition.kind === 'last' ? texts[k] : Number.isNaN(out[k]) ? null : out[k]) };
  }
}

const recordSteps = fc.array(fc.record({
  entity: fc.constantFrom('a', 'b', 'ü', 'd'),
  ahead: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: -LATENESS, max: 400 }) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 15_000 }) }),
  money: fc.option(fc.integer({ min: -3, max: 3 }), { freq: 5 }),
  word: fc.option(fc.constantFrom('x', 'y', 'z', ''), { freq: 5 }),
  then: fc.constantFrom('go', 'go', 'go', 'evict', 'reload'),
}), { minLength: 1, maxLength: 60 });

function expected(records: readonly NaiveRecord[], entity: string, asOfMs: number): (number | string | null)[] {
  return definitions.map((definition) => {
    const value = naiveValueAsOf(records, entity, definition, asOfMs);
    return typeof value === 'number' && definition.of === 'money' && definition.kind !== 'distinct' ? value / 100 : value;
  });
}

describe('WindowState', () => {
  it('oracle: equals the naive twin at every reachable border, through evictions and snapshots', () => {
    fc.assert(fc.property(recordSteps, (steps) => {
      const subject = new Subject();
      const records: NaiveRecord[] = [];
      let newest = 20_000;
      for (const { entity, ahead, money, word, then } of steps) {
        const timeMs = newest + ahead;
        newest = Math.max(newest, timeMs);
        const record = { entity, timeMs, columns: { money, word, time: timeMs }, holds: new Set(timeMs % 2 === 1 ? ['odd'] : []) };
        records.push(record);
        subject.add(record);
        if (then === 'evict') subject.state.evict(newest - LATENESS, () => {});
        if (then === 'reload') subject.reload();
      }
      const last = Math.floor(newest / TILE) + 1;
      const first = Math.max(subject.state.oldestAsOfMs / TILE, last - 30);
      for (let border = Math.max(first, 0); border <= last + 3; border++) {
        for (const entity of ['a', 'b', 'ü', 'd', 'never']) {
          const { slot, values } = subject.valuesAsOf(entity, border * TILE);
          expect(values).toEqual(expected(records, entity, border * TILE));
          const population = { kind: 'count' as const, of: undefined, where: 'odd', windowMs: 3 * TILE, windowRecords: undefined };
          expect(subject.state.isInPopulation(slot < 0 ? 1000 : slot, border * TILE)).toBe(naiveValueAsOf(records, entity, population, border * TILE) !== 0);
        }
      }
    }), { numRuns: 150 });
  });

  it('differential: the same records give the same bytes, however often the state was reloaded on the way', () => {
    fc.assert(fc.property(recordSteps, (steps) => {
      const [straight, winding] = [new Subject(), new Subject()];
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
