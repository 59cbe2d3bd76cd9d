import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { ApiKey, ApiRole } from '#tideline/platform';
import { Problem } from '../problems/problem.ts';

const RANK: Readonly<Record<ApiRole, number>> = { read: 1, predict: 2, operate: 3 };

/** Decides who may call what; each role includes the ones before it (read, predict, operate). Without keys everybody may call everything (the server then listens on loopback only). */
export class AccessControl {
  readonly #byDigest: ReadonlyMap<string, ApiKey>;

  constructor(keys: readonly ApiKey[]) {
    this.#byDigest = new Map(keys.map((key) => [key.sha256, key]));
  }

  get open(): boolean {
    return this.#byDigest.size === 0;
  }

  /** Throws a 401 or 403 problem when the request's key does not carry the role that its method and path need. */
  check(request: FastifyRequest): void {
    if (this.#byDigest.size === 0) return;
    const needed = neededRole(request.method, request.routeOptions.url ?? request.url);
    if (needed === undefined) return;
    const presented = presentedKey(request);
    if (presented === undefined) throw new Problem(401, 'key-missing', 'A key is needed', 'expected the header authorization: Bearer <key> (or x-api-key), found neither');
    const key = this.#byDigest.get(createHash('sha256').update(presented).digest('hex'));
    if (key === undefined) throw new Problem(401, 'key-unknown', 'The key is not known', 'expected one of the configured keys');
    if (RANK[key.role] < RANK[needed]) throw new Problem(403, 'role', 'The key may not do this', `expected the role ${needed}, found ${key.role} (key ${key.name})`);
  }
}

function presentedKey(request: FastifyRequest): string | undefined {
  const authorization = request.headers.authorization;
  const bearer = authorization === undefined ? undefined : /^bearer +(\S+)$/i.exec(authorization)?.[1];
  const header = request.headers['x-api-key'];
  return bearer ?? (typeof header === 'string' && header !== '' ? header : undefined);
}

/** Probes, the page's own files and the documentation are open; asking a model needs `predict`; any other change `operate`. `route` is the matched pattern. */
function neededRole(method: string, route: string): ApiRole | undefined {
  if (method === 'GET' || method === 'HEAD') {
    const open = route === '/' || route === '/*' || route === '/health' || route === '/ready' || route.startsWith('/docs') || route.startsWith('/assets/') || route.startsWith('/favicon');
    return open ? undefined : 'read';
  }
  return /(^|\/)predict(\/value)?$/.test(route) ? 'predict' : 'operate';
}
