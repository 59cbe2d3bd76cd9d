import { randomBytes } from 'node:crypto';

/** A name for a run that sorts by time and that no other run has: `20261121T193000123Z-5f3a9c`. */
export function newRunId(atMs: number, chance: () => string = () => randomBytes(3).toString('hex')): string {
  return `${new Date(atMs).toISOString().replaceAll(/[-:.]/g, '')}-${chance()}`;
}
