import { Module } from '@nestjs/common';
import { Clock, createLogger, EventLog, loadConfiguration, openEventLog, openSchemaRegistry, SchemaRegistry, SystemClock, type Configuration, type Logger } from '#tideline/platform';
import { Ingestor } from './ingestor.ts';
import { loadSources } from './load-sources.ts';
import { logReplays } from './log-replays.ts';

export const CONFIGURATION = Symbol('configuration');
export const LOGGER = Symbol('logger');

/** Opens the ingestor's doors and wires its story. */
@Module({
  providers: [
    { provide: CONFIGURATION, useFactory: () => loadConfiguration(process.cwd()) },
    { provide: LOGGER, useFactory: ({ logLevel }: Configuration) => createLogger({ app: 'ingestor', level: logLevel }), inject: [CONFIGURATION] },
    { provide: Clock, useClass: SystemClock },
    { provide: EventLog, useFactory: ({ eventLog }: Configuration) => openEventLog(eventLog, { app: 'ingestor' }), inject: [CONFIGURATION] },
    { provide: SchemaRegistry, useFactory: ({ schemaRegistry }: Configuration) => openSchemaRegistry(schemaRegistry), inject: [CONFIGURATION] },
    {
      provide: Ingestor,
      useFactory: async (log: EventLog, registry: SchemaRegistry, clock: Clock, logger: Logger) =>
        new Ingestor({ log, registry, clock, lockFolder: 'data/locks' }, await loadSources('sources'), logReplays(logger, clock)),
      inject: [EventLog, SchemaRegistry, Clock, LOGGER],
    },
  ],
})
export class IngestorModule {}
