import type { RecordBatch } from '../event-log.ts';
import type { FetchedPartition, PartitionAt } from './cluster-calls.ts';
import { decodeRecordBatch, isAbortMarker, splitRecordBatches, type DecodedRun, type RawBatch } from './record-batch-decoder.ts';

/** Fetches raw record batches from an offset on; waits on the broker for at most `maxWaitMs`. */
export type Fetch = (offset: number, maxWaitMs: number) => Promise<FetchedPartition>;

/** A run of records with what its batch said about the append it belongs to. */
interface Part extends DecodedRun {
  readonly producerId: number;
  readonly before: number;
  readonly more: boolean;
  readonly appendedAtMs: number;
}

/**
 * A place in one partition from which appends are read one after the other. It keeps what a fetch brought beyond what was asked for, so
 * that reading on costs no second fetch.
 */
export class PartitionReader {
  readonly #at: PartitionAt;
  readonly #fetch: Fetch;
  /** The next offset to ask the broker for. */
  #position: number;
  /** Readers get nothing at or beyond it; undefined before the first answer. */
  #stableEnd: number | undefined;
  #raw: RawBatch[] = [];
  #parts: Part[] = [];
  #rawBytes = 0;

  constructor(at: PartitionAt, offset: number, fetch: Fetch) {
    this.#at = at;
    this.#position = offset;
    this.#fetch = fetch;
  }

  /** Compressed bytes that are kept for later. */
  get heldBytes(): number {
    return this.#rawBytes;
  }

  /** Whether everything that readers may see so far was given out. */
  get isAtEnd(): boolean {
    return this.#raw.length === 0 && this.#parts.length === 0 && this.#stableEnd !== undefined && this.#position >= this.#stableEnd;
  }

  get stableEnd(): number {
    return this.#stableEnd ?? 0;
  }

