import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import Broker, { type ApiVersions } from 'kafkajs/src/broker/index.js';
import connectionPoolBuilder, { type Connection, type ConnectionPool, type EncodedBytes, type ProtocolRequest, type SocketOptions } from 'kafkajs/src/cluster/connectionPoolBuilder.js';
import loggers from 'kafkajs/src/loggers/index.js';
import type { KafkaSettings } from './kafka-settings.ts';
import { WireReader, type WireWriter } from './wire.ts';

/** One call of Kafka's protocol: what is sent and how the answer is read. */
export interface KafkaCall<T> {
  readonly name: string;
  readonly key: number;
  readonly version: number;
  /** Whether this version uses the newer encoding, whose frames begin with tagged fields. */
  readonly flexible?: boolean;
  /** Added to the time that an answer may take: the broker is asked to hold it back that long. */
  readonly holdMs?: number;
  write(): WireWriter;
  read(answer: WireReader): T;
}

const connectionTimeoutMs = 4000;
const requestTimeoutMs = 12_000;
const authenticationTimeoutMs = 8000;

// Connections log at their own discretion, with addresses and more: failures reach the caller as errors instead.
const silent = loggers.createLogger({ level: 0, logCreator: () => () => undefined });

/** The one place that makes connections of kafkajs; each broker has one for fetching and one for the rest. */
export class KafkaNode {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  readonly #settings: KafkaSettings;
  #broker: Promise<Broker> | undefined;
  #versions: ApiVersions | undefined;
  /** Fetch connections that nobody uses at the moment. */
  #idle: ConnectionPool[] = [];
  readonly #pools = new Set<ConnectionPool>();

  constructor(settings: KafkaSettings, at: { readonly id: number; readonly host: string; readonly port: number }) {
    this.#settings = settings;
    this.id = at.id;
    this.host = at.host;
    this.port = at.port;
  }

  /** Sends on the shared connection; calls are answered in order. A failed connection is dropped, the next call makes another. */
  async send<T>(call: KafkaCall<T>): Promise<T> {
    const broker = await this.#connected();
    try {
      return await broker.connectionPool.send(requestOf(call));
    } catch (error) {
      if (isTransportFailure(error)) this.#drop(broker.connectionPool, () => (this.#broker = undefined));
      throw error;
    }
  }

  /** Sends on a connection of its own, because a call that waits on the broker would hold up the others. */
  async sendAlone<T>(call: KafkaCall<T>): Promise<T> {
    await this.#connected();
    const pool = this.#idle.pop() ?? (await this.#makePool());
    try {
      const answer = await pool.send(requestOf(call));
      this.#idle.push(pool);
      return answer;
    } catch (error) {
      if (isTransportFailure(error)) this.#drop(pool, () => undefined);
      else this.#idle.push(pool);
      throw error;
    }
  }

  /** Ends every connection now; calls under way fail. */
  close(): void {
    for (const pool of this.#pools) this.#drop(pool, () => undefined);
    this.#idle = [];
    this.#broker = undefined;
  }

  #connected(): Promise<Broker> {
    const connecting = (this.#broker ??= this.#connect());
    connecting.catch(() => {
      if (this.#broker === connecting) this.#broker = undefined;
    });
    return connecting;
  }

  async #connect(): Promise<Broker> {
    const pool = await this.#makePool();
    const broker = new Broker({ connectionPool: pool, logger: silent, nodeId: this.id, authenticationTimeout: authenticationTimeoutMs });
    try {
      await broker.connect();
    } catch (error) {
      this.#drop(pool, () => undefined);
      throw error;
    }
    this.#versions = broker.versions ?? undefined;
    return broker;
  }

  async #makePool(): Promise<ConnectionPool> {
    const { tls, sasl, clientId } = this.#settings;
    const { host, port } = this;
    const pool = await connectionPoolBuilder({
      socketFactory: openSocket,
      brokers: [`${host}:${port}`],
      ssl: tls ? {} : null,
      sasl: sasl ?? null,
      clientId,
      requestTimeout: requestTimeoutMs,
      enforceRequestTimeout: true,
      connectionTimeout: connectionTimeoutMs,
      maxInFlightRequests: null,
      logger: silent,
      reauthenticationThreshold: 10_000,
    }).build({ host, port });
    for (const connection of pool.pool) {
      quietQueue(connection);
      connectOnce(connection);
    }
    if (this.#versions !== undefined) {
      pool.setVersions(this.#versions);
      pool.setSupportAuthenticationProtocol(true);
    }
    this.#pools.add(pool);
    return pool;
  }

  #drop(pool: ConnectionPool, forget: () => void): void {
    this.#pools.delete(pool);
    forget();
    for (const connection of pool.pool) {
      connection.rejectRequests(Object.assign(new Error(`the connection to ${this.host}:${this.port} was closed`), { name: 'KafkaJSConnectionClosedError' }));
      void connection.disconnect().finally(() => connection.socket?.destroy());
    }
  }
}

// kafkajs sets a timer of negative length after every answer (Node warns of it); this does the same without the idle timers.
function quietQueue({ requestQueue: queue }: Connection): void {
  queue.scheduleCheckPendingRequests = () => {
    const throttledMs = queue.throttledUntil - Date.now();
    if (queue.throttleCheckTimeoutId !== null || (queue.pending.length === 0 && throttledMs <= 0)) return;
    queue.throttleCheckTimeoutId = setTimeout(() => {
      queue.throttleCheckTimeoutId = null;
      queue.checkPendingRequests();
    }, Math.max(throttledMs, 10));
  };
}

// kafkajs opens a socket for each call that finds its connection not made yet and forgets all but the last, which then keep the process alive.
function connectOnce(connection: Connection): void {
  const connect = connection.connect.bind(connection);
  let connecting: Promise<boolean> | undefined;
  connection.connect = () => (connecting ??= connect().finally(() => (connecting = undefined)));
}

function isTransportFailure(error: unknown): boolean {
  return error instanceof Error && ['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSRequestTimeoutError', 'RangeError'].includes(error.name);
}

function openSocket({ host, port, ssl, onConnect }: SocketOptions): Socket {
  const socket = ssl === null ? connectPlain({ host, port }, onConnect) : connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect);
  socket.setKeepAlive(true, 60_000);
  return socket.setNoDelay(true);
}

function requestOf<T>({ name, key, version, flexible = false, holdMs, write, read }: KafkaCall<T>): ProtocolRequest<T> {
  return {
    request: {
      apiKey: key,
      apiName: name,
      apiVersion: version,
      encode: async (): Promise<EncodedBytes> => {
        const { buffer } = write();
        const bytes = flexible ? Buffer.concat([Buffer.from([0]), buffer]) : buffer;
        return { buf: bytes, buffer: bytes };
      },
    },
    response: {
      decode: async (payload: Buffer) => {
        const answer = new WireReader(payload);
        if (flexible) answer.skipTags();
        return read(answer);
      },
      parse: async (decoded: T) => decoded,
    },
    requestTimeout: holdMs === undefined ? null : requestTimeoutMs + holdMs,
  };
}
