/*
 * The parts of kafkajs 2.2.4 (pinned) that stand below its public face: one connection with its framing, TLS, SASL and time limits.
 * Only what is used here is described.
 */
declare module 'kafkajs/src/broker/index.js' {
  import type { ConnectionPool } from 'kafkajs/src/cluster/connectionPoolBuilder.js';
  import type { RootLogger } from 'kafkajs/src/loggers/index.js';

  export type ApiVersions = Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;

  export default class Broker {
    constructor(options: { connectionPool: ConnectionPool; logger: RootLogger; nodeId?: number; versions?: ApiVersions; authenticationTimeout?: number });
    readonly connectionPool: ConnectionPool;
    versions: ApiVersions | null;
    isConnected(): boolean;
    connect(): Promise<void>;
  }
}

declare module 'kafkajs/src/cluster/connectionPoolBuilder.js' {
  import type { Socket } from 'node:net';
  import type { ApiVersions } from 'kafkajs/src/broker/index.js';
  import type { RootLogger } from 'kafkajs/src/loggers/index.js';

  export interface RequestQueue {
    throttledUntil: number;
    throttleCheckTimeoutId: NodeJS.Timeout | null;
    readonly pending: readonly unknown[];
    checkPendingRequests(): void;
    scheduleCheckPendingRequests(): void;
  }

  export interface Connection {
    readonly requestQueue: RequestQueue;
    readonly socket: Socket | undefined;
    connect(): Promise<boolean>;
    rejectRequests(error: Error): void;
    disconnect(): Promise<boolean>;
  }

  /** `buf` marks it as an encoder; `buffer` is what is sent. */
  export interface EncodedBytes {
    readonly buf: Buffer;
    readonly buffer: Buffer;
  }

  export interface ProtocolRequest<T> {
    readonly request: { readonly apiKey: number; readonly apiName: string; readonly apiVersion: number; encode(): Promise<EncodedBytes> };
    readonly response: { decode(payload: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
    readonly requestTimeout: number | null;
  }

  export interface ConnectionPool {
    readonly host: string;
    readonly port: number;
    readonly pool: readonly Connection[];
    isConnected(): boolean;
    setVersions(versions: ApiVersions): void;
    setSupportAuthenticationProtocol(isSupported: boolean): void;
    send<T>(request: ProtocolRequest<T>): Promise<T>;
  }

  export interface SocketOptions {
    readonly host: string;
    readonly port: number;
    readonly ssl: object | null;
    readonly onConnect: () => void;
  }

  export default function connectionPoolBuilder(options: {
    socketFactory: (options: SocketOptions) => Socket;
    brokers: string[];
    ssl: object | null;
    sasl: { mechanism: string; username: string; password: string } | null;
    clientId: string;
    requestTimeout: number;
    enforceRequestTimeout: boolean;
    connectionTimeout: number;
    maxInFlightRequests: number | null;
    logger: RootLogger;
    reauthenticationThreshold: number;
  }): { build(at: { host: string; port: number }): Promise<ConnectionPool> };
}

declare module 'kafkajs/src/loggers/index.js' {
  export interface RootLogger {
    namespace(name: string): RootLogger;
  }
  const loggers: { createLogger(options: { level: number; logCreator: () => () => void }): RootLogger };
  export default loggers;
}
