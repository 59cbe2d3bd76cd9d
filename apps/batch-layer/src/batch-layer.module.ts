import { Module } from '@nestjs/common';
import { Lake, Sql } from '#tideline/lake';
import {
  Clock, createLogger, EventLog, ExperimentTracker, loadConfiguration, ObjectStore, openEventLog, openExperimentTracker, openObjectStore,
  openSchemaRegistry, readTextFolders, SchemaRegistry, SystemClock, type Configuration, type Logger,
} from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import { BatchLayer } from './batch-layer.ts';
import { Schedule } from './schedule.ts';

export const CONFIGURATION = Symbol('configuration');
export const LOGGER = Symbol('logger');

/** Opens the batch layer's doors and wires its story and its schedule. */
@Module({
  providers: [
    { provide: CONFIGURATION, useFactory: () => loadConfiguration(process.cwd()) },
    { provide: LOGGER, useFactory: ({ logLevel }: Configuration) => createLogger({ app: 'batch-layer', level: logLevel }), inject: [CONFIGURATION] },
    { provide: Clock, useClass: SystemClock },
    { provide: EventLog, useFactory: ({ eventLog, logins }: Configuration) => openEventLog(eventLog, { app: 'batch-layer', login: logins.eventLog }), inject: [CONFIGURATION] },
    { provide: ObjectStore, useFactory: ({ objectStore, logins }: Configuration) => openObjectStore(objectStore, { login: logins.objectStore }), inject: [CONFIGURATION] },
    { provide: ExperimentTracker, useFactory: ({ experiments, logins }: Configuration) => openExperimentTracker(experiments, { login: logins.experiments }), inject: [CONFIGURATION] },
    { provide: SchemaRegistry, useFactory: ({ schemaRegistry, logins }: Configuration) => openSchemaRegistry(schemaRegistry, { login: logins.schemaRegistry }), inject: [CONFIGURATION] },
    { provide: Sql, useFactory: (store: ObjectStore) => Sql.open(store, { memoryLimit: '1GB', threads: 1 }), inject: [ObjectStore] },
    {
      provide: BatchLayer,
      useFactory: (log: EventLog, store: ObjectStore, sql: Sql, tracker: ExperimentTracker, registry: SchemaRegistry, clock: Clock) =>
        new BatchLayer({ log, lake: new Lake(store), sql, tracker, registry, clock }),
      inject: [EventLog, ObjectStore, Sql, ExperimentTracker, SchemaRegistry, Clock],
    },
    {
      provide: Schedule,
      useFactory: async (layer: BatchLayer, clock: Clock, logger: Logger) => new Schedule(layer, sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES)), clock, logger),
      inject: [BatchLayer, Clock, LOGGER],
    },
  ],
})
export class BatchLayerModule {}
