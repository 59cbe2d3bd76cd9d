import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { endProcessWith, frameworkLogger, PlatformError, runApp } from '#tideline/platform';
import { InvalidSourcesError } from '#tideline/retention';
import { Ingestor } from './ingestor.ts';
import { IngestorModule } from './ingestor.module.ts';
import { parseReplayJobs } from './replay-job.ts';

endProcessWith('ingestor', await runApp({
  app: 'ingestor',
  doors: ['eventLog', 'schemaRegistry'],
  isHopeless: (error) => error instanceof InvalidSourcesError,
  run: async (runtime) => {
    const parsed = parseReplayJobs(process.env['INGESTOR_REPLAYS'] || '[]');
    if ('problems' in parsed) throw new PlatformError('SETTING_INVALID', parsed.problems.map((problem) => `INGESTOR_REPLAYS: ${problem}`).join('\n'));
    const app = await NestFactory.createApplicationContext(IngestorModule.of(runtime), { logger: frameworkLogger(runtime.logger), abortOnError: false });
    runtime.begin();
    try {
      await app.get(Ingestor).run(parsed.jobs, runtime.stop);
    } finally {
      await app.close();
    }
  },
}));
