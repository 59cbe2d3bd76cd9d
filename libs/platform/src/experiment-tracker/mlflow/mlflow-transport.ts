import { setTimeout as sleep } from 'node:timers/promises';
import { answerError, connectionError, isMlflowError, MlflowError } from './mlflow-error.ts';

/** Basic authentication, or a token sent as `Bearer`. */
export type MlflowLogin = { readonly username: string; readonly password: string } | { readonly token: string };

export interface TransportOptions {
  /** Like `http://host:5000` or `https://host/mlflow`. */
  readonly address: string;
  readonly login?: MlflowLogin | undefined;
  /** For one attempt; artifacts get ten times as long. */
  readonly timeoutMs?: number | undefined;
  /** How long repeatable calls are repeated, so that a server may restart meanwhile. */
  readonly patienceMs?: number | undefined;
  /** Aborts every call. */
  readonly signal?: AbortSignal | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** For the jitter of waits, from [0, 1). */
  readonly random?: (() => number) | undefined;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** Below the address, like `/api/2.0/mlflow/runs/get`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly json?: unknown;
  readonly body?: Uint8Array | ReadableStream<Uint8Array>;
  /** Whether a second time changes nothing; if not, the call is sent again only when it certainly did not arrive. */
  readonly repeatable: boolean;
  readonly timeoutMs?: number;
  readonly patienceMs?: number | undefined;
}

type Json = Readonly<Record<string, unknown>>;

const TIMEOUT_MS = 30_000;
/** MLflow starts within half a minute, on a busy machine within two. */
const PATIENCE_MS = 120_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;
/** A server that fails inside (500) mostly does so again; more repeats only hide it longer. */
const REPEATS_OF_500 = 2;
const REPEATS_AFTER_LOOKING = 5;

/**
 * Sends calls and decides what is sent again. A connection that never came about, 429 and a pooled connection that broke are
 * repeated with jittered, growing waits; what may have arrived only where `repeatable` says that a second time changes nothing.
 */
export class MlflowTransport {
  readonly address: string;
  readonly #options: TransportOptions;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: TransportOptions) {
    this.address = options.address.replace(/\/+$/, '');
    this.#options = options;
    this.#headers = authorization(options.login);
  }

  get artifactTimeoutMs(): number {
    return (this.#options.timeoutMs ?? TIMEOUT_MS) * 10;
  }

  /** The JSON object of the answer. */
  json(call: Call): Promise<Json> {
    return this.#repeat(call, async (response, what) => {
      const text = await response.text();
      try {
        const value: unknown = JSON.parse(text);
        if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
      } catch {
        // Said below.
      }
      throw new MlflowError('NOT_MLFLOW', `${what}: expected a JSON object, found "${text.slice(0, 80)}"`, { status: response.status, outcome: 'unknown' });
    });
  }

  bytes(call: Call): Promise<Uint8Array> {
    return this.#repeat(call, async (response) => new Uint8Array(await response.arrayBuffer()));
  }

  /** The answer's body as it arrives; only getting to its beginning is repeated. */
  stream(call: Call): Promise<ReadableStream<Uint8Array>> {
    return this.#repeat(call, (response) => Promise.resolve(response.body ?? new ReadableStream({ start: (controller) => controller.close() })));
  }

  /**
   * For calls that a second time would do twice: when the answer is lost, looks whether it happened, and sends again only when it did
   * not. After a timeout it is not sent again, since the first one may still be at work.
   */
  async once<T>(send: () => Promise<T>, find: () => Promise<T | undefined>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await send();
      } catch (error) {
        if (!isMlflowError(error) || error.outcome === 'not-applied') throw error;
        await this.#wait(attempt, null);
        const found = await find().catch(() => Promise.reject(error));
        if (found !== undefined) return found;
        // Looking has waited for the server already, so that here sendings count and not time.
        if (error.errorCode === 'TIMED_OUT' || attempt >= (error.status === 500 ? REPEATS_OF_500 : REPEATS_AFTER_LOOKING)) throw error;
      }
    }
  }

  async #repeat<T>(call: Call, read: (response: Response, what: string) => Promise<T>): Promise<T> {
    const deadline = performance.now() + (call.patienceMs ?? this.#patienceMs());
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(call, read);
      } catch (error) {
        this.#options.signal?.throwIfAborted();
        if (!isMlflowError(error) || !mayRepeat(call, error, attempt) || performance.now() > deadline) throw error;
        await this.#wait(attempt, error);
      }
    }
  }

  async #attempt<T>(call: Call, read: (response: Response, what: string) => Promise<T>): Promise<T> {
    const what = `${call.method} ${call.path}`;
    const url = `${this.address}${call.path}${queryText(call.query)}`;
    const timeout = AbortSignal.timeout(call.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS);
    const signal = this.#options.signal === undefined ? timeout : AbortSignal.any([timeout, this.#options.signal]);
    const headers: Record<string, string> = { ...this.#headers, accept: 'application/json' };
    if (call.json !== undefined) headers['content-type'] = 'application/json';
    else if (call.body !== undefined) headers['content-type'] = 'application/octet-stream';
    const body = call.json === undefined ? call.body : JSON.stringify(call.json);
    let response: Response;
    try {
      const init = { method: call.method, headers, signal, redirect: 'manual', ...(body === undefined ? {} : { body, duplex: 'half' }) };
      response = await (this.#options.fetch ?? fetch)(url, init as RequestInit);
      // The rest of a big answer may break too, so that it is read inside the attempt.
      if (!response.ok) throw waited(answerError(response.status, await response.text(), what, response.headers.get('location')), response.headers.get('retry-after'));
      return await read(response, what);
    } catch (error) {
      throw isMlflowError(error) ? error : connectionError(error, what);
    }
  }

  async #wait(attempt: number, error: MlflowError | null): Promise<void> {
    const asked = error === null ? undefined : retryAfterMs.get(error);
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
    const ms = asked ?? longest * (0.5 + (this.#options.random ?? Math.random)() / 2);
    await sleep(ms, undefined, this.#options.signal === undefined ? {} : { signal: this.#options.signal }).catch(() => this.#options.signal?.throwIfAborted());
  }

  #patienceMs(): number {
    return this.#options.patienceMs ?? PATIENCE_MS;
  }
}

function mayRepeat(call: Call, error: MlflowError, attempt: number): boolean {
  // A stream can't be rewound.
  if (call.body instanceof ReadableStream) return false;
  if (error.errorCode === 'UNREACHABLE' || error.status === 429) return true;
  if (!call.repeatable) return false;
  if (error.status === 500) return attempt < REPEATS_OF_500;
  return error.status === undefined ? ['DISCONNECTED', 'TIMED_OUT'].includes(error.errorCode) : [408, 502, 503, 504].includes(error.status);
}

// How long the server asked to wait, beside the error so that it is no part of what callers see.
const retryAfterMs = new WeakMap<MlflowError, number>();

function waited(error: MlflowError, retryAfter: string | null): MlflowError {
  const seconds = Number(retryAfter ?? NaN);
  if (Number.isFinite(seconds) && seconds >= 0) retryAfterMs.set(error, Math.min(seconds * 1000, 30_000));
  return error;
}

function authorization(login: MlflowLogin | undefined): Readonly<Record<string, string>> {
  if (login === undefined) return {};
  const credentials = 'token' in login ? `Bearer ${login.token}` : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
  return { authorization: credentials };
}

function queryText(query: Call['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  return parameters.size === 0 ? '' : `?${parameters}`;
}
