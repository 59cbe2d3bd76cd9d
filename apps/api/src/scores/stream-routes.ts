import type { FastifyInstance, FastifyRequest } from 'fastify';
import { sendProblem } from '../problems/problem-filter.ts';
import { invalidRequest } from '../problems/problem.ts';
import { probability, wholeNumber } from '../problems/query.ts';
import type { SourceCatalog } from '../sources/source-catalog.ts';
import type { ScoreStream, StreamRequest } from './score-stream.ts';
import { parsePosition } from './stream-position.ts';

type Query = Readonly<Record<string, unknown>>;

/** `GET /scores/stream`, on Fastify itself because it writes to the socket as scores come. */
export function registerStreamRoutes(server: FastifyInstance, stream: ScoreStream, sources: SourceCatalog): void {
  server.get<{ Querystring: Query }>(
    '/scores/stream',
    { errorHandler: (error, request, reply) => sendProblem(error, request, reply) },
    async (request, reply) => {
      const wanted = readRequest(request.query, request, sources);
      reply.hijack();
      await stream.serve(reply.raw, wanted);
    },
  );
}

function readRequest(query: Query, request: FastifyRequest, sources: SourceCatalog): StreamRequest {
  const known = ['source', 'min', 'rate', 'last'];
  const unknown = Object.keys(query).filter((name) => !known.includes(name));
  if (unknown.length > 0) throw invalidRequest(unknown.map((name) => ({ pointer: `?${name}`, detail: `expected one of ${known.join(', ')}` })));
  const { source } = query;
  if (source !== undefined && typeof source !== 'string') throw invalidRequest([{ pointer: '?source', detail: 'expected one source' }]);
  const id = request.headers['last-event-id'];
  const from = typeof id === 'string' && id !== '' ? parsePosition(id) : undefined;
  if (typeof id === 'string' && id !== '' && from === undefined) {
    throw invalidRequest([{ pointer: 'last-event-id', detail: `expected positions like 0:124,1:88, found ${JSON.stringify(id)}` }]);
  }
  return {
    source: source === undefined ? undefined : sources.expect(source).name,
    min: probability('min', query['min']),
    rate: query['rate'] === undefined ? undefined : wholeNumber('rate', query['rate'], { least: 1, most: 1000, otherwise: 1 }),
    last: wholeNumber('last', query['last'], { least: 0, most: 1000, otherwise: 0 }),
    from,
  };
}