  /**
   * The next append that ends at or after `from`; undefined when there is none yet. `maxWaitMs` is for the one fetch that may find nothing.
   */
  async next(from: number, maxWaitMs: number): Promise<RecordBatch | undefined> {
    const parts: Part[] = [];
    let hasLookedBack = false;
    for (;;) {
      const part = await this.#nextPart(parts.length === 0 ? maxWaitMs : 0);
      if (part === undefined) return parts.length === 0 ? undefined : this.#join(parts);
      const last = parts.at(-1);
      if (last === undefined) {
        if (part.baseOffset + part.count <= from) continue;
        if (part.before > 0 && !hasLookedBack && part.baseOffset <= from) {
          // The asked offset lies in a later piece of an append: begin again where that began, unless others wrote in between.
          hasLookedBack = true;
          if (await this.#startsEarlier(part)) continue;
        }
      } else if (part.baseOffset !== last.baseOffset + last.count || part.producerId !== last.producerId || part.before === 0) {
        this.#parts.unshift(part);
        return this.#join(parts);
      }
      parts.push(part);
      if (!part.more) return this.#join(parts);
    }
  }

  /** Goes back to the first piece of a part's append; false, and nothing changed, when the pieces don't lie side by side. */
  async #startsEarlier(part: Part): Promise<boolean> {
    const earlier = new PartitionReader(this.#at, part.baseOffset - part.before, this.#fetch);
    const append = await earlier.next(part.baseOffset - part.before, 0);
    if (append === undefined || append.baseOffset + append.count <= part.baseOffset) return false;
    this.#parts = [{ ...append, producerId: part.producerId, before: 0, more: false }];
    this.#raw = earlier.#raw;
    this.#rawBytes = earlier.#rawBytes;
    this.#position = earlier.#position;
    this.#stableEnd = earlier.#stableEnd;
    return true;
  }

  async #nextPart(maxWaitMs: number): Promise<Part | undefined> {
    let hasWaited = false;
    for (;;) {
      const part = this.#parts.shift();
      if (part !== undefined) return part;
      const raw = this.#raw.shift();
      if (raw !== undefined) {
        this.#rawBytes -= raw.body.byteLength;
        this.#parts = await this.#decode(raw);
        continue;
      }
      if (hasWaited && (this.#stableEnd ?? 0) <= this.#position) return undefined;
      const before = this.#position;
      const isCatchingUp = this.#stableEnd !== undefined && this.#position < this.#stableEnd;
      this.#take(await this.#fetch(this.#position, isCatchingUp ? 0 : maxWaitMs));
      if (this.#position === before && this.#raw.length === 0) return undefined;
      // Only marks of transactions came: what follows them may be there already, but nobody waits twice.
      hasWaited = true;
    }
  }

  #take({ records, stableEnd, aborted }: FetchedPartition): void {
    this.#stableEnd = stableEnd;
    const batches = splitRecordBatches(records);
    this.#raw = committedOf(batches, aborted).filter(({ lastOffset }) => lastOffset >= this.#position);
    this.#rawBytes = this.#raw.reduce((sum, { body }) => sum + body.byteLength, 0);
    const last = batches.at(-1);
    if (last !== undefined) this.#position = Math.max(this.#position, last.lastOffset + 1);
  }

  async #decode(raw: RawBatch): Promise<Part[]> {
    const { runs, mark } = await decodeRecordBatch(raw);
    const appendedAtMs = mark?.at ?? raw.maxTime;
    const { producerId } = raw;
    // Where compaction took records away, pieces can't be put together any more.
    if (runs.length !== 1) return runs.map((run) => ({ ...run, producerId, before: 0, more: false, appendedAtMs }));
    return [{ ...runs[0], producerId, before: mark?.before ?? 0, more: mark?.more === true, appendedAtMs }];
  }

  #join(parts: readonly Part[]): RecordBatch {
    const { topic, partition } = this.#at;
    const [first] = parts;
    const { appendedAtMs, baseOffset } = first;
    if (parts.length === 1) {
      const { count, keyOffsets, keys, valueOffsets, values, timestamps, headers } = first;
      return { topic, partition, baseOffset, appendedAtMs, count, keyOffsets, keys, valueOffsets, values, timestamps, headers };
    }
    const count = parts.reduce((sum, part) => sum + part.count, 0);
    const timestamps = new Float64Array(count);
    let at = 0;
    for (const part of parts) {
      timestamps.set(part.timestamps, at);
      at += part.count;
    }
    const keys = joinTexts(parts, count, 'keyOffsets', 'keys');
    const values = joinTexts(parts, count, 'valueOffsets', 'values');
    const headers = first.headers.map(({ name, values: firstValues }, i) => {
      if (typeof firstValues === 'string') return { name, values: firstValues };
      const joined = new Float64Array(count);
      let start = 0;
      for (const part of parts) {
        joined.set(part.headers[i].values as Float64Array, start);
        start += part.count;
      }
      return { name, values: joined };
    });
    return { topic, partition, baseOffset, appendedAtMs, count, keyOffsets: keys.offsets, keys: keys.bytes, valueOffsets: values.offsets, values: values.bytes, timestamps, headers };
  }
}

function joinTexts(parts: readonly Part[], count: number, offsetsOf: 'keyOffsets' | 'valueOffsets', bytesOf: 'keys' | 'values'): { offsets: Uint32Array; bytes: Uint8Array } {
  const offsets = new Uint32Array(count + 1);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part[bytesOf].byteLength, 0));
  let at = 0;
  let byteAt = 0;
  for (const part of parts) {
    bytes.set(part[bytesOf], byteAt);
    for (let i = 1; i <= part.count; i++) offsets[at + i] = byteAt + part[offsetsOf][i];
    at += part.count;
    byteAt += part[bytesOf].byteLength;
  }
  return { offsets, bytes };
}

/**
 * The batches that readers of committed records get: no control batches, and none of a transaction that was rolled back. `aborted` names the
 * producer and first offset of each such transaction that reaches into the batches; its abort marker ends it.
 */
export function committedOf(batches: readonly RawBatch[], aborted: readonly { readonly producerId: number; readonly firstOffset: number }[]): RawBatch[] {
  const ahead = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const rolledBack = new Set<number>();
  const committed: RawBatch[] = [];
  for (const batch of batches) {
    while (ahead.length > 0 && ahead[0].firstOffset <= batch.lastOffset) rolledBack.add(ahead.shift()!.producerId);
    if (batch.isControl) {
      if (isAbortMarker(batch)) rolledBack.delete(batch.producerId);
    } else if (!batch.isTransactional || !rolledBack.has(batch.producerId)) {
      committed.push(batch);
    }
  }
  return committed;
}
