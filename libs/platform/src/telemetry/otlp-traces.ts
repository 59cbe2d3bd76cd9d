import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type Context, type Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import type { SpanFacts, Traces } from './traces.ts';

const WARN_EVERY_MS = 60_000;
const SEND_TIMEOUT_MS = 5_000;

/** Sends spans in batches as OTLP over HTTP with JSON; what a receiver does not take is dropped, never waited for. */
export class OtlpTraces implements Traces {
  readonly #provider: NodeTracerProvider;
  readonly #tracer: Tracer;

  constructor({ app, endpoint, warn }: { readonly app: string; readonly endpoint: string; readonly warn: (message: string) => void }) {
    const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
    const exporter = new OTLPTraceExporter({ url, timeoutMillis: SEND_TIMEOUT_MS });
    this.#provider = new NodeTracerProvider({
      resource: resourceFromAttributes({ 'service.name': `tideline-${app}`, 'service.namespace': 'tideline', 'service.instance.id': String(process.pid) }),
      spanProcessors: [new BatchSpanProcessor(telling(exporter, warn), { scheduledDelayMillis: 1_000, exportTimeoutMillis: SEND_TIMEOUT_MS })],
    });
    this.#tracer = this.#provider.getTracer('tideline');
  }

  record(span: SpanFacts): void {
    this.#record(span, parentOf(span.traceparent));
  }

  async close(): Promise<void> {
    await this.#provider.shutdown().catch(() => undefined);
  }

  #record({ name, startMs, endMs, attributes, error, kind, parts }: SpanFacts, parent: Context): void {
    const span = this.#tracer.startSpan(
      name, { startTime: hrTime(startMs), kind: kind === 'server' ? SpanKind.SERVER : SpanKind.INTERNAL, ...(attributes && { attributes }) }, parent,
    );
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    if (parts !== undefined) {
      const own = trace.setSpan(parent, span);
      for (const part of parts) this.#record(part, own);
    }
    span.end(hrTime(endMs));
  }
}

/** Seconds and nanoseconds: OpenTelemetry would take a plain number from before the process began (a clock set back) for something else. */
function hrTime(ms: number): [seconds: number, nanoseconds: number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** Reads `00-<trace id>-<span id>-<flags>`; anything else begins a trace of its own. */
function parentOf(traceparent: string | undefined): Context {
  const match = traceparent === undefined ? null : /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent);
  if (match === null) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(match[3], 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId: match[1], spanId: match[2], traceFlags, isRemote: true });
}

/** The exporter, with failures told to somebody: OpenTelemetry keeps them to itself. */
function telling(exporter: OTLPTraceExporter, warn: (message: string) => void): SpanExporter {
  let lastMs = -Infinity;
  return {
    export: (spans, done) => {
      exporter.export(spans, (result) => {
        if (result.error !== undefined && performance.now() - lastMs >= WARN_EVERY_MS) {
          lastMs = performance.now();
          warn(`OTEL_EXPORTER_OTLP_ENDPOINT: ${spans.length} spans could not be sent and are dropped: ${result.error.message}`);
        }
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}
