// Goal: the schedule lands, compacts and builds when it is useful, and no more often. Method: work that only counts, and a clock by hand.
import { afterEach, describe, expect, it } from 'vitest';
import { CommitConflict, SqlError } from '#tideline/lake';
import { ManualClock, PlatformError } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { sourceNamed } from './batch-fixtures.ts';
import { Schedule, type ScheduledWork } from './schedule.ts';

const retail = sourceNamed('online-retail');
const SECOND = 1000;

/** A batch layer whose silver grows as a test likes. */
class FakeWork implements ScheduledWork {
  /** Rows that the topic has. */
  topicRows = 0;
  rows = 0;
  /** What a build finds to learn from. */
  trainingRows = 5;
  buildMs = 0;
  failure: Error | undefined;
  last: { silverRows: number; definition: string; rowCount: number } | undefined;
  readonly builds: { atMs: number; rows: number }[] = [];
  landings = 0;
  compactions = 0;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  async land(): Promise<Awaited<ReturnType<ScheduledWork['land']>>> {
    this.landings++;
    if (this.failure !== undefined) throw this.failure;
    const landed = this.topicRows - this.rows;
    this.rows = this.topicRows;
    return { bronzeRows: landed, silverRows: landed, refusedRows: 0, lateRows: 0, rejects: 0 };
  }

  async compact(): Promise<[]> {
    this.compactions++;
    return [];
  }

  async silverRows(): Promise<number> {
    return this.rows;
  }

  async lastBuild(): Promise<FakeWork['last']> {
    return this.last;
  }

