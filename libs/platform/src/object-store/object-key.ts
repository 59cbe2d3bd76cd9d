import { PlatformError } from '../errors.ts';

/** Segment that the file store keeps for its temporary files; no key may start with it. */
export const stagingSegment = '.tmp';

/** Throws `ADDRESS_INVALID` unless the key follows the rules of the contract (which also keeps it inside the store's folder). */
export function checkKey(key: string): void {
  const segments = key.split('/');
  const bad = segments.find((segment) => !/^[A-Za-z0-9._=-]+$/.test(segment) || segment === '.' || segment === '..');
  if (bad !== undefined || segments[0] === stagingSegment || key.length > 1024) {
    throw new PlatformError(
      'ADDRESS_INVALID',
      `expected a key of at most 1,024 characters made of [A-Za-z0-9._=-] segments between "/", found "${key}"`,
    );
  }
}

/** Code-point order; keys are ASCII, so comparing UTF-16 units is the same. */
export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
