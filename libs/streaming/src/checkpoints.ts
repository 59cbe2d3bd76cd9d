import { crc32 } from 'node:zlib';
import type { ObjectStore } from '#tideline/platform';
import { describeError, failureOf } from './failure.ts';

/** The state of one partition's processor after every record below `offset`. */
export interface Checkpoint {
  /** First offset that the state does not cover. */
  readonly offset: number;
  readonly processorVersion: string;
  /** Names the run of commits that the state belongs to: a log begun anew must never meet the states of the one before it. */
  readonly lineage: string;
  readonly state: Uint8Array;
}

/** The newest usable checkpoint, and a sentence for each newer one that had to be passed over. */
export interface FoundCheckpoint {
  readonly checkpoint: Checkpoint | undefined;
  readonly warnings: readonly string[];
}

const MAGIC = Buffer.from('TLCP', 'latin1');
const FORMAT = 1;
const PREAMBLE = MAGIC.length + 12;

/**
 * Bytes of a checkpoint: magic `TLCP`, then big-endian uint32 of format, length of the JSON header and CRC-32 of all that follows, then the
 * header, padded with spaces so that the state behind it starts at a multiple of eight.
 */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { offset, processorVersion, lineage, state } = checkpoint;
  const text = Buffer.from(JSON.stringify({ offset, processorVersion, lineage, stateBytes: state.length }), 'utf8');
  const header = Buffer.concat([text, Buffer.alloc(-(PREAMBLE + text.length) & 7, ' ')]);
  const bytes = Buffer.allocUnsafe(PREAMBLE + header.length + state.length);
  MAGIC.copy(bytes);
  bytes.writeUInt32BE(FORMAT, 4);
  bytes.writeUInt32BE(header.length, 8);
  header.copy(bytes, PREAMBLE);
  bytes.set(state, PREAMBLE + header.length);
  bytes.writeUInt32BE(crc32(bytes.subarray(PREAMBLE)), 12);
  return bytes;
}

/** Reads what `encodeCheckpoint` wrote; anything else gives the problem in words. The state is aligned to eight bytes. */
export function decodeCheckpoint(bytes: Uint8Array): { checkpoint: Checkpoint } | { problem: string } {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < PREAMBLE || !view.subarray(0, 4).equals(MAGIC)) return { problem: 'expected a checkpoint, found other bytes' };
  const format = view.readUInt32BE(4);
  if (format !== FORMAT) return { problem: `expected checkpoint format ${FORMAT}, found ${format}` };
  if (crc32(view.subarray(PREAMBLE)) !== view.readUInt32BE(12)) return { problem: 'its checksum does not match: it is damaged' };
  const headerEnd = PREAMBLE + view.readUInt32BE(8);
  const header = JSON.parse(view.toString('utf8', PREAMBLE, headerEnd)) as Omit<Checkpoint, 'state'> & { stateBytes: number };
  // Processors read typed arrays in place; only a store that gives out oddly placed views costs a copy.
  const isAligned = (view.byteOffset + headerEnd) % 8 === 0;
  const state = isAligned ? new Uint8Array(view.buffer, view.byteOffset + headerEnd, view.length - headerEnd) : new Uint8Array(view.subarray(headerEnd));
  if (state.length !== header.stateBytes) return { problem: `expected ${header.stateBytes} bytes of state, found ${state.length}` };
  return { checkpoint: { offset: header.offset, processorVersion: header.processorVersion, lineage: header.lineage, state } };
}

/** The checkpoints of one partition of one group, as objects `gold/_checkpoints/<group>/<topic>/<partition>/<offset>.bin`. */
export class Checkpoints {
  readonly #store: ObjectStore;
  readonly #prefix: string;
  readonly #keep: number;

  constructor(store: ObjectStore, identity: { group: string; topic: string; partition: number }, keep = 3) {
    this.#store = store;
    this.#prefix = `gold/_checkpoints/${identity.group}/${identity.topic}/${identity.partition}/`;
    this.#keep = keep;
  }

  /** Offsets of the checkpoints there are, newest first; other objects in the folder are ignored. */
  async offsets(): Promise<number[]> {
    const offsets: number[] = [];
    for await (const { key } of this.#store.list(this.#prefix)) {
      const match = /^(\d+)\.bin$/.exec(key.slice(this.#prefix.length));
      if (match !== null) offsets.push(Number(match[1]));
    }
    return offsets.sort((a, b) => b - a);
  }

  /** The newest checkpoint at or before the offset that is intact and fits; those that are not cost a warning each. */
  async newest(
    atOrBefore: number,
    fits: (checkpoint: Checkpoint) => string | undefined = () => undefined,
  ): Promise<FoundCheckpoint> {
    const warnings: string[] = [];
    for (const offset of await this.offsets()) {
      if (offset > atOrBefore) continue;
      const key = this.#key(offset);
      const read = await this.#read(key);
      const problem = 'problem' in read ? read.problem : (fits(read.checkpoint) ?? wrongOffset(read.checkpoint, offset));
      if (problem === undefined && 'checkpoint' in read) return { checkpoint: read.checkpoint, warnings };
      warnings.push(`checkpoint ${key} is passed over: ${problem}`);
    }
    return { checkpoint: undefined, warnings };
  }

  /** Writes one and removes old ones, so that the newest `keep` up to this one stay. Returns its size in bytes. */
  async save(checkpoint: Checkpoint): Promise<number> {
    const { byteCount } = await this.#store.put(this.#key(checkpoint.offset), encodeCheckpoint(checkpoint));
    const older = (await this.offsets()).filter((offset) => offset < checkpoint.offset);
    const superfluous = older.slice(this.#keep - 1);
    if (superfluous.length > 0) await this.#store.delete(superfluous.map((offset) => this.#key(offset)));
    return byteCount;
  }

  async #read(key: string): Promise<{ checkpoint: Checkpoint } | { problem: string }> {
    try {
      return decodeCheckpoint(await this.#store.get(key));
    } catch (error) {
      const failure = failureOf(error);
      // A store that is away for a moment is no reason to replay everything; a missing or corrupt object is.
      if (failure === undefined || failure.retriable) throw error;
      return { problem: describeError(error) };
    }
  }

  #key(offset: number): string {
    return `${this.#prefix}${offset}.bin`;
  }
}

function wrongOffset(checkpoint: Checkpoint, offset: number): string | undefined {
  return checkpoint.offset === offset ? undefined : `expected offset ${offset}, found ${checkpoint.offset}`;
}
