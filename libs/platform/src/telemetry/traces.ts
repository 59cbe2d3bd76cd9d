/** A finished piece of work; times in ms since the epoch. */
export interface SpanFacts {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  /** Present when the work failed: the reason. */
  readonly error?: string | undefined;
  readonly kind?: 'internal' | 'server';
  /** The caller's W3C `traceparent`, when the work was asked for from outside. */
  readonly traceparent?: string | undefined;
  /** What the work consisted of. */
  readonly parts?: readonly SpanFacts[];
}

/**
 * Takes spans once they are over. Whoever traces asks `traces?.record({…})`: without an endpoint there is no `Traces`, and the facts are
 * not even put together.
 */
export interface Traces {
  record(span: SpanFacts): void;
  /** Sends what is left, within a few seconds. */
  close(): Promise<void>;
}

export interface TracesOptions {
  readonly app: string;
  /** Base address of an OTLP/HTTP receiver; `/v1/traces` is added. */
  readonly endpoint: string | undefined;
  /** Told when spans could not be sent, at most once a minute. */
  readonly warn: (message: string) => void;
}

/** Traces to an OpenTelemetry receiver, or undefined without an endpoint; OpenTelemetry is loaded only with one. */
export async function openTraces({ app, endpoint, warn }: TracesOptions): Promise<Traces | undefined> {
  if (endpoint === undefined) return undefined;
  const { OtlpTraces } = await import('./otlp-traces.ts');
  return new OtlpTraces({ app, endpoint, warn });
}
