import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generate } from '../synthetic/generate.ts';
import { batchesOf, logisticModel, processorOf, readSource, valuesOf } from '../decisions/processor-fixtures.ts';
import type { ChurnScore } from '../decisions/score-writer.ts';
import { EntityStories } from './entity-story.ts';
import { RateMeter, ScoreBoard } from './score-board.ts';

const bytesOf = (entity: string, churnProbability: number | null): Buffer => Buffer.from(JSON.stringify({ source: 's', entity, eventTime: null, featureTime: null, churnProbability, expectedValue: null }));

describe('ScoreBoard', () => {
  it('oracle: holds the latest score of each entity and ranks them', () => {
    const scores = fc.array(fc.tuple(fc.oneof(fc.constantFrom('a', 'b', '"churnProbability":9,', '\\"', 'ü\n'), fc.string({ maxLength: 2 })), fc.option(fc.constantFrom(0, 0.1, 0.25, 0.5, 1e-7, 1))), { maxLength: 40 });
    fc.assert(fc.property(scores, fc.nat(10), (items, limit) => {
      const board = new ScoreBoard({ entities: 1000 });
      for (const [entity, probability] of items) expect(board.add(bytesOf(entity, probability), 0)).toBe(true);
      const latest = new Map<string, { probability: number | null; arrival: number }>();
      items.forEach(([entity, probability], arrival) => latest.set(entity, { probability, arrival }));
      expect(board.size).toBe(latest.size);
      for (const [entity, { probability }] of latest) expect(board.get(entity)).toMatchObject({ entity, churnProbability: probability });
      const ranked = [...latest].filter(([, { probability }]) => probability !== null)
        .sort(([, a], [, b]) => (b.probability ?? 0) - (a.probability ?? 0) || b.arrival - a.arrival).slice(0, limit).map(([entity]) => entity);
      expect(board.top(limit).map(({ entity }) => entity)).toEqual(ranked);
    }));
  });

  it('forgets the entity whose score is oldest once it is full, and takes no other bytes', () => {
    const board = new ScoreBoard({ entities: 2 });
    for (const [entity, probability] of [['a', 0.9], ['b', 0.1], ['a', 0.8], ['c', 0.2]] as const) board.add(bytesOf(entity, probability), 0);
    expect([board.get('a')?.churnProbability, board.get('b'), board.get('c')?.churnProbability, board.size, board.total]).toEqual([0.8, undefined, 0.2, 2, 4]);
    expect(board.add(Buffer.from('{"entity":7}'), 0)).toBe(false);
    expect(board.add(Buffer.from('{"entity":"x"}'), 0)).toBe(false);
  });

  it('reads what the processor writes, and stories read its transitions', () => {
    const source = readSource('user-behavior');
    const processor = processorOf(source);
    processor.useModel(logisticModel(source.models.features));
    const board = new ScoreBoard({ entities: 1e6 });
    const stories = new EntityStories(source.features.state, { entities: 1e6, stepsPerEntity: 3 });
    const latest = new Map<string, ChurnScore>();
    const rewards = new Map<string, number[]>();
    for (const batch of batchesOf(source, generate('user-behavior', { seed: 3, rows: 2000 }), 500)) {
      const processed = [processor.process(batch, true)];
      for (const value of valuesOf(processed, 'churn-scores')) {
        const score = JSON.parse(value.toString()) as ChurnScore;
        latest.set(score.entity, score);
        board.add(value, 0);
      }
      for (const { topic, records } of processed[0].appends) {
        if (topic !== 'transitions.user-behavior') continue;
        for (let row = 0; row < records.count; row++) {
          const entity = Buffer.from(records.keys.subarray(records.keyOffsets[row], records.keyOffsets[row + 1])).toString();
          stories.add(entity, records.values.subarray(records.valueOffsets[row], records.valueOffsets[row + 1]));
          rewards.set(entity, [...rewards.get(entity) ?? [], NaN]);
        }
      }
    }
    for (const [entity, score] of latest) expect(board.get(entity)).toEqual(score);
    for (const [entity, steps] of rewards) {
      const story = stories.get(entity);
      expect(story?.steps.length).toBe(Math.min(3, steps.length));
      expect(Object.keys(story?.steps[0].state ?? {})).toEqual([...source.features.state]);
      expect(story?.totalReward).toBeCloseTo(story?.steps.reduce((sum, { reward }) => sum + reward, 0) ?? NaN);
      const times = story?.steps.map(({ eventTime }) => Date.parse(eventTime ?? '')) ?? [];
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    expect(rewards.size).toBeGreaterThan(10);
  });
});

describe('RateMeter', () => {
  it('oracle: is the mean of the last seconds', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(2500), fc.nat(5)), { maxLength: 30 }), fc.nat(3000), (steps, pause) => {
      const meter = new RateMeter(3000);
      const counted: { second: number; number: number }[] = [];
      let now = 1_000_000;
      for (const [wait, number] of steps) {
        now += wait;
        meter.count(now, number);
        counted.push({ second: Math.floor(now / 1000), number });
      }
      now += pause;
      const recent = counted.filter(({ second }) => second > Math.floor(now / 1000) - 3);
      expect(meter.perSecond(now)).toBeCloseTo(recent.reduce((sum, { number }) => sum + number, 0) / 3, 12);
    }));
  });
});
