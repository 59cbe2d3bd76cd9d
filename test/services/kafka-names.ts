import { randomBytes } from 'node:crypto';
import { services } from './services.ts';

/** Where the cluster of this run is, as the setting EVENT_LOG names it. */
export const kafkaAddress = `kafka://${services().kafka}`;

/** A name that no other test, and no other run, has. */
export function uniqueName(stem: string): string {
  return `${stem}-${randomBytes(5).toString('hex')}`;
}
