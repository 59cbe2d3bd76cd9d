import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { isLoopback, type ApiKey } from '../configuration/configuration.ts';
import { PlatformError } from '../errors.ts';
import type { Liveness } from './liveness.ts';
import type { Metrics } from './metrics.ts';

/** One thing that has to be well for work to be possible. */
export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, for people; the reason when it is not well. */
  readonly found: string;
}

export interface OperationsOptions {
  readonly app: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Named when the port can't be had. */
  readonly portSetting: string;
  /** With keys `/metrics` asks for one, as the api does; probes stay open. */
  readonly apiKeys: readonly ApiKey[];
  readonly metrics: Metrics;
  readonly liveness: Liveness;
  readonly ready: () => Promise<readonly ReadinessCheck[]>;
}

/** Answers probes and Prometheus for one app. */
export interface OperationsServer {
  /** `http://host:port` as it was given by the system. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Answers `GET /health` (200 while no loop is stuck), `/ready` (200 while every check is well, 503 with reasons) and `/metrics` on an address
 * of the app's own. Throws `ADDRESS_IN_USE` naming the setting when the port can't be had.
 */
export async function serveOperations(options: OperationsOptions): Promise<OperationsServer> {
  const { host, port, portSetting } = options;
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => sendJson(response, 500, { status: 'failed', reasons: [error instanceof Error ? error.message : String(error)] }));
  });
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const why = code === 'EADDRINUSE' ? 'is in use by another program' : `can't be listened on (${code})`;
    throw new PlatformError('ADDRESS_IN_USE', `${portSetting}: ${host}:${port} ${why}; set another port, or 0 for any free one`, { cause: error });
  }
  // Probes must not keep a stopped process alive.
  server.unref();
  const shown = host.includes(':') ? `[${host}]` : host;
  return { address: `http://${shown}:${(server.address() as AddressInfo).port}`, close: () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

async function answer(options: OperationsOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { app, liveness, metrics, ready } = options;
  if (request.method !== 'GET' && request.method !== 'HEAD') return sendJson(response, 405, { status: 'method', reasons: [`expected GET, found ${request.method}`] });
  const path = new URL(request.url ?? '/', 'http://app').pathname;
  if (path === '/health') {
    const reasons = liveness.problems();
    return sendJson(response, reasons.length === 0 ? 200 : 503, { status: reasons.length === 0 ? 'ok' : 'stuck', app, uptimeSeconds: Math.round(process.uptime()), reasons });
  }
  if (path === '/ready') {
    const checks = await ready();
    const reasons = checks.filter(({ ok }) => !ok).map(({ name, found }) => `${name}: ${found}`);
    return sendJson(response, reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, app, reasons, checks });
  }
  if (path !== '/metrics') return sendJson(response, 404, { status: 'unknown', reasons: [`expected /health, /ready or /metrics, found ${path}`] });
  if (!isAllowed(options, request)) return sendJson(response, 401, { status: 'key', reasons: ['expected the header authorization: Bearer <key> with a configured key'] });
  const { text, contentType } = await metrics.render();
  response.writeHead(200, { 'content-type': contentType }).end(text);
}

/** On loopback everybody on the machine may look; from elsewhere any known key may. */
function isAllowed({ host, apiKeys }: OperationsOptions, request: IncomingMessage): boolean {
  if (isLoopback(host) || apiKeys.length === 0) return true;
  const presented = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (presented === undefined) return false;
  const digest = createHash('sha256').update(presented).digest('hex');
  return apiKeys.some(({ sha256 }) => sha256 === digest);
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(`${JSON.stringify(body)}\n`);
}
