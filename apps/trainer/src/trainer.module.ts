import { Module } from '@nestjs/common';
import { Lake, Sql } from '#tideline/lake';
import {
  Clock, createLogger, EventLog, ExperimentTracker, loadConfiguration, ObjectStore, openEventLog, openExperimentTracker, openObjectStore,
  readTextFolders, SystemClock, type Configuration, type Logger,
} from '#tideline/platform';
import { parseSources, SOURCE_FILE_NAMES, type Source } from '#tideline/retention';
import { Schedule } from './schedule.ts';
import { Trainer } from './trainer.ts';

export const CONFIGURATION = Symbol('configuration');
export const LOGGER = Symbol('logger');

async function readSources(): Promise<readonly Source[]> {
  const { sources, problems } = parseSources(await readTextFolders('sources', SOURCE_FILE_NAMES));
  if (problems.length > 0) throw new Error(problems.map(({ path, line, column, message }) => `${path}:${line}:${column}: ${message}`).join('\n'));
  return sources;
}

/** Opens the trainer's doors and wires its story and its schedule. */
@Module({
  providers: [
    { provide: CONFIGURATION, useFactory: () => loadConfiguration(process.cwd()) },
    { provide: LOGGER, useFactory: ({ logLevel }: Configuration) => createLogger({ app: 'trainer', level: logLevel }), inject: [CONFIGURATION] },
    { provide: Clock, useClass: SystemClock },
    { provide: EventLog, useFactory: ({ eventLog }: Configuration) => openEventLog(eventLog, { app: 'trainer' }), inject: [CONFIGURATION] },
    { provide: ObjectStore, useFactory: ({ objectStore }: Configuration) => openObjectStore(objectStore), inject: [CONFIGURATION] },
    { provide: ExperimentTracker, useFactory: ({ experiments }: Configuration) => openExperimentTracker(experiments), inject: [CONFIGURATION] },
    { provide: Sql, useFactory: (store: ObjectStore) => Sql.open(store, { memoryLimit: '1GB', threads: 1 }), inject: [ObjectStore] },
    {
      provide: Trainer,
      useFactory: (log: EventLog, store: ObjectStore, sql: Sql, tracker: ExperimentTracker, clock: Clock) =>
        new Trainer({ log, lake: new Lake(store), sql, tracker, clock }),
      inject: [EventLog, ObjectStore, Sql, ExperimentTracker, Clock],
    },
    {
      provide: Schedule,
      useFactory: async (trainer: Trainer, clock: Clock, logger: Logger) => new Schedule(trainer, await readSources(), clock, logger),
      inject: [Trainer, Clock, LOGGER],
    },
  ],
})
export class TrainerModule {}
