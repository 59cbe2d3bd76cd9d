import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Sql } from '#tideline/lake';
import { endProcessWith, frameworkLogger, runApp } from '#tideline/platform';
import { InvalidSourcesError } from '#tideline/retention';
import { TrainerModule } from './trainer.module.ts';
import { Schedule } from './schedule.ts';

endProcessWith('trainer', await runApp({
  app: 'trainer',
  doors: ['eventLog', 'objectStore', 'experiments'],
  isHopeless: (error) => error instanceof InvalidSourcesError,
  run: async (runtime) => {
    const sql = await Sql.open(await runtime.doors.get('objectStore'), { memoryLimit: '1GB', threads: 1 });
    try {
      const app = await NestFactory.createApplicationContext(TrainerModule.of(runtime, sql), { logger: frameworkLogger(runtime.logger), abortOnError: false });
      runtime.begin();
      await app.get(Schedule).run(runtime.stop);
      await app.close();
    } finally {
      await sql.close();
    }
  },
}));
