import type { Source } from '../sources/source.ts';
import { PackedWriter } from './packed-writer.ts';

/** Avro schema (JSON text) of `transitions.<source>`; a missing state feature is NaN, a missing action an empty text. */
export function transitionSchema(source: Pick<Source, 'name' | 'features'>): string {
  const state = { type: 'array', items: 'double' };
  return JSON.stringify({
    type: 'record',
    name: source.name.replaceAll('-', '_'),
    namespace: 'tideline.transitions',
    doc: `State features in order: ${source.features.state.join(', ')}`,
    fields: [
      { name: 'entity', type: 'string' },
      { name: 'eventTime', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }] },
      { name: 'state', type: state },
      { name: 'action', type: 'string' },
      { name: 'reward', type: 'double' },
      { name: 'nextState', type: ['null', state] },
      { name: 'done', type: 'boolean' },
    ],
  });
}

/** One step of an entity: what was known, what was done, what came of it. `eventTimeMs` is null for sources without time. */
export interface Transition {
  readonly entity: string;
  readonly eventTimeMs: number | null;
  readonly state: Float64Array;
  readonly action: string;
  readonly reward: number;
  readonly nextState: Float64Array | null;
  readonly done: boolean;
}

/** A transition to be written, filled again for each; the state's features begin at `stateAt`, the action is UTF-8 text. */
export interface TransitionFields {
  eventTimeMs: number | null;
  state: Float64Array;
  stateAt: number;
  action: Uint8Array;
  actionStart: number;
  actionEnd: number;
  reward: number;
  nextState: Float64Array | null;
  done: boolean;
}

const FRAME_BYTES = 5;

/** Writes transitions as Avro in the Confluent wire format, keyed by entity. */
export class TransitionWriter {
  readonly #out = new PackedWriter();
  readonly #schemaId: number;

  constructor(schemaId: number) {
    this.#schemaId = schemaId;
  }

  get count(): number {
    return this.#out.count;
  }

  /** The key's bytes are the entity's text; states have `width` features. */
  write(key: Uint8Array, keyStart: number, keyEnd: number, transition: TransitionFields, timestampMs: number, width: number): void {
    const { eventTimeMs, state, stateAt, action, actionStart, actionEnd, reward, nextState, done } = transition;
    const out = this.#out;
    out.reserve(FRAME_BYTES + 60 + keyEnd - keyStart + actionEnd - actionStart + width * 16);
    out.bytes[out.end] = 0;
    out.bytes.writeUInt32BE(this.#schemaId, out.end + 1);
    out.end += FRAME_BYTES;
    this.#text(key, keyStart, keyEnd);
    this.#branch(eventTimeMs !== null);
    if (eventTimeMs !== null) this.#long(eventTimeMs);
    this.#doubles(state, stateAt, width);
    this.#text(action, actionStart, actionEnd);
    out.view.setFloat64(out.end, reward, true);
    out.end += 8;
    this.#branch(nextState !== null);
    if (nextState !== null) this.#doubles(nextState, 0, width);
    out.bytes[out.end++] = done ? 1 : 0;
    out.push(key, keyStart, keyEnd, timestampMs);
  }

  finish(): ReturnType<PackedWriter['finish']> {
    return this.#out.finish();
  }

  #text(bytes: Uint8Array, start: number, end: number): void {
    const out = this.#out;
    this.#long(end - start);
    for (let i = start; i < end; i++) out.bytes[out.end++] = bytes[i];
  }

  #branch(some: boolean): void {
    this.#out.bytes[this.#out.end++] = some ? 2 : 0;
  }

  #doubles(values: Float64Array, at: number, width: number): void {
    const out = this.#out;
    if (width > 0) this.#long(width);
    for (let i = 0; i < width; i++, out.end += 8) out.view.setFloat64(out.end, values[at + i], true);
    out.bytes[out.end++] = 0;
  }

  /** Zigzag varint of an integer within 2^52, in doubles because it may not fit 32 bits. */
  #long(value: number): void {
    const out = this.#out;
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) out.bytes[out.end++] = (rest % 128) | 128;
    out.bytes[out.end++] = rest;
  }
}

/** Reads what `TransitionWriter` wrote; the schema id is the caller's to check. */
export function decodeTransition(bytes: Uint8Array): Transition {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = FRAME_BYTES;
  const long = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = view[at++];
      value += (byte & 127) * unit;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  };
  const text = (): string => {
    const length = long();
    at += length;
    return view.toString('utf8', at - length, at);
  };
  const double = (): number => {
    at += 8;
    return view.readDoubleLE(at - 8);
  };
  const doubles = (): Float64Array => {
    const values: number[] = [];
    for (let block = long(); block !== 0; block = long()) for (let i = 0; i < block; i++) values.push(double());
    return Float64Array.from(values);
  };
  return {
    entity: text(),
    eventTimeMs: long() === 1 ? long() : null,
    state: doubles(),
    action: text(),
    reward: double(),
    nextState: long() === 1 ? doubles() : null,
    done: view[at] === 1,
  };
}
