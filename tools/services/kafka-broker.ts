import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brokerNames, type Instance } from './instance.ts';

/**
 * Settings of every broker, native and in compose. Offsets of a replay are committed without a consumer group that is ever active, and a
 * broker forgets such offsets after seven days by default: the next replay would then start over and double every record. So they are
 * kept for a century. Records keep their own event times, which may be years old: nothing is removed by age unless a topic says so.
 */
export function brokerSettings(brokers: 1 | 3): Readonly<Record<string, string>> {
  const [replicas, inSync] = brokers === 1 ? ['1', '1'] : ['3', '2'];
  return {
    'auto.create.topics.enable': 'false',
    'offsets.retention.minutes': '52560000',
    'log.retention.ms': '-1',
    'message.max.bytes': '16777216',
    'replica.fetch.max.bytes': '16777216',
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'group.initial.rebalance.delay.ms': '0',
    'log.cleaner.dedupe.buffer.size': '8388608',
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
  };
}

/** Writes the settings of broker `name` into its folder; the file is whole and new at each start, because ports may have changed. */
export function writeBrokerSettings(instance: Instance, name: string): string {
  const folder = join(instance.folder, name);
  const names = brokerNames(instance.brokers);
  const port = (of: string): number => {
    const found = instance.ports[of];
    if (found === undefined) throw new Error(`expected a port of ${of} in ${instance.folder}, found none`);
    return found;
  };
  const settings: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(names.indexOf(name) + 1),
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port(name)},CONTROLLER://127.0.0.1:${port(`${name}-controller`)}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port(name)}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.quorum.voters': names.map((each, i) => `${i + 1}@127.0.0.1:${port(`${each}-controller`)}`).join(','),
    'log.dirs': join(folder, 'data'),
    ...brokerSettings(instance.brokers),
  };
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'server.properties');
  writeFileSync(file, `${Object.entries(settings).map(([key, value]) => `${key}=${value}`).join('\n')}\n`);
  return file;
}

/** Whether the broker's data folder has been made. */
export function isFormatted(instance: Instance, name: string): boolean {
  return existsSync(join(instance.folder, name, 'data', 'meta.properties'));
}
