import { join } from 'node:path';
import { Lake } from '#tideline/lake';
import { openEventLog, openObjectStore, openSchemaRegistry } from '#tideline/platform';
import { registeredCodec } from '#tideline/retention';
import { landSource } from '../apps/batch-layer/src/land.ts';
import { source } from './sources.ts';

// Lands alibaba's topic as bronze and silver until the replay that feeds it has reached its end.
const alibaba = await source('alibaba');
const log = await openEventLog(`file:${join('data', 'log')}`, { app: 'batch-layer' });
const store = await openObjectStore(`file:${join('data', 'lake')}`);
const registry = await openSchemaRegistry(`file:${join('data', 'schemas')}`);
const lake = new Lake(store);

async function isComplete(): Promise<boolean> {
  const topic = (await log.describeTopics()).find((description) => description.topic === 'raw.alibaba');
  const group = topic?.groups.find(({ group: name }) => name.startsWith('replay-'))?.group;
  if (topic === undefined || group === undefined) return false;
  const progress = JSON.parse((await log.committed(group, topic.topic, 0))?.metadata ?? '{}') as { finished?: boolean };
  if (progress.finished !== true) return false;
  const covered = (await lake.table('silver.alibaba').current())?.offsets['0']?.[1] ?? 0;
  return covered === topic.partitions[0]?.end;
}

const options = { source: alibaba, log, lake, codec: await registeredCodec(alibaba, registry) };
while (!(await isComplete())) {
  const { silverRows } = await landSource(options);
  if (silverRows === 0) await new Promise((resolve) => setTimeout(resolve, 20));
}
await log.close();
await store.close();
await registry.close();
