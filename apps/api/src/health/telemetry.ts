import type { FastifyInstance } from 'fastify';
import type { Metrics, Traces } from '#tideline/platform';

/** What the gauges read when Prometheus asks. */
export interface Observed {
  scores(): readonly { source: string; count: number; entities: number }[];
  champions(): readonly { source: string; version: string }[];
  streams(): number;
}

/** Where requests are traced to, and the clock that dates them. */
export interface Tracing {
  readonly traces: Traces;
  readonly now: () => number;
}

const BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5];

/** Prometheus metrics of the API: requests by route and status, live scores, champions, open streams, and the process itself. */
export class Telemetry {
  readonly #metrics: Metrics;
  readonly #observed: Observed;
  readonly #timers = new Map<string, { observe(seconds: number): void }>();

  readonly #tracing: Tracing | undefined;

  constructor(metrics: Metrics, observed: Observed, tracing?: Tracing) {
    this.#tracing = tracing;
    this.#metrics = metrics;
    this.#observed = observed;
  }

  /** Times every answer by its route pattern, so that paths with ids do not make series of their own. */
  watch(server: FastifyInstance): void {
    const durations = this.#metrics.histogram('http_request_duration_seconds', 'time from the request line to the last byte of the answer', BUCKETS_SECONDS, ['method', 'route', 'status']);
    server.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none';
      const key = `${request.method} ${reply.statusCode} ${route}`;
      let timer = this.#timers.get(key);
      // Looking up the labels costs more than counting, so it is done once a series.
      if (timer === undefined) this.#timers.set(key, (timer = durations.labels(request.method, route, String(reply.statusCode))));
      timer.observe(reply.elapsedTime / 1000);
      done();
    });
    const tracing = this.#tracing;
    // Without an endpoint no request pays for it.
    if (tracing === undefined) return;
    server.addHook('onResponse', (request, reply, done) => {
      const endMs = tracing.now();
      const route = request.routeOptions.url ?? 'none';
      const traceparent = request.headers['traceparent'];
      tracing.traces.record({
        name: `${request.method} ${route}`, kind: 'server', startMs: endMs - reply.elapsedTime, endMs,
        attributes: { 'http.request.method': request.method, 'http.route': route, 'http.response.status_code': reply.statusCode },
        ...(reply.statusCode >= 500 && { error: String(reply.statusCode) }),
        ...(typeof traceparent === 'string' && { traceparent }),
      });
      done();
    });
  }

  /** The text for Prometheus, gauges read now. */
  async render(): Promise<{ readonly text: string; readonly contentType: string }> {
    const scores = this.#metrics.gauge('live_scores', 'scores read from the log since the start', ['source']);
    const entities = this.#metrics.gauge('live_entities', 'entities with a live score in memory', ['source']);
    for (const { source, count, entities: known } of this.#observed.scores()) {
      scores.set({ source }, count);
      entities.set({ source }, known);
    }
    const champions = this.#metrics.gauge('champion_version', 'registered version of the model in force', ['source']);
    champions.reset();
    for (const { source, version } of this.#observed.champions()) champions.set({ source }, Number(version));
    this.#metrics.gauge('score_streams', 'open streams of live scores').set(this.#observed.streams());
    return this.#metrics.render();
  }
}
