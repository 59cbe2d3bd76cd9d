// Goal: what a session track keeps depends on the records and not on their order. Method: random records on a coarse grid, so that gaps are hit
// exactly, added in two orders: the bytes are the same. What it answers is held against the naive twin in `window-state.spec.ts`.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AggregateDefinition } from '../sources/source.ts';
import { planTracks } from './aggregate-tracks.ts';
import { SessionTrack } from './session-track.ts';
import { ByteWriter } from './state-bytes.ts';

const TILE = 1000;
const definitions = (['count', 'sum', 'min', 'max'] as const).map((kind, k): AggregateDefinition =>
  ({ name: `a${k}`, kind, of: kind === 'count' ? undefined : 'money', where: undefined, windowMs: 9 * TILE, windowRecords: undefined, limit: undefined, sessionMs: 300 }));
const plan = planTracks({
  columns: [{ name: 'money', type: { name: 'int' } }] as never, derived: [], tileMs: TILE, features: { aggregates: definitions, population: undefined } as never,
});

interface Item { readonly slot: number; readonly place: number; readonly money: number | null }

function bytesOf(items: readonly Item[]): Buffer {
  const track = new SessionTrack(plan.tracks, 0, plan.aggregates.map((aggregate, position) => ({ ...aggregate, position })), plan.originTile);
  for (const { slot, place, money } of items) {
    const passes = Uint8Array.from(plan.tracks, ({ of }) => of === undefined || money !== null ? 1 : 0);
    track.add(slot, Math.floor(place / 10), place * 100, { width: passes.length, passes, values: new Float64Array(passes.length).fill(money ?? NaN) }, 0, -Infinity);
  }
  const out = new ByteWriter();
  track.write(out, 2);
  return Buffer.from(out.finish(1));
}

describe('SessionTrack', () => {
  it('differential: gives the same bytes for the same records in any order', () => {
    const item = fc.record({ slot: fc.nat(1), place: fc.integer({ min: 0, max: 40 }), money: fc.option(fc.integer({ min: -3, max: 3 }), { freq: 4 }), rank: fc.nat() });
    fc.assert(fc.property(fc.array(item, { maxLength: 30 }), (items) => {
      expect(bytesOf([...items].sort((a, b) => a.rank - b.rank)).equals(bytesOf(items))).toBe(true);
    }), { numRuns: 200 });
  });
});
