import { Writable } from 'node:stream';
import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { EventLog } from '#tideline/platform';
import { appendScores, fabricatedLog, fabricatedScore } from '../../test/fabricated-world.ts';
import { unknownEntity } from '../predict/forecaster.ts';
import { LiveBoard } from './live-board.ts';
import { LiveView } from './live-view.ts';
import { ScoreStream, type StreamRequest } from './score-stream.ts';
import { parsePosition } from './stream-position.ts';

/*
 * Goal: a listener that comes back with the id of its last event gets every later score once and none twice; a slow one costs no
 * memory and loses nothing.
 * Method: scores numbered by offset, cut at arbitrary events; a response that takes bytes only when told to.
 */

interface Received {
  readonly id: string;
  readonly offset: number;
  readonly source: string;
}

/** A response in memory that can stand still. */
class Listener extends Writable {
  readonly received: Received[] = [];
  bytesMax = 0;
  #text = '';
  #held: (() => void) | undefined;
  standing: boolean;

  constructor(standing = false) {
    super({ highWaterMark: 1 << 14, decodeStrings: false });
    this.standing = standing;
  }

  writeHead(): this {
    return this;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.#text += chunk;
    const events = this.#text.split('\n\n');
    this.#text = events.pop() ?? '';
    for (const event of events) {
      const id = /^id: (.*)$/m.exec(event)?.[1];
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (id === undefined || data === undefined) continue;
      const score = JSON.parse(data) as { source: string; origin: { offset: string } };
      this.received.push({ id, source: score.source, offset: Number(score.origin.offset) });
    }
    this.bytesMax = Math.max(this.bytesMax, this.writableLength);
    if (this.standing) this.#held = done;
    else done();
  }

  goOn(): void {
    this.standing = false;
    this.#held?.();
  }
}

const everything: StreamRequest = { source: undefined, min: 0, rate: undefined, last: 0, from: undefined };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

it('a picture that begins late says how many older scores it does not know', async () => {
  const log = await fabricatedLog(['shop']);
  await appendScores(log, 0, Array.from({ length: 30 }, (_, i) => fabricatedScore('shop', `e-${i}`, 0.5, { offset: i })));
  await appendScores(log, 0, [fabricatedScore('shop', 'late', 0.5, { offset: 30 })]);
  const board = new LiveBoard({ entityLimit: 100, transitionsPerEntity: 5, transitionBytes: 1000, recentLimit: 50, now: Date.now });
  const view = new LiveView(log, board, { sources: ['shop'], newest: 1, now: Date.now, warn: () => undefined, onModelUpdate: () => undefined });
  view.follow();
  await vi.waitFor(() => expect(board.latest('shop', 'late')).toBeDefined());
  expect(board.limits).toEqual({ olderScoresUnread: 30, entitiesKeptAtMost: 100 });
  const problem = unknownEntity(board, 'shop', 'e-1', '/id');
  expect(problem.document.detail).toContain('about 30 older scores on the log were not read at the start');
  await view.close();
  await log.close();
});

async function openStream(): Promise<{ log: EventLog; view: LiveView; stream: ScoreStream; listen: (request?: Partial<StreamRequest>, standing?: boolean) => Listener }> {
  const log = await fabricatedLog(['shop', 'clicks']);
  const board = new LiveBoard({ entityLimit: 100, transitionsPerEntity: 5, transitionBytes: 1000, recentLimit: 50, now: Date.now });
  const view = new LiveView(log, board, { sources: ['shop', 'clicks'], newest: 1000, now: Date.now, warn: () => undefined, onModelUpdate: () => undefined });
  view.follow();
  const stream = new ScoreStream(log, view);
  closers.push(async () => {
    stream.close();
    await view.close();
    await log.close();
  });
  return {
    log,
    view,
    stream,
    listen: (request = {}, standing = false) => {
      const listener = new Listener(standing);
      void stream.serve(listener as unknown as ServerResponse, { ...everything, ...request });
      return listener;
    },
  };
}

const from = (id: string): Partial<StreamRequest> => ({ from: parsePosition(id) });

