// Goal: what the live path says is what its definitions say. Method: random clicks out of order, some late, cut into random batches;
// scores, rescorings, transitions and late records against a twin that keeps every record and computes each value from scratch.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FeatureFormulas } from '../features/finish-features.ts';
import { type NaiveRecord, naiveValueAsOf } from '../features/naive-windows.ts';
import { batchesOf, processorOf, readSource, valuesOf } from './processor-fixtures.ts';
import type { ChurnScore } from './score-writer.ts';
import { decodeTransition } from './transition.ts';

const source = readSource('user-behavior', (file, text) => file === 'deployment' ? `${text}\nrescore_every: 20m\n` : text);
const formulas = new FeatureFormulas(source);
const MINUTE = 60_000;
const SPAN_TILES = 60;
const LATENESS = 10 * MINUTE;
const RESCORE = 20 * MINUTE;
const REWARDS: Readonly<Record<string, number>> = { buy: 1, cart: 0.3, fav: 0.2, pv: 0 };

interface Click {
  readonly entity: string;
  readonly timeMs: number;
  readonly item: number;
  readonly behavior: string;
}

const clicks = fc.array(fc.record({
  entity: fc.constantFrom('1', '22', '333'),
  ahead: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: -800, max: 200 }) }, { weight: 2, arbitrary: fc.integer({ min: 0, max: 1500 }) }, { weight: 1, arbitrary: fc.integer({ min: 2000, max: 9000 }) }),
  item: fc.nat(4), behavior: fc.constantFrom('pv', 'pv', 'cart', 'fav', 'buy'),
}), { minLength: 1, maxLength: 50 }).map((items) => {
  let newest = 1_511_658_000;
  return items.map(({ entity, ahead, item, behavior }): Click => {
    const seconds = newest + ahead;
    newest = Math.max(newest, seconds);
    return { entity, timeMs: seconds * 1000, item, behavior };
  });
});

const logOf = (items: readonly Click[]): Uint8Array => Buffer.from(items.map(({ entity, timeMs, item, behavior }) => `${entity},${item},7,${behavior},${timeMs / 1000}\n`).join(''));
const tileOf = (timeMs: number): number => Math.floor(timeMs / MINUTE);
const asRecord = ({ entity, timeMs, item, behavior }: Click): NaiveRecord => ({
  entity, timeMs,
  columns: { event_time: timeMs, item_id: item, category_id: 7, is_buy: behavior === 'buy' ? 1 : 0 },
  holds: new Set(source.features.aggregates.map(({ where }) => where ?? '').filter((where) => where.includes(`'${behavior}'`))),
});

/** Features from scratch, as a score or a transition shows them. */
function stateOf(records: readonly NaiveRecord[], entity: string, asOfMs: number): (number | null)[] {
  const partials = Float64Array.from(source.features.aggregates, (definition) => naiveValueAsOf(records, entity, definition, asOfMs) as number | null ?? NaN);
  const out = new Float64Array(formulas.names.length);
  formulas.finish(partials, [], asOfMs, out);
  return source.features.state.map((name) => out[formulas.names.indexOf(name)]).map((value) => Number.isNaN(value) ? null : value);
}

/** Everything the processor should have said by the end, from all records at once. */
class Twin {
  readonly scores: unknown[] = [];
  readonly late: number[] = [];
  readonly kept: Click[] = [];
  /** Entity and tile of the epochs that are closed by now. */
  readonly #closed = new Set<string>();
  #newest = -Infinity;

