import type { PackedRecords } from '../records/pack-records.ts';
import type { Source } from '../sources/source.ts';
import { IsoTimeWriter, TIME_BYTES } from './iso-time.ts';
import type { LiveScorer } from './live-scorer.ts';
import { NumberTexts } from './number-texts.ts';
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

/** Text that stands in every score, also as words, for a quick copy: its last word may be filled up. */
interface Part {
  readonly length: number;
  readonly words: DataView;
}

function bytesOf(text: string): Part {
  const bytes = Buffer.from(text, 'utf8');
  const words = new DataView(new ArrayBuffer(Math.ceil(bytes.length / 4) * 4));
  bytes.forEach((byte, at) => words.setUint8(at, byte));
  return { length: bytes.length, words };
}
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
  readonly #head: Part;
  readonly #origin: Part;
  readonly #reasonHeads: readonly Part[];
  readonly #statePositions: Int32Array;
  readonly #time = new IsoTimeWriter();
  readonly #numbers = new NumberTexts();
  #featureTimeMs = NaN;
  readonly #featureTime = Buffer.alloc(TIME_BYTES);
  #featureTimeBytes = 0;
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
    this.#putEventTime(fields.eventTimeMs);
    this.#put(FEATURE_TIME);
    this.#putFeatureTime(fields.featureTimeMs);
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

  #putEventTime(ms: number): void {
    const out = this.#out;
    if (ms === ms) out.end = this.#time.write(ms, out.bytes, out.end);
    else this.#put(NULL);
  }

  /** Scores of one moment share their feature time. */
  #putFeatureTime(ms: number): void {
    if (ms !== ms) {
      this.#put(NULL);
      return;
    }
    if (ms !== this.#featureTimeMs) {
      this.#featureTimeMs = ms;
      this.#featureTimeBytes = this.#time.write(ms, this.#featureTime, 0);
    }
    const out = this.#out;
    const { bytes, end } = out;
    const text = this.#featureTime;
    const length = this.#featureTimeBytes;
    for (let i = 0; i < length; i++) bytes[end + i] = text[i];
    out.end = end + length;
  }

  /** As JSON writes it: the shortest form that reads back the same; what is not finite is null. */
  #putNumber(value: number): void {
    const out = this.#out;
    out.end = this.#numbers.write(value, out.bytes, out.view, out.end);
  }

  #put({ words, length }: Part): void {
    const { view, end } = this.#out;
    for (let at = 0; at < length; at += 4) view.setInt32(end + at, words.getInt32(at, true), true);
    this.#out.end = end + length;
  }
}
