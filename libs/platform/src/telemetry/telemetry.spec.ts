import { expect, test } from 'vitest';
import { PlatformError } from '../errors.ts';
import { readConfiguration } from '../configuration/configuration.ts';
import { createLogger, secretsOf } from './logger.ts';
import { Metrics } from './metrics.ts';

test('log lines are JSON with the app, masked secrets and what is known about a failure', () => {
  const lines: string[] = [];
  const logger = createLogger({ app: 'ingestor', level: 'info', write: (line) => void lines.push(line) });
  logger.debug('not shown');
  logger.info({ address: 'kafka://u:hunter2@h:1', password: 'hunter2', request: { authorization: 'hunter2' }, rows: 5 }, 'began');
  logger.error({ err: new PlatformError('NO_SPACE', 'full', { cause: new Error('ENOSPC') }) }, 'failed');
  expect(lines.join('')).not.toContain('hunter2');
  const [began, failed] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(began).toMatchObject({ app: 'ingestor', level: 'info', msg: 'began', address: 'kafka://***@h:1', rows: 5 });
  expect(failed['err']).toEqual({ type: 'PlatformError', code: 'NO_SPACE', outcome: 'not-applied', retriable: false, message: 'full', cause: 'ENOSPC' });
});

test('metrics are made once and rendered for Prometheus', async () => {
  const metrics = new Metrics('api');
  metrics.counter('rows_total', 'rows read', ['source']).inc({ source: 'x' }, 2);
  metrics.counter('rows_total', 'rows read', ['source']).inc({ source: 'x' });
  metrics.gauge('lag', 'records behind').set(7);
  metrics.histogram('seconds', 'time', [0.1, 1]).observe(0.5);
  const { text, contentType } = await metrics.render();
  expect(contentType).toContain('text/plain');
  expect(text).toContain('tideline_rows_total{source="x",app="api"} 3');
  expect(text).toContain('tideline_lag{app="api"} 7');
  expect(text).toContain('tideline_seconds_bucket{le="1",app="api"} 1');
});

test('no line holds a secret, wherever it comes from', () => {
  const lines: string[] = [];
  const password = 'hunter2"\\ü';
  const secrets = secretsOf(readConfiguration({ KAFKA_USERNAME: 'u', KAFKA_PASSWORD: password }));
  const logger = createLogger({ app: 'api', level: 'trace', secrets, write: (line) => void lines.push(line) });
  const error = new Error(`SASL failed for u:${password}`);
  logger.error({ err: error, deep: { nested: { more: [password] } }, [password]: 1 }, `could not log in with ${password}`);
  logger.child({ url: `http://u:${password}@h/` }).trace(new PlatformError('UNAVAILABLE', password, { cause: error }));
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    expect(line).not.toContain('hunter2');
    expect(JSON.parse(line)).toMatchObject({ app: 'api' });
  }
});