describe('the stream of scores', () => {
  it('starts now, and goes on after any event without loss or repeat', async () => {
    const { log, listen, view } = await openStream();
    await appendScores(log, 0, [fabricatedScore('shop', 'before', 0.5, { offset: -1 })]);
    await vi.waitFor(() => expect(view.positions.get(0)).toBe(1));
    const first = listen();
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let batch = 0; batch < 8; batch++) {
      const scores = Array.from({ length: 5 }, (_, index) => fabricatedScore('shop', `e-${index}`, 0.5, { offset: batch * 5 + index }));
      await appendScores(log, batch % 2, scores);
    }
    await vi.waitFor(() => expect(first.received).toHaveLength(40));
    expect(new Set(first.received.map(({ offset }) => offset)).size).toBe(40);
    expect(first.received.every(({ offset }) => offset >= 0)).toBe(true);

    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 38 }), async (cut) => {
        const second = listen(from(first.received[cut].id));
        await vi.waitFor(() => expect(second.received).toHaveLength(39 - cut), { interval: 2 });
        second.destroy();
        const both = [...first.received.slice(0, cut + 1), ...second.received].map(({ offset }) => offset).sort((a, b) => a - b);
        expect(both).toEqual(Array.from({ length: 40 }, (_, index) => index));
      }),
      { numRuns: 20 },
    );
  });

  it('keeps partitions in order and filters by source and probability', async () => {
    const { log, listen } = await openStream();
    const chosen = listen({ source: 'shop', min: 0.6, from: new Map() });
    const scores = [['shop', 0.7], ['clicks', 0.9], ['shop', 0.5], ['shop', null], ['shop', 0.6]] as const;
    await appendScores(log, 0, scores.map(([source, probability], offset) => fabricatedScore(source, 'e', probability, { offset })));
    await vi.waitFor(() => expect(chosen.received.map(({ offset }) => offset)).toEqual([0, 4]));
  });

  it('holds little for a listener that stands still, and gives it everything once it goes on', async () => {
    const { log, listen } = await openStream();
    const slow = listen({ from: new Map() }, true);
    for (let batch = 0; batch < 40; batch++) {
      await appendScores(log, 0, Array.from({ length: 200 }, (_, index) => fabricatedScore('shop', `e-${index}`, 0.5, { offset: batch * 200 + index })));
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    // Four megabytes lie on the log; one piece of a batch waits here.
    expect(slow.writableLength).toBeLessThan(1 << 19);
    slow.goOn();
    await vi.waitFor(() => expect(slow.received).toHaveLength(8000), { timeout: 10_000 });
    expect(slow.bytesMax).toBeLessThan(1 << 20);
    expect(slow.received.map(({ offset }) => offset)).toEqual(Array.from({ length: 8000 }, (_, index) => index));
  });

  it('sends the newest first when asked, and a sample at a rate', async () => {
    const { log, listen, view } = await openStream();
    await appendScores(log, 0, Array.from({ length: 30 }, (_, offset) => fabricatedScore('shop', 'e', 0.5, { offset })));
    await vi.waitFor(() => expect(view.board.scoreCount('shop')).toBe(30));
    const sampled = listen({ last: 3, rate: 8 });
    await vi.waitFor(() => expect(sampled.received.map(({ offset }) => offset)).toEqual([27, 28, 29]));
    await appendScores(log, 0, Array.from({ length: 100 }, (_, index) => fabricatedScore('shop', 'e', 0.5, { offset: 30 + index })));
    await vi.waitFor(() => expect(sampled.received).toHaveLength(5));
    expect(sampled.received.slice(3).map(({ offset }) => offset)).toEqual([128, 129]);
  });

  it('ends every stream when it closes', async () => {
    const { listen, stream } = await openStream();
    const listeners = [listen(), listen({ rate: 4 })];
    await vi.waitFor(() => expect(stream.openCount).toBe(2));
    stream.close();
    await vi.waitFor(() => expect(listeners.every(({ writableEnded }) => writableEnded)).toBe(true));
    expect(stream.openCount).toBe(0);
  });
});
