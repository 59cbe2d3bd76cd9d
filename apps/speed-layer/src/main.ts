import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { endProcessWith, frameworkLogger, runApp, type AppRuntime } from '#tideline/platform';
import { InvalidSourcesError } from '#tideline/retention';
import { EventLogServer } from './event-log-server.ts';
import { SpeedLayerModule } from './speed-layer.module.ts';
import { SpeedLayer } from './speed-layer.ts';

/** Until told to stop, or until the group fails by itself. */
async function run(runtime: AppRuntime): Promise<void> {
  const { stop, logger } = runtime;
  const ended = Promise.withResolvers<void>();
  // A group may fail before anybody waits for it.
  ended.promise.catch(() => undefined);
  if (stop.aborted) return;
  stop.addEventListener('abort', () => ended.resolve(), { once: true });
  const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(SpeedLayerModule.of(runtime), {
    logger: frameworkLogger(logger),
    abortOnError: false,
    useFactory: (speedLayer: SpeedLayer) => ({ strategy: new EventLogServer(speedLayer.group(), (error) => ended.reject(error)) }),
    inject: [SpeedLayer],
  });
  await app.listen();
  runtime.begin();
  logger.info('the speed layer follows the raw topics');
  try {
    await ended.promise;
  } finally {
    // Stops every partition at a batch border, saves the states and leaves the group.
    await app.close();
    await app.get(SpeedLayer).stop();
  }
}

endProcessWith('speed-layer', await runApp({
  app: 'speed-layer',
  doors: ['eventLog', 'objectStore', 'experiments', 'schemaRegistry'],
  isHopeless: (error) => error instanceof InvalidSourcesError,
  run,
}));
