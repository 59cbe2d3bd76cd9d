import type { PackedRecords } from '../records/pack-records.ts';
import type { Source } from '../sources/source.ts';
import { IsoTimeWriter } from './iso-time.ts';
import type { LiveScorer } from './live-scorer.ts';
import { PackedWriter } from './packed-writer.ts';

/** A live score as it stands on `churn-scores` (JSON, in this order). Numbers are finite or null. */
export interface ChurnScore {
  readonly source: string;
  readonly entity: string;
  readonly eventTime: string | null;
  readonly featureTime: string | null;
  readonly churnProbability: number | null;
  readonly expectedValue: number | null;
  readonly state: readonly (number | null)[];
  readonly reward: number | null;
  readonly model: { readonly name: string; readonly version: string; readonly kind: string } | null;
  readonly reasons: readonly { readonly feature: string; readonly value: number | null; readonly contribution: number }[];
  readonly origin: { readonly topic: string; readonly partition: number; readonly offset: string };
}

/** What a score says beside its entity; NaN is null. */
export interface ScoreFields {
  eventTimeMs: number;
  featureTimeMs: number;
  probability: number;
  expectedValue: number;
  reward: number;
  offset: number;
}

/** Room that a number, a time or a small fixed part takes at most. */
const PART_BYTES = 64;

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));
const NULL = bytesOf('null');
const EVENT_TIME = bytesOf(',"eventTime":');
const FEATURE_TIME = bytesOf(',"featureTime":');
const PROBABILITY = bytesOf(',"churnProbability":');
const EXPECTED_VALUE = bytesOf(',"expectedValue":');
const STATE = bytesOf(',"state":[');
const REWARD = bytesOf('],"reward":');
const MODEL = bytesOf(',"model":');
const REASONS = bytesOf(',"reasons":[');
const CONTRIBUTION = bytesOf(',"contribution":');
const END = bytesOf('"}}');
const COMMA = 0x2c;
const QUOTE = 0x22;

/** Writes scores as JSON, byte by byte: what `JSON.stringify` would give, without its strings. */
export class ScoreWriter {
  readonly #out = new PackedWriter();
  readonly #scorer: LiveScorer;
  readonly #head: Uint8Array;
  readonly #origin: Uint8Array;
  readonly #reasonHeads: readonly Uint8Array[];
  readonly #statePositions: Int32Array;
  readonly #time = new IsoTimeWriter();
  #featureTimeMs = NaN;
  #featureTime = '';
  #model = NULL;
  /** Longest score apart from its entity. */
  #room = 0;

  constructor(source: Source, featureNames: readonly string[], scorer: LiveScorer, topic: string, partition: number) {
    this.#scorer = scorer;
    this.#head = bytesOf(`{"source":${JSON.stringify(source.name)},"entity":`);
    this.#origin = bytesOf(`],"origin":{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":"`);
    this.#reasonHeads = featureNames.map((name) => bytesOf(`{"feature":${JSON.stringify(name)},"value":`));
    this.#statePositions = Int32Array.from(source.features.state, (name) => featureNames.indexOf(name));
    this.modelChanged();
  }

  get count(): number {
    return this.#out.count;
  }

  /** Takes note of the scorer's model. */
  modelChanged(): void {
    const { model } = this.#scorer;
    this.#model = model === undefined ? NULL : bytesOf(JSON.stringify({ name: model.name, version: model.version, kind: model.kind }));
    const reasons = this.#reasonHeads.reduce((most, head) => Math.max(most, head.length), 0) + 2 * PART_BYTES;
    this.#room = this.#head.length + this.#origin.length + this.#model.length + (this.#statePositions.length + 12) * PART_BYTES + 3 * reasons;
  }

