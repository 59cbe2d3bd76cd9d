const NUMBER_OR_NULL = { type: ['number', 'null'] };
const TIME_OR_NULL = { type: ['string', 'null'], format: 'date-time' };

/** JSON schema of the values on `churn-scores`; integers that may pass 2^53 travel as text. */
export const CHURN_SCORE_SCHEMA = JSON.stringify({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'ChurnScore',
  type: 'object',
  required: ['source', 'entity', 'eventTime', 'featureTime', 'churnProbability', 'expectedValue', 'state', 'reward', 'model', 'reasons', 'origin'],
  properties: {
    source: { type: 'string' },
    entity: { type: 'string' },
    eventTime: TIME_OR_NULL,
    featureTime: TIME_OR_NULL,
    churnProbability: NUMBER_OR_NULL,
    expectedValue: NUMBER_OR_NULL,
    state: { type: 'array', items: NUMBER_OR_NULL },
    reward: NUMBER_OR_NULL,
    model: {
      type: ['object', 'null'],
      required: ['name', 'version', 'kind'],
      properties: { name: { type: 'string' }, version: { type: 'string' }, kind: { type: 'string' } },
    },
    reasons: {
      type: 'array',
      items: {
        type: 'object',
        required: ['feature', 'value', 'contribution'],
        properties: { feature: { type: 'string' }, value: NUMBER_OR_NULL, contribution: { type: 'number' } },
      },
    },
    origin: {
      type: 'object',
      required: ['topic', 'partition', 'offset'],
      properties: { topic: { type: 'string' }, partition: { type: 'integer' }, offset: { type: 'string', pattern: '^[0-9]+$' } },
    },
  },
});
