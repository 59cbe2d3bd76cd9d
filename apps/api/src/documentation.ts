import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { apiPredictBody, predictBody, predictionAnswer, predictOneBody, predictValueBody } from './predict/predict-schemas.ts';

type PathItem = OpenAPIObject['paths'][string];

/** Swagger UI at `/docs`, the OpenAPI 3.1 document at `/docs-json`; the routes that stand on Fastify itself are described from their own schemas. */
export function serveDocumentation(app: NestFastifyApplication): void {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Tideline')
    .setDescription('Live churn scores, predictions and the story of every entity. Errors are problem documents (RFC 9457).')
    .setVersion('1')
    .addBearerAuth()
    .build();
  const document = SwaggerModule.createDocument(app, config);
  Object.assign(document.paths, hotPaths());
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'docs-json', yamlDocumentUrl: 'docs-yaml', customSiteTitle: 'Tideline API' });
}

function hotPaths(): Record<string, PathItem> {
  const source = { name: 'source', in: 'path', required: true, schema: { type: 'string' } };
  const reasons = { name: 'reasons', in: 'query', schema: { type: 'string', enum: ['true', 'false'], default: 'true' } };
  const query = (name: string, schema: object, description: string): object => ({ name, in: 'query', schema, description });
  const paths = {
    '/sources/{source}/predict': { post: operation('predict', 'The chance of churn for features or for a live entity; an array gives an array', predictBody, [source, reasons], { oneOf: [predictionAnswer, { type: 'array', items: predictionAnswer }] }) },
    '/predict': { post: operation('predict', 'One customer: the named form or features side by side with customer_id', predictOneBody, [reasons], predictionAnswer) },
    '/api/predict': { post: operation('predict', 'Prediction of a named model', apiPredictBody, [], { type: 'object', properties: { prediction: { type: 'number' }, probability: { type: ['number', 'null'] }, model_used: { type: 'string' } } }) },
    '/predict/value': { post: operation('predict', 'What the rest of a visit is expected to bring after this page', predictValueBody, [], { type: 'object', properties: { expected_revenue: { type: 'number' }, mean_reward: { type: 'number' }, leave_probability: { type: 'number' } } }) },
    '/scores/stream': {
      get: {
        tags: ['scores'],
        summary: 'Live scores as server-sent events; the header Last-Event-ID goes on where a listener stopped',
        parameters: [
          query('source', { type: 'string' }, 'only this source'),
          query('min', { type: 'number', minimum: 0, maximum: 1 }, 'only scores at or above this probability'),
          query('rate', { type: 'integer', minimum: 1, maximum: 1000 }, 'a sample of at most this many a second instead of every score'),
          query('last', { type: 'integer', minimum: 0, maximum: 1000 }, 'begin with this many of the newest'),
          { name: 'Last-Event-ID', in: 'header', schema: { type: 'string' }, description: 'positions such as 0:124,1:88: the next offset of each partition' },
        ],
        responses: { 200: { description: 'a stream of events named score', content: { 'text/event-stream': { schema: { type: 'string' } } } }, ...problems(400, 404) },
      },
    },
  };
  return paths as unknown as Record<string, PathItem>;
}

function operation(tag: string, summary: string, body: object, parameters: readonly object[], answer: object): object {
  return {
    tags: [tag],
    summary,
    parameters,
    requestBody: { required: true, content: { 'application/json': { schema: body } } },
    responses: { 200: { description: 'the answer', content: { 'application/json': { schema: answer } } }, ...problems(400, 404, 413, 415, 503) },
  };
}

function problems(...statuses: readonly number[]): object {
  const schema = {
    type: 'object',
    properties: {
      type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' },
      errors: { type: 'array', items: { type: 'object', properties: { pointer: { type: 'string' }, detail: { type: 'string' } } } },
    },
  };
  return Object.fromEntries(statuses.map((status) => [status, { description: 'a problem document that names the field', content: { 'application/problem+json': { schema } } }]));
}
