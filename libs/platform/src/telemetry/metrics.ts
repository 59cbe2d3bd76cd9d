import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * One app's metrics for Prometheus. Names get the prefix `tideline_` and follow Prometheus' rules (base units, counters end in
 * `_total`); asking twice for a name gives the same metric.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #collectors: (() => void | Promise<void>)[] = [];

  constructor(app: string) {
    this.#registry.setDefaultLabels({ app });
    collectDefaultMetrics({ register: this.#registry });
  }

  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return this.#once(name, (full) => new Counter({ name: full, help, labelNames: [...labelNames], registers: [this.#registry] }));
  }

  gauge<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return this.#once(name, (full) => new Gauge({ name: full, help, labelNames: [...labelNames], registers: [this.#registry] }));
  }

  /** Buckets are upper bounds in the metric's unit, ascending. */
  histogram<L extends string = never>(name: string, help: string, buckets: readonly number[], labelNames: readonly L[] = []): Histogram<L> {
    return this.#once(
      name,
      (full) => new Histogram({ name: full, help, buckets: [...buckets], labelNames: [...labelNames], registers: [this.#registry] }),
    );
  }

  /** Has gauges brought up to date whenever somebody looks; one that fails keeps its last values and is counted. */
  collect(collector: () => void | Promise<void>): void {
    this.#collectors.push(collector);
  }

  /** The text that `GET /metrics` answers, and its content type. */
  async render(): Promise<{ readonly text: string; readonly contentType: string }> {
    for (const collector of this.#collectors) {
      try {
        await collector();
      } catch {
        this.counter('collect_failures_total', 'Looks at this page for which some gauges could not be brought up to date').inc();
      }
    }
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }

  #once<M>(name: string, make: (fullName: string) => M): M {
    const fullName = `tideline_${name}`;
    return (this.#registry.getSingleMetric(fullName) as M | undefined) ?? make(fullName);
  }
}
