import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Sql } from '#tideline/lake';
import { EventLog, ExperimentTracker, ObjectStore, stopRequest } from '#tideline/platform';
import { Schedule } from './schedule.ts';
import { TrainerModule } from './trainer.module.ts';

const stop = stopRequest();
const app = await NestFactory.createApplicationContext(TrainerModule, { logger: ['error', 'warn'] });
await app.get(Schedule).run(stop);
await app.get(Sql).close();
for (const door of [EventLog, ObjectStore, ExperimentTracker]) await app.get<{ close(): Promise<void> }>(door).close();
await app.close();
