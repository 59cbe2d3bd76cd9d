import assert from 'node:assert';
import { PlatformError, type Outcome } from '../errors.ts';
import type { TopicSettings, Transaction } from './event-log.ts';
import { checkPackedRecords } from './packed-records.ts';

const metadataLengthMax = 4096;

/** Value bytes that a read collects unless told otherwise. */
export const readBytesDefault = 33_554_432;

/** Refuses topics that exist with other settings, before any is made. */
export function checkTopics(topics: Readonly<Record<string, TopicSettings>>, existing: (name: string) => TopicSettings | undefined): void {
  for (const [name, settings] of Object.entries(topics)) {
    assert(/^[A-Za-z0-9._-]{1,249}$/.test(name), `expected a topic name of [A-Za-z0-9._-], found "${name}"`);
    assert(Number.isInteger(settings.partitions) && settings.partitions >= 1, `topic ${name}: expected at least 1 partition`);
    const found = existing(name);
    if (found === undefined) continue;
    const describe = ({ partitions, shared }: TopicSettings): string => `${partitions} partitions${shared === true ? ', shared' : ''}`;
    if (found.partitions !== settings.partitions || (found.shared ?? false) !== (settings.shared ?? false)) {
      throw new PlatformError('VERSION_MISMATCH', `topic ${name}: expected ${describe(settings)}, found ${describe(found)}`);
    }
  }
}

/** Asserts what every transaction must keep, whatever the log. */
export function checkTransaction({ appends, offsets }: Transaction): void {
  for (const append of appends) checkPackedRecords(append.records);
  for (const { offset, metadata } of offsets ?? []) {
    assert(Number.isSafeInteger(offset) && offset >= 0, `expected an offset of at least 0, found ${offset}`);
    assert((metadata ?? '').length <= metadataLengthMax, `expected metadata of at most ${metadataLengthMax} characters`);
  }
}

/** Refuses an append that names a partition of a shared topic. */
export function checkShared(topic: string, settings: TopicSettings, partition: number | undefined): void {
  if (settings.shared !== true || partition === undefined) return;
  throw new PlatformError('PERMISSION', `topic ${topic} is shared: expected an append without a partition, found ${partition}`);
}

export function noSuchTopic(topic: string, known: readonly string[]): PlatformError {
  return new PlatformError('NOT_FOUND', `no topic ${topic}; known are ${[...known].sort().join(', ') || 'none'}`);
}

export function writerFenced(id: string, outcome: Outcome = 'not-applied'): PlatformError {
  return new PlatformError('FENCED', `writer ${id} was opened again elsewhere; this holder may not write any more`, { outcome });
}

export function offsetMovedBack(group: string, topic: string, partition: number, from: number, to: number): PlatformError {
  return new PlatformError(
    'VERSION_MISMATCH',
    `group ${group} on ${topic}/${partition}: expected an offset of at least ${from}, found ${to}; offsets never move back`,
  );
}
