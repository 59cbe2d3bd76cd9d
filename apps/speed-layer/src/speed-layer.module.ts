import { Controller, Module, UseFilters, Catch, type RpcExceptionFilter } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import {
  Clock,
  createLogger,
  EventLog,
  ExperimentTracker,
  loadConfiguration,
  Metrics,
  ObjectStore,
  openEventLog,
  openExperimentTracker,
  openObjectStore,
  openSchemaRegistry,
  readTextFolders,
  SchemaRegistry,
  SystemClock,
  type Configuration,
  type Logger,
} from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import type { ProcessorOutput } from '#tideline/streaming';
import { RECORDS, type Delivery } from './event-log-server.ts';
import { readLimits } from './speed-layer-limits.ts';
import { SpeedLayerMetrics } from './speed-layer-metrics.ts';
import { SpeedLayer } from './speed-layer.ts';

const CONFIGURATION = Symbol('configuration');
export const LOGGER = Symbol('logger');

/** Lets a failure through as it is: it ends the group, and the engine must see what kind it is. */
@Catch()
class RethrowFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/** Takes the batches that the transport hands over. */
@Controller()
@UseFilters(RethrowFilter)
class RecordsController {
  readonly #speedLayer: SpeedLayer;

  constructor(speedLayer: SpeedLayer) {
    this.#speedLayer = speedLayer;
  }

  @MessagePattern(RECORDS)
  process(@Payload() delivery: Delivery): ProcessorOutput | Promise<ProcessorOutput> {
    return this.#speedLayer.process(delivery);
  }
}

/** Opens the speed layer's doors and wires its story. */
@Module({
  controllers: [RecordsController],
  providers: [
    { provide: CONFIGURATION, useFactory: () => loadConfiguration(process.cwd()) },
    { provide: LOGGER, useFactory: ({ logLevel }: Configuration) => createLogger({ app: 'speed-layer', level: logLevel }), inject: [CONFIGURATION] },
    { provide: Clock, useClass: SystemClock },
    { provide: Metrics, useFactory: () => new Metrics('speed-layer') },
    { provide: SpeedLayerMetrics, useFactory: (metrics: Metrics) => new SpeedLayerMetrics(metrics), inject: [Metrics] },
    { provide: EventLog, useFactory: ({ eventLog, logins }: Configuration) => openEventLog(eventLog, { app: 'speed-layer', login: logins.eventLog }), inject: [CONFIGURATION] },
    { provide: ObjectStore, useFactory: ({ objectStore, logins }: Configuration) => openObjectStore(objectStore, { login: logins.objectStore }), inject: [CONFIGURATION] },
    { provide: ExperimentTracker, useFactory: ({ experiments, logins }: Configuration) => openExperimentTracker(experiments, { login: logins.experiments }), inject: [CONFIGURATION] },
    { provide: SchemaRegistry, useFactory: ({ schemaRegistry, logins }: Configuration) => openSchemaRegistry(schemaRegistry, { login: logins.schemaRegistry }), inject: [CONFIGURATION] },
    {
      provide: SpeedLayer,
      useFactory: async (
        log: EventLog,
        store: ObjectStore,
        tracker: ExperimentTracker,
        registry: SchemaRegistry,
        clock: Clock,
        metrics: SpeedLayerMetrics,
        logger: Logger,
      ) => {
        const sources = sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES));
        const speedLayer = new SpeedLayer({ log, store, tracker, registry, clock }, sources, metrics, logger, readLimits(process.env));
        await speedLayer.prepare();
        return speedLayer;
      },
      inject: [EventLog, ObjectStore, ExperimentTracker, SchemaRegistry, Clock, SpeedLayerMetrics, LOGGER],
    },
  ],
})
export class SpeedLayerModule {}
