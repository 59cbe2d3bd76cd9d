import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import type { EventLog, RecordBatch } from '#tideline/platform';
import { readScoreLine, type ScoreLine } from './churn-score.ts';
import { SCORES_TOPIC, type LiveView } from './live-view.ts';
import { formatPosition, type StreamPosition } from './stream-position.ts';

/** What a listener asked for. */
export interface StreamRequest {
  readonly source: string | undefined;
  /** Scores below this probability (and those without one, when it is above 0) are left out. */
  readonly min: number;
  /** At most this many scores a second, the newest ones; undefined sends every score. */
  readonly rate: number | undefined;
  /** Send this many of the newest scores first. */
  readonly last: number;
  /** Go on from here instead of from now; only without `rate`. */
  readonly from: StreamPosition | undefined;
}

const HEARTBEAT_MS = 15_000;
const TICK_MS = 250;
const READ_BYTES = 1 << 18;

/**
 * Live scores as server-sent events. A stream without `rate` reads the log at its own pace from its own position, so a slow client
 * lags, loses nothing and costs no memory; one with `rate` gets a sample of the newest and never lags.
 */
export class ScoreStream {
  readonly #log: EventLog;
  readonly #view: LiveView;
  readonly #open = new Set<AbortController>();

  constructor(log: EventLog, view: LiveView) {
    this.#log = log;
    this.#view = view;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Ends every stream. */
  close(): void {
    for (const controller of this.#open) controller.abort();
  }

  /** Serves one client until it leaves or the server closes. */
  async serve(response: ServerResponse, request: StreamRequest): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    this.#open.add(controller);
    response.on('close', () => controller.abort());
    response.on('error', () => controller.abort());
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      connection: 'keep-alive',
    });
    response.write('retry: 2000\n\n');
    const heartbeat = setInterval(() => response.write(': heartbeat\n\n'), HEARTBEAT_MS);
    try {
      if (request.last > 0) await this.#sendRecent(response, request, signal);
      if (request.rate === undefined) await this.#sendEvery(response, request, signal);
      else await this.#sendSample(response, request, request.rate, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      clearInterval(heartbeat);
      this.#open.delete(controller);
      response.end();
    }
  }

  async #sendRecent(response: ServerResponse, request: StreamRequest, signal: AbortSignal): Promise<void> {
    const id = formatPosition(this.#view.positions);
    const lines = this.#view.board.recent(request.source, request.last).filter((line) => fits(line, request));
    await send(response, lines.map((line) => event(line, id)).join(''), signal);
  }

  async #sendEvery(response: ServerResponse, request: StreamRequest, signal: AbortSignal): Promise<void> {
    const cursor = await this.#startingPosition(request);
    while (!signal.aborted) {
      const arrival = this.#nextArrival(signal);
      let found = false;
      for (const [partition, next] of cursor) {
        if ((this.#view.positions.get(partition) ?? 0) <= next) continue;
        for (const batch of await this.#log.read(SCORES_TOPIC, partition, next, { maxBytes: READ_BYTES, maxWaitMs: 0 })) {
          found = true;
          await this.#sendBatch(response, request, batch, cursor, signal);
          await nextTurn();
          if (signal.aborted) return;
        }
      }
      if (!found) await arrival.promise;
      arrival.cancel();
    }
  }

  async #sendBatch(response: ServerResponse, request: StreamRequest, batch: RecordBatch, cursor: Map<number, number>, signal: AbortSignal): Promise<void> {
    const values = Buffer.from(batch.values.buffer, batch.values.byteOffset, batch.values.byteLength);
    const from = Math.max(0, (cursor.get(batch.partition) ?? 0) - batch.baseOffset);
    let text = '';
    for (let i = from; i < batch.count; i++) {
      cursor.set(batch.partition, batch.baseOffset + i + 1);
      const line = readScoreLine(values.toString('utf8', batch.valueOffsets[i], batch.valueOffsets[i + 1]));
      if (line === undefined || !fits(line, request)) continue;
      text += event(line, formatPosition(cursor));
      if (text.length >= READ_BYTES) {
        await send(response, text, signal);
        text = '';
      }
    }
    await send(response, text, signal);
  }

  async #startingPosition(request: StreamRequest): Promise<Map<number, number>> {
    const description = (await this.#log.describeTopics()).find(({ topic }) => topic === SCORES_TOPIC);
    const partitions = description?.partitions ?? [{ partition: 0, start: 0, end: 0 }];
    return new Map(partitions.map(({ partition, start, end }) => [partition, Math.max(start, request.from?.get(partition) ?? end)]));
  }

  #nextArrival(signal: AbortSignal): { promise: Promise<void>; cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => resolve();
    const off = this.#view.onScores(done);
    signal.addEventListener('abort', done, { once: true });
    return {
      promise,
      cancel: () => {
        off();
        signal.removeEventListener('abort', done);
      },
    };
  }

  async #sendSample(response: ServerResponse, request: StreamRequest, rate: number, signal: AbortSignal): Promise<void> {
    const { board } = this.#view;
    const perTick = Math.max(1, Math.round((rate * TICK_MS) / 1000));
    const count = (): number => (request.source === undefined ? board.totalScoreCount : board.scoreCount(request.source));
    let seen = count();
    const tick = setInterval(() => {
      const now = count();
      // A client that has not taken the last piece misses this one.
      if (now === seen || response.writableNeedDrain) return;
      const fresh = board.recent(request.source, now - seen).filter((line) => fits(line, request)).slice(-perTick);
      seen = now;
      if (fresh.length === 0) return;
      const id = formatPosition(this.#view.positions);
      response.write(fresh.map((line) => event(line, id)).join(''));
    }, TICK_MS);
    if (!signal.aborted) await once(signal, 'abort');
    clearInterval(tick);
  }
}

function fits(line: ScoreLine, request: StreamRequest): boolean {
  return (request.source === undefined || line.source === request.source) && (request.min <= 0 || line.probability >= request.min);
}

function event(line: ScoreLine, id: string): string {
  return `id: ${id}\nevent: score\ndata: ${line.json}\n\n`;
}

async function send(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (text === '' || signal.aborted) return;
  if (!response.write(text)) await once(response, 'drain', { signal });
}
