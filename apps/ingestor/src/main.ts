import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { EventLog, SchemaRegistry, stopRequest, type Logger } from '#tideline/platform';
import { Ingestor } from './ingestor.ts';
import { IngestorModule, LOGGER } from './ingestor.module.ts';
import { parseReplayJobs } from './replay-job.ts';

/** Exit code that tells the supervisor that trying again is pointless. */
const EXIT_HOPELESS = 78;

const stop = stopRequest();
const app = await NestFactory.createApplicationContext(IngestorModule, { logger: ['error', 'warn'] });
const logger = app.get<Logger>(LOGGER);

const parsed = parseReplayJobs(process.env['INGESTOR_REPLAYS'] ?? '[]');
if ('problems' in parsed) {
  for (const problem of parsed.problems) logger.error(`INGESTOR_REPLAYS: ${problem}`);
  process.exit(EXIT_HOPELESS);
}
await app.get(Ingestor).run(parsed.jobs, stop);
await app.get(EventLog).close();
await app.get(SchemaRegistry).close();
await app.close();
