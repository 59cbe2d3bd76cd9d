import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEM_JSON, toProblem } from './problem.ts';

const logger = new Logger('http');

/** Answers every failure of every route, Nest's own and Fastify's, with a problem document. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(thrown, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

/** The same for routes that are registered on Fastify itself. */
export function sendProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const document = toProblem(thrown);
  if (document.status >= 500 && document.status !== 503) logger.error(`${request.method} ${request.routeOptions.url ?? request.url}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  if (reply.sent) return;
  if (document.status === 401) reply.header('www-authenticate', 'Bearer realm="tideline"');
  reply.code(document.status).header('content-type', PROBLEM_JSON).send(JSON.stringify({ ...document, instance: request.url }));
}
