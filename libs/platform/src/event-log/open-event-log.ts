import { doors, parseAddress } from '../address.ts';
import type { Login } from '../configuration/configuration.ts';
import { PlatformError } from '../errors.ts';
import type { EventLog } from './event-log.ts';
import { FileEventLog } from './file-event-log.ts';
import { MemoryEventLog } from './memory-event-log.ts';

/** `file:./data/log` or `memory:`; anything else is refused with `ADDRESS_INVALID`. `app` names the writing application. */
export async function openEventLog(address: string, options: { readonly app: string; readonly login?: Login | undefined }): Promise<EventLog> {
  const { scheme, path } = parseAddress(address, doors.eventLog);
  if (scheme !== 'memory' && scheme !== 'file') throw new PlatformError('ADDRESS_INVALID', `${scheme}: is not in this build yet`);
  return scheme === 'memory' ? new MemoryEventLog() : new FileEventLog(path, options);
}
