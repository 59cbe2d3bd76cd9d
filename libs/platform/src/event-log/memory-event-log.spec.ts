import { eventLogContract } from './event-log.contract.ts';
import type { EventLog } from './event-log.ts';
import { MemoryEventLog } from './memory-event-log.ts';
import { UnreliableEventLog } from './unreliable-event-log.ts';

eventLogContract('MemoryEventLog', async () => {
  const log: EventLog = new MemoryEventLog();
  return { open: async () => log, dispose: () => log.close(), exclusiveGroups: true };
});

eventLogContract('UnreliableEventLog without faults', async () => {
  const log = new UnreliableEventLog(new MemoryEventLog(), { seed: 1, answerLate: 0.2, lateMsMax: 3 });
  return { open: async () => log, dispose: () => log.close(), exclusiveGroups: true };
});