  async build(): Promise<Awaited<ReturnType<ScheduledWork['build']>>> {
    this.builds.push({ atMs: this.#clock.nowMs(), rows: this.rows });
    if (this.buildMs > 0) await this.#clock.sleep(this.buildMs);
    return { silverVersion: 1, asOf: [], featureRows: 1, trainingRows: this.trainingRows, labelledRows: this.trainingRows, visitSegments: undefined };
  }
}

const stops: AbortController[] = [];
afterEach(() => { for (const stop of stops.splice(0)) stop.abort(); });

interface Running {
  readonly clock: ManualClock;
  readonly work: FakeWork;
  readonly warnings: string[];
  readonly ended: Promise<unknown>;
}

async function running(prepare: (work: FakeWork) => void = () => undefined, sources: readonly Source[] = [retail]): Promise<Running> {
  const clock = new ManualClock(0);
  const work = new FakeWork(clock);
  prepare(work);
  const warnings: string[] = [];
  const logger = { info: () => undefined, warn: (_facts: unknown, message: string) => void warnings.push(message) };
  const stop = new AbortController();
  stops.push(stop);
  const ended = new Schedule(work, sources, clock, logger as never).run(stop.signal).catch((error: unknown) => error);
  await clock.advance(0);
  await new Promise((resolve) => setImmediate(resolve));
  return { clock, work, warnings, ended };
}

describe('schedule of the batch layer', () => {
  it('lands every ten seconds, compacts after a landing that brought something, and builds as soon as there are rows', async () => {
    const { clock, work } = await running();
    expect([work.landings, work.builds.length]).toEqual([1, 0]);
    work.topicRows = 100;
    await clock.advance(60 * SECOND);
    expect(work.landings).toBeGreaterThanOrEqual(6);
    expect(work.landings).toBeLessThanOrEqual(7);
    expect(work.compactions).toBe(1);
    expect(work.builds).toEqual([{ atMs: 10 * SECOND, rows: 100 }]);
  });

  it('keeps its pace when the time of day is set by an hour, back or forth', async () => {
    for (const byMs of [-3_600_000, 3_600_000]) {
      const { clock, work } = await running();
      clock.set(byMs);
      work.topicRows = 100;
      await clock.advance(60 * SECOND);
      expect(work.landings).toBeGreaterThanOrEqual(6);
      expect(work.landings).toBeLessThanOrEqual(7);
      expect(work.builds).toHaveLength(1);
    }
  });

  it('builds at most every 30 s while the topic grows, once it has grown by a fifth', async () => {
    const { clock, work } = await running((fake) => { fake.topicRows = 1_000; });
    for (let second = 0; second < 300; second += 10) {
      work.topicRows = Math.round(work.topicRows * 1.05);
      await clock.advance(10 * SECOND);
    }
    const gaps = work.builds.slice(1).map(({ atMs }, k) => atMs - work.builds[k]!.atMs);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(30 * SECOND);
    for (const [k, { rows }] of work.builds.slice(1).entries()) expect(rows).toBeGreaterThan(work.builds[k]!.rows * 1.2);
    expect(work.builds.length).toBeGreaterThan(4);
  });

  it('builds what is left when the topic comes to rest, however little', async () => {
    const { clock, work } = await running((fake) => { fake.topicRows = 1_000; });
    work.topicRows = 1_001;
    await clock.advance(15 * SECOND);
    expect(work.builds).toHaveLength(1);
    await clock.advance(60 * SECOND);
    expect(work.builds.map(({ rows }) => rows)).toEqual([1_000, 1_001]);
  });

  it('does not let gold wait for ever behind a trickle', async () => {
    const { clock, work } = await running((fake) => { fake.topicRows = 100_000; });
    for (let second = 0; second < 700; second += 2) {
      work.topicRows++;
      await clock.advance(2 * SECOND);
    }
    expect(work.builds).toHaveLength(2);
  });

  it('tries sooner again while there is nothing to learn from', async () => {
    const { clock, work } = await running((fake) => { fake.topicRows = 100; fake.trainingRows = 0; });
    expect(work.builds).toHaveLength(1);
    work.topicRows = 101;
    await clock.advance(12 * SECOND);
    expect(work.builds.map(({ rows }) => rows)).toEqual([100, 101]);
    // Without new rows there is nothing to try.
    await clock.advance(60 * SECOND);
    expect(work.builds).toHaveLength(2);
    work.topicRows = 102;
    work.trainingRows = 9;
    await clock.advance(12 * SECOND);
    work.topicRows = 1_000;
    await clock.advance(12 * SECOND);
    expect(work.builds.map(({ rows }) => rows)).toEqual([100, 101, 102]);
  });

  it('leaves time between builds that take long', async () => {
    const { clock, work } = await running((fake) => { fake.topicRows = 1_000; fake.buildMs = 60 * SECOND; });
    for (let second = 0; second < 600; second += 10) {
      work.topicRows *= 2;
      await clock.advance(10 * SECOND);
    }
    const gaps = work.builds.slice(1).map(({ atMs }, k) => atMs - work.builds[k]!.atMs);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(360 * SECOND);
  });

  it('does not build again, as a new process, what is built', async () => {
    const { clock, work } = await running((fake) => { fake.topicRows = 100; fake.last = { silverRows: 100, definition: 'd', rowCount: 7 }; });
    await clock.advance(120 * SECOND);
    expect(work.builds).toEqual([]);
  });

  it('tells of a round that failed and tries again; our own mistakes end it', async () => {
    for (const failure of [new PlatformError('UNAVAILABLE', 'away'), new CommitConflict('silver.x', 'another was first'), new SqlError('out of memory', 'SELECT 1'), new RangeError('limit')]) {
      const { clock, work, warnings } = await running((fake) => { fake.topicRows = 100; fake.failure = failure; });
      expect(warnings).toEqual(['online-retail: this round failed and is tried again']);
      work.failure = undefined;
      await clock.advance(12 * SECOND);
      expect(work.builds).toHaveLength(1);
    }
    const { ended } = await running((fake) => { fake.failure = new TypeError('ours'); });
    expect(await ended).toBeInstanceOf(TypeError);
  });
});
