import type { PackedRecords } from '#tideline/platform';
import { shorten, type Check } from './proof.ts';
import { recordsOf, type PlainRecord } from './read-topic.ts';

/** What of a record must be the same; the time of a record without event time is when it was written, so it may differ. */
export interface Comparison {
  readonly what: string;
  readonly comparesTimes: boolean;
  /** A record by name, for people. */
  readonly nameOf: (record: PlainRecord) => string;
  /** The text in which a value is compared; the value itself by default. */
  readonly normal?: (value: string) => string;
}

type Batches = ReadonlyMap<number, readonly PackedRecords[]>;

/**
 * Holds batches of a topic against those that must be there: every record once, in its place, with its bytes, and the borders of the batches where
 * they must be.
 */
export function compareBatches(comparison: Comparison, expected: Batches, found: Batches): Check {
  const total = { expected: 0, found: 0, lost: 0, doubled: 0, different: 0 };
  let first: string | undefined;
  for (const partition of [...new Set([...expected.keys(), ...found.keys()])].sort((a, b) => a - b)) {
    const one = comparePartition(comparison, expected.get(partition) ?? [], found.get(partition) ?? []);
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += one[name];
    first ??= one.first === undefined ? undefined : `partition ${partition}, ${one.first}`;
  }
  return { what: comparison.what, ...total, first };
}

function comparePartition(comparison: Comparison, expected: readonly PackedRecords[], found: readonly PackedRecords[]): Omit<Check, 'what'> {
  const wanted = expected.map((batch) => textsOf(comparison, batch));
  const there = found.map((batch) => textsOf(comparison, batch));
  const count = (batches: readonly (readonly Named[])[]): number => batches.reduce((sum, batch) => sum + batch.length, 0);
  const missing = surplus(wanted, there);
  const extra = surplus(there, wanted);
  const counts = { expected: count(wanted), found: count(there), lost: missing.length, doubled: extra.length };
  if (missing.length > 0 || extra.length > 0) {
    const first = missing.length > 0 ? `${missing[0]!.name}: expected one, found none` : `${extra[0]!.name}: expected none more, found one more`;
    // What was changed is both missing and there: one differing record, not two.
    const changed = Math.min(missing.length, extra.length);
    return { ...counts, lost: missing.length - changed, doubled: extra.length - changed, different: changed, first: changed > 0 ? differing(missing[0]!, extra[0]!) : first };
  }
  const out = firstOutOfPlace(wanted, there);
  return { ...counts, different: out === undefined ? 0 : 1, first: out };
}

interface Named {
  readonly name: string;
  readonly text: string;
}

function textsOf({ comparesTimes, nameOf, normal }: Comparison, batch: PackedRecords): Named[] {
  return recordsOf(batch).map((record) => {
    const value = normal === undefined ? record.value : normal(record.value);
    const headers = Object.entries(record.headers).map(([name, text]) => `${name}=${text}`).join(' ');
    return { name: nameOf(record), text: `${comparesTimes ? record.timestampMs : ''}\u0000${record.key}\u0000${headers}\u0000${value}` };
  });
}

/** Those of `these` that are more often in it than in `those`, in order. */
function surplus(these: readonly (readonly Named[])[], those: readonly (readonly Named[])[]): Named[] {
  const left = new Map<string, number>();
  for (const batch of those) for (const { text } of batch) left.set(text, (left.get(text) ?? 0) + 1);
  const more: Named[] = [];
  for (const batch of these) {
    for (const named of batch) {
      const count = left.get(named.text) ?? 0;
      if (count === 0) more.push(named);
      else left.set(named.text, count - 1);
    }
  }
  return more;
}

function differing(missing: Named, extra: Named): string {
  return `${missing.name}: expected ${shorten(missing.text)}, found ${shorten(extra.text)}${missing.name === extra.name ? '' : ` (${extra.name})`}`;
}

function firstOutOfPlace(wanted: readonly (readonly Named[])[], there: readonly (readonly Named[])[]): string | undefined {
  for (const [index, batch] of wanted.entries()) {
    const other = there[index] ?? [];
    if (batch.length !== other.length) return `batch ${index}: expected ${batch.length} records appended together, found ${other.length}`;
    const row = batch.findIndex(({ text }, at) => text !== other[at]!.text);
    if (row >= 0) return `batch ${index} record ${row}: expected ${batch[row]!.name} here, found ${other[row]!.name}`;
  }
  return there.length > wanted.length ? `expected ${wanted.length} batches, found ${there.length}` : undefined;
}
