import type { PartitionLimits } from '#tideline/streaming';

/** How often states are saved, as the environment says: `SPEED_LAYER_CHECKPOINT_RECORDS` (1,000,000) and `SPEED_LAYER_CHECKPOINT_SECONDS` (60). */
export function readLimits(env: Readonly<Record<string, string | undefined>>): Partial<PartitionLimits> {
  const records = positive(env, 'SPEED_LAYER_CHECKPOINT_RECORDS');
  const seconds = positive(env, 'SPEED_LAYER_CHECKPOINT_SECONDS');
  return { ...(records !== undefined && { checkpointRecords: records }), ...(seconds !== undefined && { checkpointMs: seconds * 1000 }) };
}

/** Where the metrics are served, from `SPEED_LAYER_METRICS_PORT`; undefined serves none. */
export function readMetricsPort(env: Readonly<Record<string, string | undefined>>): number | undefined {
  return positive(env, 'SPEED_LAYER_METRICS_PORT');
}

function positive(env: Readonly<Record<string, string | undefined>>, name: string): number | undefined {
  const text = env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name}: expected a number above zero, found "${text}"`);
  return value;
}
