import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { EventLog, ExperimentTracker, Metrics, ObjectStore, SchemaRegistry, stopRequest, type Logger } from '#tideline/platform';
import { EventLogServer } from './event-log-server.ts';
import { serveMetrics } from './serve-metrics.ts';
import { readMetricsPort } from './speed-layer-limits.ts';
import { SpeedLayerMetrics } from './speed-layer-metrics.ts';
import { LOGGER, SpeedLayerModule } from './speed-layer.module.ts';
import { SpeedLayer } from './speed-layer.ts';

const ended = Promise.withResolvers<void>();
stopRequest().addEventListener('abort', () => ended.resolve());

const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(SpeedLayerModule, {
  logger: ['error', 'warn'],
  useFactory: (speedLayer: SpeedLayer) => ({ strategy: new EventLogServer(speedLayer.group(), (error) => ended.reject(error)) }),
  inject: [SpeedLayer],
});
const logger = app.get<Logger>(LOGGER);
await app.listen();
const metricsPort = readMetricsPort(process.env);
const metricsServer = metricsPort === undefined ? undefined : await serveMetrics(metricsPort, app.get(Metrics), app.get(SpeedLayerMetrics), app.get(EventLog));
logger.info('the speed layer follows the raw topics');
try {
  await ended.promise;
} catch (error) {
  logger.error({ err: error }, 'the speed layer ends');
  process.exitCode = 1;
}
metricsServer?.close();
await app.close();
await app.get(SpeedLayer).stop();
for (const door of [EventLog, ObjectStore, ExperimentTracker, SchemaRegistry]) await app.get<{ close(): Promise<void> }>(door).close();
