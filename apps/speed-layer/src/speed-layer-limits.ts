import { PlatformError } from '#tideline/platform';
import type { PartitionLimits } from '#tideline/streaming';

/** How often states are saved, as the environment says: `SPEED_LAYER_CHECKPOINT_RECORDS` (1,000,000) and `SPEED_LAYER_CHECKPOINT_SECONDS` (60). */
export function readLimits(env: Readonly<Record<string, string | undefined>>): Partial<PartitionLimits> {
  const records = positive(env, 'SPEED_LAYER_CHECKPOINT_RECORDS');
  const seconds = positive(env, 'SPEED_LAYER_CHECKPOINT_SECONDS');
  return { ...(records !== undefined && { checkpointRecords: records }), ...(seconds !== undefined && { checkpointMs: seconds * 1000 }) };
}

function positive(env: Readonly<Record<string, string | undefined>>, name: string): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new PlatformError('SETTING_INVALID', `${name}: expected a number above zero, found "${text}"`);
  return value;
}
