import { Module } from '@nestjs/common';
import { Clock, createLogger, EventLog, loadConfiguration, openEventLog, openSchemaRegistry, readTextFolders, SchemaRegistry, SystemClock, type Configuration, type Logger } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import { Ingestor } from './ingestor.ts';
import { logReplays } from './log-replays.ts';

const CONFIGURATION = Symbol('configuration');
export const LOGGER = Symbol('logger');

/** Opens the ingestor's doors and wires its story. */
@Module({
  providers: [
    { provide: CONFIGURATION, useFactory: () => loadConfiguration(process.cwd()) },
    { provide: LOGGER, useFactory: ({ logLevel }: Configuration) => createLogger({ app: 'ingestor', level: logLevel }), inject: [CONFIGURATION] },
    { provide: Clock, useClass: SystemClock },
    { provide: EventLog, useFactory: ({ eventLog, logins }: Configuration) => openEventLog(eventLog, { app: 'ingestor', login: logins.eventLog }), inject: [CONFIGURATION] },
    { provide: SchemaRegistry, useFactory: ({ schemaRegistry, logins }: Configuration) => openSchemaRegistry(schemaRegistry, { login: logins.schemaRegistry }), inject: [CONFIGURATION] },
    {
      provide: Ingestor,
      useFactory: async (log: EventLog, registry: SchemaRegistry, clock: Clock, logger: Logger) =>
        new Ingestor({ log, registry, clock, lockFolder: 'data/locks' }, sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES)), logReplays(logger, clock)),
      inject: [EventLog, SchemaRegistry, Clock, LOGGER],
    },
  ],
})
export class IngestorModule {}
