import http from 'node:http';
import https from 'node:https';
import { Client } from 'minio';
import type { Login } from '../../configuration/configuration.ts';
import { PlatformError } from '../../errors.ts';
import type { S3Address } from './s3-address.ts';
import { readFailure, S3Silence, type S3Failure } from './s3-failure.ts';

/** How long a call goes on trying, and how long one request may hear nothing from the server. */
export interface S3Patience {
  readonly callMs: number;
  readonly silenceMs: number;
}

/** One kind of request; `write` says that a lost answer leaves open whether it was carried out. */
export interface S3Call {
  readonly doing: string;
  readonly write?: boolean;
  readonly patienceMs?: number;
}

/** A client with our own patience: its requests time out, and `call` repeats them with growing, jittered pauses. */
export class S3Connection {
  readonly name: string;
  readonly tls: boolean;
  readonly #address: S3Address;
  readonly #login: Login | undefined;
  readonly #patience: S3Patience;
  readonly #agent: http.Agent;
  #client: Client;

  constructor(address: S3Address, login: Login | undefined, patience: S3Patience) {
    this.name = address.name;
    this.tls = address.tls;
    this.#address = address;
    this.#login = login;
    this.#patience = patience;
    const options = { keepAlive: true, maxSockets: 32 };
    this.#agent = address.tls ? new https.Agent(options) : new http.Agent(options);
    this.#client = this.#makeClient(address.region);
  }

  /** Asks where the buckets are, once: the client would ask again after every missing object. */
  async settleRegion(bucket: string): Promise<void> {
    if (this.#address.region !== undefined) return;
    const region = await this.call({ doing: `ask for the region of ${bucket}` }, (client) => client.getBucketRegionAsync(bucket));
    this.#client = this.#makeClient(region === '' ? 'us-east-1' : region);
  }

  /**
   * Runs an attempt until it succeeds, fails for good or patience ends; `attempt` learns whether an earlier one may have been carried
   * out. Its own `PlatformError`s pass.
   */
  async call<T>({ doing, write = false, patienceMs = this.#patience.callMs }: S3Call, attempt: (client: Client, afterUnknown: boolean) => Promise<T>): Promise<T> {
    const deadline = performance.now() + patienceMs;
    let unknown = false;
    for (let tries = 0; ; tries++) {
      try {
        return await attempt(this.#client, unknown);
      } catch (error) {
        if (error instanceof PlatformError) throw error;
        const failure = readFailure(error);
        unknown ||= write && failure.mayHaveApplied;
        const pauseMs = Math.min(2_000, 40 * 2 ** tries) * (0.5 + Math.random());
        if (!failure.retriable || performance.now() + pauseMs > deadline) throw this.error(doing, failure, error, unknown);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  error(doing: string, failure: S3Failure, cause: unknown, unknown = false): PlatformError {
    const { code, message, retriable } = failure;
    return new PlatformError(code, `${this.name}: could not ${doing}: ${message}`, { outcome: unknown ? 'unknown' : 'not-applied', retriable, cause });
  }

  close(): void {
    this.#agent.destroy();
  }

  #makeClient(region: string | undefined): Client {
    const { host, port, tls } = this.#address;
    return new Client({
      endPoint: host,
      port,
      useSSL: tls,
      ...(this.#login === undefined ? {} : { accessKey: this.#login.username, secretKey: this.#login.password }),
      ...(region === undefined ? {} : { region }),
      // The client calls the first of its overloads only.
      transport: { request: this.#request as typeof http.request },
      transportAgent: this.#agent,
      retryOptions: { disableRetry: true },
      // Never split by the client, which would take up an unfinished upload of somebody else.
      partSize: 5 * 2 ** 30,
    });
  }

  readonly #request = (options: https.RequestOptions, answered: (response: http.IncomingMessage) => void): http.ClientRequest => {
    const request = (this.tls ? https : http).request(options, (response) => {
      // The client throws away these answers unread, which would keep the socket for ever.
      if (unreadStatuses.has(response.statusCode ?? 0)) response.resume();
      answered(response);
    });
    const { silenceMs } = this.#patience;
    request.setTimeout(silenceMs, () => request.destroy(new S3Silence(`no answer within ${silenceMs / 1000} s`)));
    return request;
  };
}

const unreadStatuses: ReadonlySet<number> = new Set([408, 429, 499, 500, 502, 503, 504, 520]);
