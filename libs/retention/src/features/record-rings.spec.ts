// Goal: windows over the last n records are the definition. Method: random definitions, records and snapshots against the naive twin.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AggregateDefinition, AggregateKind } from '../sources/source.ts';
import { planTracks, type TrackPlan } from './aggregate-tracks.ts';
import { type NaiveRecord, naiveValueOfLast } from './naive-windows.ts';
import { RecordRings } from './record-rings.ts';
import { ByteReader, ByteWriter } from './state-bytes.ts';
import { ValueTables } from './track-inputs.ts';

const aggregate = (kind: AggregateKind, of: string | undefined, where: string | undefined, records: number): AggregateDefinition =>
  ({ name: `${kind}_${of}_${records}`, kind, of, where, windowMs: undefined, windowRecords: records, limit: undefined });
const definitions = [1, 3, 20].flatMap((n) => [
  aggregate('count', undefined, undefined, n), aggregate('count', undefined, 'odd', n), aggregate('sum', 'money', 'odd', n), aggregate('min', 'money', undefined, n),
  aggregate('max', 'money', 'odd', n), aggregate('last', 'word', 'odd', n), aggregate('last', 'money', undefined, n), aggregate('distinct', 'word', undefined, n),
]);
const planOf = (aggregates: readonly AggregateDefinition[]): TrackPlan => planTracks({
  columns: [{ name: 'money', type: { name: 'int' } }, { name: 'word', type: { name: 'string' } }] as never,
  derived: [], tileMs: undefined, features: { aggregates, population: undefined } as never,
});
const anyDefinitions = fc.array(fc.record({
  kind: fc.constantFrom<AggregateKind>('count', 'sum', 'squares', 'min', 'max', 'first', 'last', 'distinct', 'lag'), word: fc.boolean(),
  where: fc.constantFrom(undefined, 'odd'), records: fc.integer({ min: 1, max: 12 }), offset: fc.integer({ min: -5, max: 9 }), back: fc.integer({ min: 1, max: 4 }),
}), { minLength: 1, maxLength: 8 }).map((items) => items.map(({ kind, word, where, records, offset, back }, k): AggregateDefinition => ({
  ...aggregate(kind, word && !['sum', 'squares', 'min', 'max'].includes(kind) ? 'word' : 'money', where, records), name: `a${k}`,
  ...(offset > 0 ? { offsetRecords: offset } : {}), ...(kind === 'lag' ? { back } : {}),
})));
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

describe('RecordRings', () => {
  it.each([['the usual definitions', fc.constant(definitions)], ['random definitions', anyDefinitions]])('oracle: %s equal the naive twin before every record, through snapshots', (_, drawn) => {
    const steps = fc.array(fc.record({
      entity: fc.constantFrom('a', 'b'), money: fc.option(fc.integer({ min: -4, max: 4 }), { freq: 4 }),
      word: fc.option(fc.constantFrom('x', 'y', 'z'), { freq: 4 }), odd: fc.boolean(), reload: fc.nat(12).map((n) => n === 0),
    }), { maxLength: 70 });
    fc.assert(fc.property(drawn, steps, (own, items) => {
      const plan = planOf(own);
      let tables = new ValueTables(plan.tracks);
      let rings = new RecordRings(plan, tables);
      const records: NaiveRecord[] = [];
      for (const { entity, money, word, odd, reload } of items) {
        const slot = rings.entities.insert(bytes(entity), 0, 1);
        const out = new Float64Array(plan.aggregates.length);
        const texts: (string | null)[] = [];
        rings.values(slot, out, texts);
        const found = own.map(({ kind, of }, k) => ['first', 'last', 'lag'].includes(kind) && of === 'word' ? texts[k] : Number.isNaN(out[k]) ? null : out[k]);
        expect(found).toEqual(own.map((definition) => naiveValueOfLast(records, entity, definition)));
        const record = { entity, timeMs: records.length, columns: { money, word }, holds: new Set(odd ? ['odd'] : []) };
        records.push(record);
        const inputs = { width: plan.tracks.length, passes: new Uint8Array(plan.tracks.length), values: new Float64Array(plan.tracks.length) };
        plan.tracks.forEach((track, k) => {
          const value = track.of === undefined ? 0 : track.of === 'money' ? money : word;
          if (value === null || (track.where === 'odd' && !odd)) return;
          inputs.passes[k] = 1;
          inputs.values[k] = typeof value === 'number' ? (track.kind === 'squares' ? value * value : value) : !track.interned ? 0 : tables.of(track).internBytes(bytes(value), 0, 1);
        });
        rings.add(slot, inputs, 0);
        tables.sweep();
        if (!reload) continue;
        const writer = new ByteWriter();
        const numberings = tables.numberings();
        rings.write(writer, numberings);
        for (const numbering of numberings) numbering.write(writer);
        const reader = new ByteReader(writer.finish(1), 1);
        tables = new ValueTables(plan.tracks);
        rings = new RecordRings(plan, tables);
        rings.readFrom(reader);
        tables.readFrom(reader);
      }
    }), { numRuns: 150 });
  });
});
