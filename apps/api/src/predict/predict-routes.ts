import { Ajv, type ValidateFunction } from 'ajv';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import { sendProblem } from '../problems/problem-filter.ts';
import type { FeatureInput } from './predictor.ts';
import type { Forecaster, Question, ValueQuestion } from './forecaster.ts';
import { apiPredictBody, predictBody, predictOneBody, predictQuery, predictValueBody } from './predict-schemas.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Schemas are checked as they are written: nothing is coerced, removed or filled in, so the text "5" is never a number. Shared by
 * the routes that stand on Fastify itself.
 */
function strictValidator(): RouteShorthandOptions['validatorCompiler'] {
  const ajv = new Ajv({ allErrors: false, verbose: true, allowUnionTypes: true, strict: true });
  return ({ schema }): ValidateFunction => ajv.compile(schema as object);
}

interface PredictOne extends Question {
  readonly source?: string;
  readonly [feature: string]: unknown;
}

/**
 * The prediction routes, on Fastify itself: Nest's pipeline of guards, pipes and interceptors would cost more than the model.
 */
export function registerPredictRoutes(server: FastifyInstance, forecaster: Forecaster): void {
  const validatorCompiler = strictValidator();
  const options = (body: object, withReasons: boolean): RouteShorthandOptions => ({
    schema: { body, ...(withReasons ? { querystring: predictQuery } : {}) },
    ...(validatorCompiler === undefined ? {} : { validatorCompiler }),
    errorHandler: (error: unknown, request: FastifyRequest, reply: FastifyReply) => sendProblem(error, request, reply),
  });

  server.post<{ Params: { source: string }; Body: Question | Question[]; Querystring: { reasons?: string } }>(
    '/sources/:source/predict',
    options(predictBody, true),
    (request, reply) => {
      send(reply, forecaster.answer(request.params.source, request.body, request.query.reasons !== 'false'));
    },
  );

  server.post<{ Body: PredictOne; Querystring: { reasons?: string } }>('/predict', options(predictOneBody, true), (request, reply) => {
    const { source, ...question } = request.body;
    send(reply, forecaster.answer(forecaster.onlyServedSource(source), asQuestion(question), request.query.reasons !== 'false'));
  });

  server.post<{ Body: { features: FeatureInput; model_name?: string; model_type?: string } }>(
    '/api/predict',
    options(apiPredictBody, false),
    async (request, reply) => {
      const { features, model_name, model_type } = request.body;
      return send(reply, await forecaster.answerNamed(features, model_name, model_type));
    },
  );

  server.post<{ Body: ValueQuestion }>('/predict/value', options(predictValueBody, false), (request, reply) => {
    send(reply, forecaster.value(request.body));
  });
}

function send(reply: FastifyReply, answer: object): FastifyReply {
  return reply.header('content-type', JSON_TYPE).send(JSON.stringify(answer));
}

/** In the flat form every member without a name of its own is a feature. */
function asQuestion(body: PredictOne): Question {
  if (body.features !== undefined || body.entity !== undefined) return body;
  const { customer_id, features: _features, entity: _entity, ...flat } = body;
  const features = flat as Readonly<Record<string, number | null>>;
  return customer_id === undefined ? { features } : { features, customer_id };
}