  /** One score; reasons are those of the vector that the scorer saw last. */
  write(key: Uint8Array, keyStart: number, keyEnd: number, features: Float64Array, fields: ScoreFields, timestampMs: number): void {
    // A byte of text takes at most six in JSON.
    this.#out.reserve(this.#room + (keyEnd - keyStart) * 6);
    this.#put(this.#head);
    this.#putEntity(key, keyStart, keyEnd);
    this.#put(EVENT_TIME);
    this.#putTime(fields.eventTimeMs, fields.eventTimeMs === fields.eventTimeMs ? this.#time.write(fields.eventTimeMs) : '');
    this.#put(FEATURE_TIME);
    this.#putTime(fields.featureTimeMs, this.#featureTimeOf(fields.featureTimeMs));
    this.#put(PROBABILITY);
    this.#putNumber(fields.probability);
    this.#put(EXPECTED_VALUE);
    this.#putNumber(fields.expectedValue);
    this.#put(STATE);
    for (let k = 0; k < this.#statePositions.length; k++) {
      if (k > 0) this.#out.bytes[this.#out.end++] = COMMA;
      this.#putNumber(features[this.#statePositions[k]]);
    }
    this.#put(REWARD);
    this.#putNumber(fields.reward);
    this.#put(MODEL);
    this.#put(this.#model);
    this.#putReasons(features);
    this.#put(this.#origin);
    this.#putNumber(fields.offset);
    this.#put(END);
    this.#out.push(key, keyStart, keyEnd, timestampMs);
  }

  finish(): PackedRecords {
    return this.#out.finish();
  }

  #putReasons(features: Float64Array): void {
    const { reasons, reasonContributions } = this.#scorer;
    const out = this.#out;
    this.#put(REASONS);
    for (let k = 0; k < reasons.length; k++) {
      if (k > 0) out.bytes[out.end++] = COMMA;
      this.#put(this.#reasonHeads[reasons[k]]);
      this.#putNumber(features[reasons[k]]);
      this.#put(CONTRIBUTION);
      this.#putNumber(reasonContributions[k]);
      out.bytes[out.end++] = 0x7d;
    }
  }

  /** Scores of one moment share their feature time. */
  #featureTimeOf(ms: number): string {
    if (ms !== this.#featureTimeMs) {
      this.#featureTimeMs = ms;
      this.#featureTime = ms === ms ? this.#time.write(ms) : '';
    }
    return this.#featureTime;
  }

  #putEntity(key: Uint8Array, start: number, end: number): void {
    const out = this.#out;
    const { bytes } = out;
    let at = out.end;
    bytes[at++] = QUOTE;
    for (let i = start; i < end; i++) {
      const byte = key[i];
      if (byte < 0x20 || byte > 0x7e || byte === QUOTE || byte === 0x5c) {
        // The rare text that JSON escapes, or that is not ASCII.
        const text = JSON.stringify(Buffer.from(key.buffer, key.byteOffset + start, end - start).toString('utf8'));
        out.end += bytes.write(text, out.end, 'utf8');
        return;
      }
      bytes[at++] = byte;
    }
    bytes[at++] = QUOTE;
    out.end = at;
  }

  #putTime(ms: number, text: string): void {
    if (ms !== ms) {
      this.#put(NULL);
      return;
    }
    const out = this.#out;
    out.bytes[out.end++] = QUOTE;
    this.#putAscii(text);
    out.bytes[out.end++] = QUOTE;
  }

  /** As JSON writes it: the shortest form that reads back the same; what is not finite is null. */
  #putNumber(value: number): void {
    if ((value | 0) === value && value >= 0) {
      this.#putDigits(value);
      return;
    }
    if (value - value === 0) this.#putAscii(`${value}`);
    else this.#put(NULL);
  }

  #putDigits(value: number): void {
    const out = this.#out;
    let size = 1;
    for (let power = 10; power <= value; power *= 10) size++;
    for (let at = out.end + size - 1, rest = value; at >= out.end; at--) {
      const tens = (rest / 10) | 0;
      out.bytes[at] = 48 + rest - tens * 10;
      rest = tens;
    }
    out.end += size;
  }

  #putAscii(text: string): void {
    const { bytes, end } = this.#out;
    for (let i = 0; i < text.length; i++) bytes[end + i] = text.charCodeAt(i);
    this.#out.end = end + text.length;
  }

  #put(part: Uint8Array): void {
    const { bytes, end } = this.#out;
    for (let i = 0; i < part.length; i++) bytes[end + i] = part[i];
    this.#out.end = end + part.length;
  }
}
