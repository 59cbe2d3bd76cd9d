import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Sql } from '#tideline/lake';
import { EventLog, ExperimentTracker, ObjectStore, SchemaRegistry, stopRequest } from '#tideline/platform';
import { BatchLayerModule } from './batch-layer.module.ts';
import { Schedule } from './schedule.ts';

const stop = stopRequest();
const app = await NestFactory.createApplicationContext(BatchLayerModule, { logger: ['error', 'warn'] });
await app.get(Schedule).run(stop);
await app.get(Sql).close();
for (const door of [EventLog, ObjectStore, ExperimentTracker, SchemaRegistry]) await app.get<{ close(): Promise<void> }>(door).close();
await app.close();
