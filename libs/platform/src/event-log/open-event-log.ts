import { doors, parseAddress } from '../address.ts';
import type { Login } from '../configuration/configuration.ts';
import type { EventLog } from './event-log.ts';
import { FileEventLog } from './file-event-log.ts';
import { MemoryEventLog } from './memory-event-log.ts';

export interface OpenEventLogOptions {
  /** The writing application. */
  readonly app: string;
  readonly login?: Login | undefined;
  /** Told of what is no failure but should be known, on networked logs. */
  readonly warn?: (message: string) => void;
}

/** `file:./data/log`, `memory:` or `kafka://host:9092`; anything else is refused with `ADDRESS_INVALID`. */
export async function openEventLog(address: string, options: OpenEventLogOptions): Promise<EventLog> {
  const parsed = parseAddress(address, doors.eventLog);
  if (parsed.scheme === 'memory') return new MemoryEventLog();
  if (parsed.scheme === 'file') return new FileEventLog(parsed.path, options);
  // Only here: an embedded run never loads the client.
  const { KafkaEventLog } = await import('./kafka/kafka-event-log.ts');
  return KafkaEventLog.open(parsed, options);
}
