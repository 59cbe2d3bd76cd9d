import { Module } from '@nestjs/common';
import { Lake, Sql } from '#tideline/lake';
import {
  Clock, createLogger, EventLog, ExperimentTracker, loadConfiguration, ObjectStore, openEventLog, openExperimentTracker, openObjectStore,
  readTextFolders, SystemClock, type Configuration, type Logger,
} from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import { Schedule } from './schedule.ts';
import { Trainer } from './trainer.ts';

export const CONFIGURATION = Symbol('configuration');
export const LOGGER = Symbol('logger');

/** Opens the trainer's doors and wires its story and its schedule. */
@Module({
  providers: [
    { provide: CONFIGURATION, useFactory: () => loadConfiguration(process.cwd()) },
    { provide: LOGGER, useFactory: ({ logLevel }: Configuration) => createLogger({ app: 'trainer', level: logLevel }), inject: [CONFIGURATION] },
    { provide: Clock, useClass: SystemClock },
    { provide: EventLog, useFactory: ({ eventLog, logins }: Configuration) => openEventLog(eventLog, { app: 'trainer', login: logins.eventLog }), inject: [CONFIGURATION] },
    { provide: ObjectStore, useFactory: ({ objectStore, logins }: Configuration) => openObjectStore(objectStore, { login: logins.objectStore }), inject: [CONFIGURATION] },
    { provide: ExperimentTracker, useFactory: ({ experiments, logins }: Configuration) => openExperimentTracker(experiments, { login: logins.experiments }), inject: [CONFIGURATION] },
    { provide: Sql, useFactory: (store: ObjectStore) => Sql.open(store, { memoryLimit: '1GB', threads: 1 }), inject: [ObjectStore] },
    {
      provide: Trainer,
      useFactory: (log: EventLog, store: ObjectStore, sql: Sql, tracker: ExperimentTracker, clock: Clock) =>
        new Trainer({ log, lake: new Lake(store), sql, tracker, clock }),
      inject: [EventLog, ObjectStore, Sql, ExperimentTracker, Clock],
    },
    {
      provide: Schedule,
      useFactory: async (trainer: Trainer, clock: Clock, logger: Logger) => new Schedule(trainer, sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES)), clock, logger),
      inject: [Trainer, Clock, LOGGER],
    },
  ],
})
export class TrainerModule {}
