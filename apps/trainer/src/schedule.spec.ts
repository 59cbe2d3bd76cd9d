// Goal: every new training table is learned from, not too often, and a table with nothing to learn costs no waiting. Method: a trainer
// that only counts, and a clock by hand.
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock, PlatformError } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { Schedule, type ScheduledTraining } from './schedule.ts';
import { NothingToLearnError, type TrainReport } from './train.ts';

const SECOND = 1000;
const source = { name: 'shop' } as Source;
const report = { models: [], candidate: undefined, champion: undefined } as unknown as TrainReport;

class FakeTrainer implements ScheduledTraining {
  version: number | undefined;
  learned: number | undefined;
  failure: Error | undefined;
  readonly trainings: { atMs: number; version: number | undefined }[] = [];
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  async trainingVersion(): Promise<number | undefined> {
    return this.version;
  }

  async learnedFrom(): Promise<number | undefined> {
    return this.learned;
  }

  async train(): Promise<TrainReport> {
    this.trainings.push({ atMs: this.#clock.nowMs(), version: this.version });
    if (this.failure !== undefined) throw this.failure;
    return report;
  }
}

const stops: AbortController[] = [];
afterEach(() => { for (const stop of stops.splice(0)) stop.abort(); });

async function running(prepare: (trainer: FakeTrainer) => void): Promise<{ clock: ManualClock; trainer: FakeTrainer; warnings: string[]; ended: Promise<unknown> }> {
  const clock = new ManualClock(0);
  const trainer = new FakeTrainer(clock);
  prepare(trainer);
  const warnings: string[] = [];
  const logger = { info: () => undefined, warn: (_facts: unknown, message: string) => void warnings.push(message) };
  const stop = new AbortController();
  stops.push(stop);
  const ended = new Schedule(trainer, [source], clock, logger as never).run(stop.signal).catch((error: unknown) => error);
  await new Promise((resolve) => setImmediate(resolve));
  return { clock, trainer, warnings, ended };
}

describe('schedule of the trainer', () => {
  it('waits for a training table, learns from it at once and from a newer one after a pause', async () => {
    const { clock, trainer } = await running(() => undefined);
    await clock.advance(30 * SECOND);
    expect(trainer.trainings).toEqual([]);
    trainer.version = 4;
    await clock.advance(3 * SECOND);
    expect(trainer.trainings).toEqual([{ atMs: 33 * SECOND, version: 4 }]);
    trainer.version = 5;
    await clock.advance(100 * SECOND);
    expect(trainer.trainings).toHaveLength(1);
    await clock.advance(30 * SECOND);
    expect(trainer.trainings[1]).toMatchObject({ version: 5 });
    await clock.advance(600 * SECOND);
    expect(trainer.trainings).toHaveLength(2);
  });

  it('tries again as soon as the table moves when it held nothing to learn', async () => {
    const { clock, trainer } = await running((fake) => { fake.version = 1; fake.failure = new NothingToLearnError('nothing'); });
    await clock.advance(30 * SECOND);
    expect(trainer.trainings).toHaveLength(1);
    trainer.version = 2;
    await clock.advance(3 * SECOND);
    trainer.version = 3;
    trainer.failure = undefined;
    await clock.advance(3 * SECOND);
    expect(trainer.trainings.map(({ version }) => version)).toEqual([1, 2, 3]);
    // This one did learn something: the next waits.
    trainer.version = 4;
    await clock.advance(60 * SECOND);
    expect(trainer.trainings).toHaveLength(3);
  });

  it('does not learn again, as a new process, from the table that the last one learned from', async () => {
    const { clock, trainer } = await running((fake) => { fake.version = 7; fake.learned = 7; });
    await clock.advance(300 * SECOND);
    expect(trainer.trainings).toEqual([]);
    trainer.version = 8;
    await clock.advance(3 * SECOND);
    expect(trainer.trainings).toHaveLength(1);
  });

  it('tells of a training that the world failed and tries the same table again later; our own mistakes end it', async () => {
    const { clock, trainer, warnings } = await running((fake) => { fake.version = 1; fake.failure = new PlatformError('UNAVAILABLE', 'away'); });
    expect(warnings).toEqual(['shop: training failed and is tried again']);
    await clock.advance(20 * SECOND);
    expect(trainer.trainings).toHaveLength(1);
    trainer.failure = undefined;
    await clock.advance(15 * SECOND);
    expect(trainer.trainings.map(({ version }) => version)).toEqual([1, 1]);
    const broken = await running((fake) => { fake.version = 1; fake.failure = new TypeError('ours'); });
    expect(await broken.ended).toBeInstanceOf(TypeError);
  });
});
