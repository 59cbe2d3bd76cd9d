import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fabricatedScore } from '../../test/fabricated-world.ts';
import { readScoreLine, type ScoreLine } from './churn-score.ts';
import { LiveBoard } from './live-board.ts';
import { formatPosition, parsePosition } from './stream-position.ts';

const line = (entity: string, probability: number): ScoreLine => ({ source: 'shop', entity, probability, json: `${entity} ${probability}` });
const score = fc.record({ entity: fc.integer({ min: 0, max: 40 }).map((n) => `e-${n}`), probability: fc.oneof(fc.constant(NaN), fc.integer({ min: 0, max: 20 }).map((n) => n / 20)) });

describe('the live board', () => {
  it('oracle: top equals sorting the last score of every entity', () => {
    fc.assert(
      fc.property(fc.array(score, { maxLength: 300 }), fc.integer({ min: 1, max: 10 }), (scores, limit) => {
        const board = new LiveBoard({ entityLimit: 1000, transitionsPerEntity: 3, transitionBytes: 100, recentLimit: 5, now: () => 0 });
        for (const { entity, probability } of scores) board.putScore(line(entity, probability));
        const last = new Map(scores.map(({ entity, probability }) => [entity, probability]));
        const expected = [...last].filter(([, p]) => !Number.isNaN(p)).sort(([a, p], [b, q]) => q - p || (a < b ? -1 : 1)).slice(0, limit);
        expect(board.top('shop', limit).map(({ entity, probability }) => [entity, probability])).toEqual(expected);
      }),
    );
  });

  it('oracle: many entities with ties rank as a full sort does', () => {
    const board = new LiveBoard({ entityLimit: 20_000, transitionsPerEntity: 1, transitionBytes: 100, recentLimit: 1, now: () => 0 });
    const lines = Array.from({ length: 9000 }, (_, index) => line(`e-${(index * 7919) % 9000}`, ((index * 31) % 50) / 50));
    lines.forEach((one) => board.putScore(one));
    const sorted = [...lines].sort((a, b) => b.probability - a.probability || (a.entity < b.entity ? -1 : 1));
    expect(board.top('shop', 1000).map(({ entity }) => entity)).toEqual(sorted.slice(0, 1000).map(({ entity }) => entity));
  });

  it('forgets entities that scored longest ago, never one that scored since', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 200 }), (order) => {
        const board = new LiveBoard({ entityLimit: 8, transitionsPerEntity: 2, transitionBytes: 100, recentLimit: 3, now: () => 0 });
        order.forEach((entity) => board.putScore(line(String(entity), 0.5)));
        const newest = [...new Set([...order].reverse())].map(String);
        expect(board.entityCount('shop')).toBeLessThanOrEqual(10);
        for (const entity of newest.slice(0, 8)) expect(board.latest('shop', entity)?.entity).toBe(entity);
        expect(board.scoreCount('shop')).toBe(order.length);
      }),
    );
  });

  it('keeps the newest scores and the last transitions of each entity', () => {
    const board = new LiveBoard({ entityLimit: 2, transitionsPerEntity: 2, transitionBytes: 100, recentLimit: 3, now: () => 0 });
    for (const entity of ['a', 'b', 'a', 'c']) board.putScore(line(entity, 0.5));
    expect(board.recent('shop', 2).map(({ entity }) => entity)).toEqual(['a', 'c']);
    for (let n = 0; n < 5; n++) board.putTransition('shop', 'a', Uint8Array.of(n));
    expect(board.transitionsOf('shop', 'a')).toEqual([Uint8Array.of(3), Uint8Array.of(4)]);
  });
});

describe('a line of the score topic', () => {
  it('oracle: the three members read by position are those of the parsed text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.option(fc.double({ min: 0, max: 1, noNaN: true })), fc.boolean(), (entity, probability, shuffled) => {
        const written = fabricatedScore('shop', entity, probability, { offset: 1 });
        const json = JSON.stringify(shuffled ? Object.fromEntries(Object.entries(written).reverse()) : written);
        const read = readScoreLine(json);
        // JSON cannot hold a lone surrogate otherwise than escaped, so both sides see the same text.
        expect(read).toEqual({ source: 'shop', entity, probability: probability ?? NaN, json });
      }),
      { numRuns: 150 },
    );
  });

  it('is undefined for anything else', () => {
    for (const text of ['', '{}', '[]', 'null', '{"source":1,"entity":"e"}', 'rubbish']) expect(readScoreLine(text)).toBeUndefined();
  });
});

describe('the position of a stream', () => {
  it('survives its text', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(fc.nat(99), fc.nat()), { minLength: 1, selector: ([partition]) => partition }), (entries) => {
        expect(parsePosition(formatPosition(new Map(entries)))).toEqual(new Map(entries));
      }),
    );
    for (const text of ['', 'now', '0', '0:', ':1', '0:-1', '0:1;1:2']) expect(parsePosition(text)).toBeUndefined();
  });
});
