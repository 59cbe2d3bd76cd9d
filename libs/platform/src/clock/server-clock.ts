import { doors, parseAddress } from '../address.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { readS3Address, type S3Address } from '../object-store/minio/s3-address.ts';
import type { Clock } from './clock.ts';

/** From here on clocks count as wrong: times of runs and arrivals mislead people, and at 15 minutes S3 servers refuse every request. */
const SKEW_TOLERATED_MS = 5_000;

/** How far this machine's clock is ahead of a server's (below zero: behind). */
export interface ClockSkew {
  /** The door's setting. */
  readonly setting: string;
  readonly aheadMs: number;
}

const ANSWER_WITHIN_MS = 3_000;

/**
 * Compares the clock with those of the servers that tell theirs (the `date` of any HTTP answer, to a second): object store, experiments,
 * schema registry. Servers that don't answer and doors without one are left out; Kafka does not tell its time.
 */
export async function measureSkew(configuration: Configuration, clock: Clock): Promise<readonly ClockSkew[]> {
  const skews = await Promise.all(serverUrls(configuration).map(async ({ setting, url }): Promise<ClockSkew[]> => {
    const startMs = clock.nowMs();
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).catch(() => undefined);
    await response?.body?.cancel();
    const serverMs = Date.parse(response?.headers.get('date') ?? '');
    if (Number.isNaN(serverMs)) return [];
    // The header is cut to a second: what lies within the answer's second is no skew.
    const endMs = clock.nowMs();
    const aheadMs = startMs > serverMs + 1_000 ? startMs - serverMs - 1_000 : endMs < serverMs ? endMs - serverMs : 0;
    return [{ setting, aheadMs }];
  }));
  return skews.flat();
}

/** What is said of a skew that is more than tolerable, or undefined. */
export function describeSkew({ setting, aheadMs }: ClockSkew): string | undefined {
  if (Math.abs(aheadMs) <= SKEW_TOLERATED_MS) return undefined;
  const amount = Math.abs(aheadMs) < 120_000 ? `${Math.round(Math.abs(aheadMs) / 1000)} s` : `${Math.round(Math.abs(aheadMs) / 60_000)} min`;
  const way = aheadMs > 0 ? 'ahead of' : 'behind';
  return `${setting}: this machine's clock is ${amount} ${way} the server's; set both by a time server (NTP). Scores and tables stay right, but arrival times and times of runs mislead, and S3 servers refuse requests beyond 15 min`;
}

function serverUrls({ objectStore, experiments, schemaRegistry }: Configuration): { setting: string; url: string }[] {
  const store = parseAddress(objectStore, doors.objectStore);
  const s3 = store.scheme === 's3' ? [{ setting: store.setting, url: urlOf(readS3Address(store)) }] : [];
  const http = [parseAddress(experiments, doors.experiments), parseAddress(schemaRegistry, doors.schemaRegistry)]
    .filter(({ scheme }) => scheme === 'http' || scheme === 'https')
    .map(({ setting, scheme, path }) => ({ setting, url: `${scheme}:${path}` }));
  return [...s3, ...http];
}

function urlOf({ tls, host, port }: S3Address): string {
  return `http${tls ? 's' : ''}://${host.includes(':') ? `[${host}]` : host}:${port}/`;
}