  takeBatch(items: readonly Click[], baseOffset: number): void {
    const last = new Map<string, unknown[]>();
    items.forEach((click, row) => {
      const offset = String(baseOffset + row);
      if (click.timeMs < this.#newest - LATENESS) {
        this.late.push(baseOffset + row);
        return;
      }
      if (this.#newest > -Infinity) this.#rescore(click, offset);
      this.#newest = Math.max(this.#newest, click.timeMs);
      this.kept.push(click);
      const asOf = tileOf(this.#newest) * MINUTE;
      // A map keeps the place of the first setting: entities stay in the order in which the batch first saw them.
      last.set(click.entity, [click.entity, offset, click.timeMs, asOf, REWARDS[click.behavior], stateOf(this.kept.map(asRecord), click.entity, asOf)]);
    });
    this.scores.push(...last.values());
    const watermarkTile = tileOf(this.#newest - LATENESS);
    for (const [entity, tile, next] of this.#epochs()) {
      // The next active tile is reached, or the entity stayed away until nothing of it was remembered.
      if (next <= watermarkTile || (next === Infinity && tile + SPAN_TILES + 1 < watermarkTile)) this.#closed.add(`${entity} ${tile}`);
    }
  }

  /** Entity, active tile, the entity's next active tile. */
  #epochs(): [string, number, number][] {
    return ['1', '22', '333'].flatMap((entity) => {
      const own = this.kept.filter((click) => click.entity === entity);
      const tiles = [...new Set(own.map(({ timeMs }) => tileOf(timeMs)))].sort((a, b) => a - b);
      return tiles.map((tile, k): [string, number, number] => [entity, tile, tiles.at(k + 1) ?? Infinity]);
    });
  }

  #rescore(click: Click, offset: string): void {
    for (let border = (Math.floor(this.#newest / RESCORE) + 1) * RESCORE; border <= click.timeMs; border += RESCORE) {
      const seen = this.kept.filter(({ timeMs }) => timeMs < border && timeMs >= border - SPAN_TILES * MINUTE).map(({ entity }) => entity);
      for (const entity of new Set(seen)) this.scores.push([entity, offset, click.timeMs, border, null, stateOf(this.kept.map(asRecord), entity, border)]);
    }
  }

  transitions(): unknown[] {
    return this.#epochs().filter(([entity, tile]) => this.#closed.has(`${entity} ${tile}`)).map(([entity, tile, next]) => {
      const at = (border: number): (number | null)[] => stateOf(this.kept.map(asRecord), entity, border * MINUTE);
      const inTile = this.kept.filter((click) => click.entity === entity && tileOf(click.timeMs) === tile);
      const newest = inTile.reduce((best, click) => click.timeMs >= best.timeMs ? click : best);
      const reward = inTile.reduce((sum, { behavior }) => sum + REWARDS[behavior], 0);
      return { entity, eventTimeMs: newest.timeMs, state: at(tile), action: newest.behavior, reward, nextState: next - tile <= SPAN_TILES ? at(next) : null, done: false };
    });
  }
}

const withNulls = (values: Float64Array): (number | null)[] => Array.from(values, (value) => Number.isNaN(value) ? null : value);
const byEntity = <T extends { readonly entity: string }>(items: readonly T[]): T[] => ['1', '22', '333'].flatMap((entity) => items.filter((item) => item.entity === entity));

describe('TimedEntities', () => {
  it('oracle: scores, rescorings, transitions and late records equal the definitions', () => {
    fc.assert(fc.property(clicks, fc.integer({ min: 1, max: 20 }), fc.boolean(), (items, chunk, reload) => {
      const twin = new Twin();
      let processor = processorOf(source);
      const processed = batchesOf(source, [logOf(items)], chunk).map((batch) => {
        twin.takeBatch(items.slice(batch.baseOffset, batch.baseOffset + batch.count), batch.baseOffset);
        const found = processor.process(batch, true);
        if (reload) {
          const bytes = processor.snapshot();
          processor = processorOf(source);
          processor.restore(bytes);
        }
        return found;
      });
      const scores = valuesOf(processed, 'churn-scores').map((value) => JSON.parse(value.toString()) as ChurnScore);
      const found = scores.map(({ entity, origin, eventTime, featureTime, reward, state }) => [entity, origin.offset, Date.parse(eventTime ?? ''), Date.parse(featureTime ?? ''), reward, state]);
      expect(sortedWithin(found)).toEqual(sortedWithin(twin.scores as unknown[][]));
      const transitions = valuesOf(processed, 'transitions.user-behavior').map(decodeTransition)
        .map((transition) => ({ ...transition, state: withNulls(transition.state), nextState: transition.nextState === null ? null : withNulls(transition.nextState) }));
      expect(byEntity(transitions)).toEqual(twin.transitions());
      const late = processed.flatMap(({ appends }) => appends).filter(({ topic }) => topic === 'late.user-behavior');
      expect(late.flatMap(({ records }) => Array.from(records.timestamps))).toEqual(twin.late.map((offset) => items[offset].timeMs));
      expect(late.flatMap(({ records }) => records.headers.map(({ name }) => name))).toEqual(late.flatMap(() => ['file', 'loop', 'offset']));
    }), { numRuns: 120 });
  });

  it('differential: snapshots are the same bytes wherever the state was saved, restored or replayed without emitting', () => {
    fc.assert(fc.property(clicks, fc.integer({ min: 1, max: 20 }), fc.array(fc.constantFrom('go', 'silent', 'save', 'reload'), { maxLength: 60 }), (items, chunk, path) => {
      const straight = processorOf(source);
      let winding = processorOf(source);
      for (const [k, batch] of batchesOf(source, [logOf(items)], chunk).entries()) {
        straight.process(batch, true);
        winding.process(batch, path[k] !== 'silent');
        if (path[k] === 'save') winding.snapshot();
        if (path[k] !== 'reload') continue;
        const saved = winding.snapshot();
        winding = processorOf(source);
        winding.restore(saved);
      }
      expect(Buffer.from(winding.snapshot()).equals(straight.snapshot())).toBe(true);
    }), { numRuns: 60 });
  });

  it('tells the same transitions whatever the batches, at most later', () => {
    fc.assert(fc.property(clicks, fc.integer({ min: 1, max: 20 }), (items, chunk) => {
      const run = (rows: number): unknown[] => {
        const processor = processorOf(source);
        const processed = batchesOf(source, [logOf(items)], rows).map((batch) => processor.process(batch, true));
        return byEntity(valuesOf(processed, 'transitions.user-behavior').map(decodeTransition));
      };
      const [some, all] = [run(chunk), run(1000)].map((found) => Object.groupBy(found as { entity: string }[], ({ entity }) => entity));
      for (const entity of ['1', '22', '333']) {
        const [a, b] = [some[entity] ?? [], all[entity] ?? []];
        const length = Math.min(a.length, b.length);
        expect(a.slice(0, length)).toEqual(b.slice(0, length));
        expect(Math.abs(a.length - b.length)).toBeLessThanOrEqual(1);
      }
    }), { numRuns: 40 });
  });
});

/** Rescorings of one moment come in slot order, which the twin does not know: entities are sorted within each (offset, feature time). */
function sortedWithin(scores: readonly unknown[][]): unknown[][] {
  const groups: unknown[][][] = [];
  for (const score of scores) {
    const group = groups.at(-1);
    if (group !== undefined && score[4] === null && group[0][4] === null && group[0][1] === score[1] && group[0][3] === score[3]) group.push(score);
    else groups.push([score]);
  }
  return groups.flatMap((group) => group.sort((a, b) => String(a[0]).localeCompare(String(b[0]))));
}
