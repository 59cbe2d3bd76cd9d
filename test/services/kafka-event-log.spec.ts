import { randomBytes } from 'node:crypto';
import { eventLogContract } from '../../libs/platform/src/event-log/event-log.contract.ts';
import { openEventLog, type EventLog } from '#tideline/platform';
import { services } from './services.ts';

const address = `kafka://${services().kafka}`;

eventLogContract('Kafka', async () => {
  const open: EventLog[] = [];
  // Every test has names of its own, on a cluster that others use too.
  const app = (name: string): string => `${name}-${randomBytes(4).toString('hex')}`;
  return {
    open: async (name) => {
      const log = await openEventLog(address, { app: app(name) });
      open.push(log);
      return log;
    },
    dispose: async () => void (await Promise.all(open.map((log) => log.close()))),
    address,
    exclusiveGroups: false,
  };
});
