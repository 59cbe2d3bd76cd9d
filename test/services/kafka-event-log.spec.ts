import { eventLogContract } from '../../libs/platform/src/event-log/event-log.contract.ts';
import { openEventLog, type EventLog } from '#tideline/platform';
import { kafkaAddress, uniqueName } from './kafka-names.ts';

eventLogContract('Kafka', async () => {
  const open: EventLog[] = [];
  return {
    open: async (app) => {
      const log = await openEventLog(kafkaAddress, { app: uniqueName(app) });
      open.push(log);
      return log;
    },
    dispose: async () => void (await Promise.all(open.map((log) => log.close()))),
    address: kafkaAddress,
    exclusiveGroups: false,
  };
});
