import type { OffsetRanges, Sql } from '#tideline/lake';
import type { EventLog } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { DEAD_LETTER_TOPIC, readDeadLetters } from './dead-letters.ts';
import { RecordCount } from './record-count.ts';

export interface Counts {
  /** Rows read, accepted and rejected by all replays of the source, over all loops. */
  readonly read: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly topic: number;
  readonly bronze: number;
  readonly silver: number;
  readonly late: number;
  readonly deadLetter: number;
}

export interface Reconciliation {
  readonly counts: Counts;
  /** What does not add up. */
  readonly problems: readonly string[];
  /** What is not there yet, and is no mistake. */
  readonly notes: readonly string[];
}

/** A replay commits every few hundredths of a second: one pause between two commits is enough, and this many looks find one. */
const MOST_LOOKS = 50;

/** What one layer of the lake holds of the topic; it covers nothing before its first landing. */
interface Landed {
  readonly covers: { readonly offsets: OffsetRanges; readonly rowCount: number } | undefined;
  /** Records within those offsets that it leaves out, since they break the source's own rules. */
  readonly refusedRows: number;
}

interface Replayed {
  readonly read: number;
  readonly accepted: number;
  readonly rejected: number;
}

/**
 * Follows the counts of a source from file to lake. A table is held against the records in the offsets that it covers; what the topic has beyond
 * them is a note. While a replay goes on, counts of the topic are bounded by its progress before and after they were taken. Records are counted by
 * reading the whole topic once, since offsets may have gaps.
 */
export async function reconcile(source: Source, log: EventLog, landed: { readonly bronze: Landed; readonly silver: Landed }, late: number): Promise<Reconciliation> {
  const { bronze, silver } = landed;
  const records = new RecordCount(log, `raw.${source.name}`, { bronze: bronze.covers?.offsets ?? {}, silver: silver.covers?.offsets ?? {} });
  const { before, after, deadLetter } = await lookAtLog(source, log, records);
  const topic = records.total;
  const counts: Counts = { ...after, topic, bronze: bronze.covers?.rowCount ?? 0, silver: silver.covers?.rowCount ?? 0, late, deadLetter };
  const problems: string[] = [];
  const notes: string[] = [];
  const expectWithin = (what: string, low: number, high: number, found: number): void => {
    if (found < low || found > high) problems.push(`${what}: expected ${low === high ? low : `${low} to ${high}`}, found ${found}`);
  };
  expectWithin('read = accepted + rejected', after.read, after.read, after.accepted + after.rejected);
  expectWithin('accepted = records on the topic', before.accepted, after.accepted, topic);
  expectWithin('rejected = dead letters', before.rejected, after.rejected, deadLetter);
  if (before.read !== after.read) notes.push(`a replay is going on: ${after.read - before.read} rows were read while the counts were taken`);
  for (const [name, { covers, refusedRows }] of Object.entries(landed)) {
    const covered = records.within(name);
    const rows = (covers?.rowCount ?? 0) + refusedRows;
    expectWithin(`records that ${name} covers = its rows${refusedRows > 0 ? ` and ${refusedRows} refused ones` : ''}`, covered, covered, rows);
    if (records.isBeyondEnd(name)) problems.push(`records on the topic: expected at least the ${rows} that ${name} covers, found ${topic}: another log's lake?`);
    if (covered < topic) notes.push(`${topic - covered} records of the topic are not in ${name} yet`);
  }
  return { counts, problems, notes };
}

/** Late rows of a source's bound silver. */
export async function countLate(sql: Sql, silver: string): Promise<number> {
  const [row] = await sql.rows(`SELECT count(*) AS n FROM ${silver} WHERE _late`);
  return Number(row!['n']);
}

/** Counts the topic and the dead letters, between two looks at the replays' progress: equal ones if the log stood still for a moment. */
async function lookAtLog(source: Source, log: EventLog, records: RecordCount): Promise<{ before: Replayed; after: Replayed; deadLetter: number }> {
  const letters = new DeadLetterCount(source, log);
  let before = await replayedOf(source, log);
  for (let look = 1; ; look++) {
    const topics = await log.describeTopics();
    await records.upTo(topics.find(({ topic }) => topic === `raw.${source.name}`)?.partitions ?? []);
    const deadLetter = await letters.upTo(topics.find(({ topic }) => topic === DEAD_LETTER_TOPIC)?.partitions ?? []);
    const after = await replayedOf(source, log);
    if (after.read === before.read || look === MOST_LOOKS) return { before, after, deadLetter };
    before = after;
  }
}

/** What all replays of the source have committed so far. */
async function replayedOf(source: Source, log: EventLog): Promise<Replayed> {
  const topic = `raw.${source.name}`;
  const description = (await log.describeTopics()).find((candidate) => candidate.topic === topic);
  const total = { read: 0, accepted: 0, rejected: 0 };
  for (const { group } of description?.groups ?? []) {
    if (!group.startsWith('replay-')) continue;
    const committed = await log.committed(group, topic, 0);
    const progress = JSON.parse(committed?.metadata ?? '{}') as ReplayCounts & { readonly earlier?: ReplayCounts };
    // A replay begun anew counts from 0, but what it put on the topic before is still there.
    for (const counts of [progress, progress.earlier]) {
      total.read += counts?.rows ?? 0;
      total.accepted += counts?.accepted ?? 0;
      total.rejected += counts?.rejected ?? 0;
    }
  }
  return total;
}

type ReplayCounts = Partial<Record<'rows' | 'accepted' | 'rejected', number>>;

/** Counts a source's dead letters once each, however often it is asked for the newest number. */
class DeadLetterCount {
  readonly #source: Source;
  readonly #log: EventLog;
  readonly #next = new Map<number, number>();
  #count = 0;

  constructor(source: Source, log: EventLog) {
    this.#source = source;
    this.#log = log;
  }

  async upTo(partitions: readonly { readonly partition: number; readonly start: number; readonly end: number }[]): Promise<number> {
    for (const { partition, start, end } of partitions) {
      for await (const { letters, next } of readDeadLetters(this.#log, this.#source, partition, this.#next.get(partition) ?? start, end)) {
        this.#count += letters.length;
        this.#next.set(partition, next);
      }
    }
    return this.#count;
  }
}
