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

/** Writes scores as JSON text, built once per score from parts that are already text. */
export class ScoreWriter {
  readonly #out = new PackedWriter();
  readonly #scorer: LiveScorer;
  readonly #head: string;
  readonly #tail: string;
  readonly #reasonHeads: readonly string[];
  readonly #statePositions: readonly number[];
  readonly #time = new IsoTimeWriter();
  #featureTimeMs = NaN;
  #featureTime = 'null';
  #model = 'null';
  /** Whether everything but entities is ASCII. */
  #ascii = true;
  #keys: Uint8Array = new Uint8Array(0);
  #keyText: Buffer<ArrayBufferLike> = Buffer.alloc(0);

  constructor(source: Source, featureNames: readonly string[], scorer: LiveScorer, topic: string, partition: number) {
    this.#scorer = scorer;
    this.#head = `{"source":${JSON.stringify(source.name)},"entity":`;
    this.#tail = `],"origin":{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":"`;
    this.#reasonHeads = featureNames.map((name) => `{"feature":${JSON.stringify(name)},"value":`);
    this.#statePositions = source.features.state.map((name) => featureNames.indexOf(name));
    this.modelChanged();
  }

  get count(): number {
    return this.#out.count;
  }

  /** Takes note of the scorer's model. */
  modelChanged(): void {
    const { model } = this.#scorer;
    this.#model = model === undefined ? 'null' : JSON.stringify({ name: model.name, version: model.version, kind: model.kind });
    this.#ascii = [this.#head, this.#tail, this.#model, ...this.#reasonHeads].every((text) => Buffer.byteLength(text) === text.length);
  }

  /** One score; reasons are those of the vector that the scorer saw last. */
  write(key: Uint8Array, keyStart: number, keyEnd: number, features: Float64Array, fields: ScoreFields, timestampMs: number): void {
    if (key !== this.#keys) {
      this.#keys = key;
      this.#keyText = Buffer.from(key.buffer, key.byteOffset, key.length);
    }
    const plain = isPlain(key, keyStart, keyEnd);
    const quoted = plain ? `"${this.#keyText.toString('latin1', keyStart, keyEnd)}"` : JSON.stringify(this.#keyText.toString('utf8', keyStart, keyEnd));
    const times = `,"eventTime":${this.#eventTime(fields.eventTimeMs)},"featureTime":${this.#featureTimeOf(fields.featureTimeMs)}`;
    const values = `,"churnProbability":${numberText(fields.probability)},"expectedValue":${numberText(fields.expectedValue)},"state":[${this.#state(features)}]`;
    const model = `,"reward":${numberText(fields.reward)},"model":${this.#model},"reasons":[${this.#reasons(features)}`;
    this.#out.text(`${this.#head}${quoted}${times}${values}${model}${this.#tail}${fields.offset}"}}`, plain && this.#ascii);
    this.#out.push(key, keyStart, keyEnd, timestampMs);
  }

  finish(): PackedRecords {
    return this.#out.finish();
  }

  #eventTime(ms: number): string {
    return ms === ms ? `"${this.#time.write(ms)}"` : 'null';
  }

  /** Scores of one moment share their feature time. */
  #featureTimeOf(ms: number): string {
    if (ms !== this.#featureTimeMs) {
      this.#featureTimeMs = ms;
      this.#featureTime = this.#eventTime(ms);
    }
    return this.#featureTime;
  }

  #state(features: Float64Array): string {
    let text = '';
    for (let k = 0; k < this.#statePositions.length; k++) {
      const value = numberText(features[this.#statePositions[k]]);
      text += k === 0 ? value : `,${value}`;
    }
    return text;
  }

  #reasons(features: Float64Array): string {
    const { reasons, reasonContributions } = this.#scorer;
    let text = '';
    for (let k = 0; k < reasons.length; k++) {
      const reason = `${this.#reasonHeads[reasons[k]]}${numberText(features[reasons[k]])},"contribution":${numberText(reasonContributions[k])}}`;
      text += k === 0 ? reason : `,${reason}`;
    }
    return text;
  }
}

/** As JSON writes it: shortest form that reads back the same; what is not finite is null. */
function numberText(value: number): string {
  return value - value === 0 ? `${value}` : 'null';
}

/** Whether text is printable ASCII that JSON writes as it is. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c) return false;
  }
  return true;
}
