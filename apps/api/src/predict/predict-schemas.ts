/**
 * JSON schemas of the prediction routes. The same objects validate the hot routes and appear in the OpenAPI document, so the
 * two cannot differ.
 */
const features = {
  description: 'features by name (a missing one counts as unknown), or all of them in the order of the model; null is unknown',
  type: ['object', 'array'],
  additionalProperties: { type: ['number', 'null'] },
  items: { type: ['number', 'null'] },
  maxProperties: 10_000,
  maxItems: 10_000,
} as const;

const questionProperties = {
  features,
  entity: { type: ['string', 'integer'], description: 'an entity of the live stream; its latest state is scored' },
  customer_id: { type: ['string', 'integer'], description: 'comes back in the answer as it was' },
} as const;

/** One question or an array of them. */
export const predictBody = {
  type: ['object', 'array'],
  properties: questionProperties,
  additionalProperties: false,
  maxItems: 10_000,
  items: { type: 'object', properties: questionProperties, additionalProperties: false },
} as const;

/** The flat form of the earlier system: every member that is none of the named ones is a feature. */
export const predictOneBody = {
  type: 'object',
  properties: { ...questionProperties, source: { type: 'string', description: 'needed when more than one source has a model' } },
  additionalProperties: { type: ['number', 'null'] },
} as const;

export const apiPredictBody = {
  type: 'object',
  required: ['features'],
  properties: {
    features,
    model_name: { type: 'string', description: 'churn-<source>, <source> or either with @version; the only champion when absent' },
    model_type: { type: 'string', enum: ['classification', 'regression'] },
  },
  additionalProperties: false,
} as const;

export const predictValueBody = {
  type: 'object',
  required: ['page_id'],
  properties: {
    source: { type: 'string', description: 'needed when more than one source has visits' },
    segment: { type: 'string', description: 'age-gender-power, like 6-2-4; or the three members instead' },
    age_level: { type: 'integer', minimum: 0, maximum: 8 },
    gender: { type: 'integer', minimum: 0, maximum: 2 },
    purchase_power: { type: 'integer', minimum: 0, maximum: 7 },
    page_id: { type: 'integer', minimum: 0 },
  },
  additionalProperties: false,
} as const;

const reason = {
  type: 'object',
  properties: { feature: { type: 'string' }, value: { type: ['number', 'null'] }, contribution: { type: 'number' } },
} as const;

/** The answer to one question. */
export const predictionAnswer = {
  type: 'object',
  properties: {
    entity: { type: 'string' },
    customer_id: { type: ['string', 'integer'] },
    prediction: { type: 'number' },
    churn_probability: { type: ['number', 'null'] },
    confidence: { type: ['number', 'null'] },
    model: { type: 'object', properties: { name: { type: 'string' }, version: { type: 'string' }, kind: { type: 'string' } } },
    reasons: { type: 'array', items: reason },
    missing: { type: 'array', items: { type: 'string' } },
  },
} as const;

export const predictQuery = {
  type: 'object',
  properties: { reasons: { type: 'string', enum: ['true', 'false'] } },
  additionalProperties: false,
} as const;
