import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { frameworkLogger } from '#tideline/platform';
import { AccessControl } from './access/api-keys.ts';
import { ApiModule, type ApiParts } from './api.module.ts';
import { serveDocumentation } from './documentation.ts';
import { Telemetry } from './health/telemetry.ts';
import { Forecaster } from './predict/forecaster.ts';
import { registerPredictRoutes } from './predict/predict-routes.ts';
import { ProblemFilter, sendProblem } from './problems/problem-filter.ts';
import { Problem } from './problems/problem.ts';
import { ScoreStream } from './scores/score-stream.ts';
import { registerStreamRoutes } from './scores/stream-routes.ts';
import type { ApiSettings } from './settings.ts';
import { SourceCatalog } from './sources/source-catalog.ts';

const BODY_BYTES_MAX = 1 << 20;
const CONTENT_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/** The whole HTTP side, wired and ready to listen: Nest controllers, the hot routes on Fastify, documentation and dashboard. */
export async function createHttpServer(parts: ApiParts, settings: ApiSettings, dashboardFolder: string): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_BYTES_MAX,
    skipMiddie: true,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => sendProblem(error, request, reply),
  });
  const server = adapter.getInstance();
  // Only JSON is read; anything else is a 415 and not a string that no schema expects.
  server.removeContentTypeParser('text/plain');

  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.of(parts), adapter, { bodyParser: false, logger: parts.logger === undefined ? ['error', 'warn'] : frameworkLogger(parts.logger), abortOnError: false });
  app.useGlobalFilters(new ProblemFilter());
  guard(server, new AccessControl(settings.keys));
  app.get(Telemetry).watch(server);
  registerPredictRoutes(server, app.get(Forecaster));
  registerStreamRoutes(server, app.get(ScoreStream), app.get(SourceCatalog));
  serveDocumentation(app);
  await serveDashboard(server, dashboardFolder);
  return app;
}

function guard(server: FastifyInstance, access: AccessControl): void {
  if (access.open) return;
  server.addHook('onRequest', (request, reply, done) => {
    try {
      access.check(request);
    } catch (error) {
      sendProblem(error, request, reply);
      return;
    }
    done();
  });
}

async function serveDashboard(server: FastifyInstance, folder: string): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    server.get('/', (request, reply) => {
      sendProblem(new Problem(404, 'no-dashboard', 'The dashboard is not built', 'expected dist/dashboard/index.html, found none; build it with: npm run build'), request, reply);
    });
    return;
  }
  await server.register(fastifyStatic, {
    root: folder,
    wildcard: false,
    decorateReply: false,
    setHeaders: (reply, path) => {
      reply.header('x-content-type-options', 'nosniff');
      if (path.endsWith('.html')) reply.header('content-security-policy', CONTENT_POLICY);
      // Assets carry their content's hash in the name.
      reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}

/** Listens and gives the address to open, or fails with a message for a person when the port is taken. */
export async function listen(app: NestFastifyApplication, settings: ApiSettings): Promise<string> {
  try {
    await app.init();
    // Fastify's own listen: Nest's would log a stack before this function can say it in one line.
    const server: FastifyInstance = app.getHttpAdapter().getInstance();
    return await server.listen({ port: settings.port, host: settings.host });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE') throw new AddressTaken(`port ${settings.port} on ${settings.host} is in use by another program; stop it or set TIDELINE_PORT`);
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL') throw new AddressTaken(`cannot listen on ${settings.host}:${settings.port} (${code}); set TIDELINE_HOST and TIDELINE_PORT`);
    throw error;
  }
}

/** The address could not be had; the message is fit to be the last line of a failed start. */
export class AddressTaken extends Error {}
