import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { FastifyInstance } from 'fastify';

/** What the gauges read when Prometheus asks. */
export interface Observed {
  scores(): readonly { source: string; count: number; entities: number }[];
  champions(): readonly { source: string; version: string }[];
  streams(): number;
}

/** Prometheus metrics of the API: requests by route and status, live scores, champions, open streams, and the process itself. */
export class Telemetry {
  readonly registry = new Registry();
  readonly #durations: Histogram<'method' | 'route' | 'status'>;
  readonly #children = new Map<string, { observe(seconds: number): void }>();

  constructor(observed: Observed) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#durations = new Histogram({
      name: 'tideline_http_request_duration_seconds',
      help: 'time from the request line to the last byte of the answer',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5],
      registers,
    });
    new Gauge({
      name: 'tideline_live_scores',
      help: 'scores read from the log since the start',
      labelNames: ['source'],
      registers,
      collect() {
        for (const { source, count } of observed.scores()) this.set({ source }, count);
      },
    });
    new Gauge({
      name: 'tideline_live_entities',
      help: 'entities with a live score in memory',
      labelNames: ['source'],
      registers,
      collect() {
        for (const { source, entities } of observed.scores()) this.set({ source }, entities);
      },
    });
    new Gauge({
      name: 'tideline_champion_version',
      help: 'registered version of the model in force',
      labelNames: ['source'],
      registers,
      collect() {
        this.reset();
        for (const { source, version } of observed.champions()) this.set({ source }, Number(version));
      },
    });
    new Gauge({
      name: 'tideline_score_streams',
      help: 'open streams of live scores',
      registers,
      collect() {
        this.set(observed.streams());
      },
    });
  }

  /** Times every answer by its route pattern, so that paths with ids do not make series of their own. */
  watch(server: FastifyInstance): void {
    server.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none';
      const key = `${request.method} ${reply.statusCode} ${route}`;
      let child = this.#children.get(key);
      if (child === undefined) this.#children.set(key, (child = this.#durations.labels(request.method, route, String(reply.statusCode))));
      child.observe(reply.elapsedTime / 1000);
      done();
    });
  }
}
