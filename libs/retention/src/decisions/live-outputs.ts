import type { ColumnBatch } from '../records/columns.ts';
import type { PackedRecords } from '../records/pack-records.ts';
import type { KeyTable } from '../features/key-table.ts';
import type { Source } from '../sources/source.ts';
import type { ClosedEpoch } from './open-epochs.ts';
import { LiveScorer } from './live-scorer.ts';
import type { RecordDecisions } from './record-decisions.ts';
import { type ScoreFields, ScoreWriter } from './score-writer.ts';
import { type TransitionFields, TransitionWriter } from './transition.ts';
import { type VisitLookup, VisitReader } from './visit-lookup.ts';

/** A batch as the event log gives it, so far as a processor looks at it. */
export interface RecordBatchLike extends PackedRecords {
  readonly topic: string;
  readonly partition: number;
  readonly baseOffset: number;
}

/** A decoded batch: refined row i is record `kept[i]` of the batch, hence offset `baseOffset + kept[i]`. */
export interface RefinedRecords {
  readonly records: RecordBatchLike;
  readonly batch: ColumnBatch;
  readonly kept: Int32Array;
  readonly decisions: RecordDecisions;
}

/** Turns feature vectors into scores and epochs into transitions, as bytes for their topics. */
export class LiveOutputs {
  readonly scorer: LiveScorer;
  readonly #scores: ScoreWriter;
  readonly #transitions: TransitionWriter;
  readonly #visits: VisitReader | undefined;
  #visitValues: VisitLookup | undefined;
  #visitOf: ((row: number) => { by: string; step: number }) | undefined;
  readonly #stateWidth: number;
  readonly #transition: TransitionFields = {
    eventTimeMs: null, state: new Float64Array(0), stateAt: 0, action: new Uint8Array(0), actionStart: 0, actionEnd: 0, reward: 0, nextState: null, done: false,
  };
  readonly #fields: ScoreFields = { eventTimeMs: NaN, featureTimeMs: NaN, probability: NaN, expectedValue: NaN, reward: NaN, offset: 0 };

  constructor(source: Source, featureNames: readonly string[], partition: number, transitionSchemaId: number) {
    this.scorer = new LiveScorer(featureNames);
    this.#scores = new ScoreWriter(source, featureNames, this.scorer, `raw.${source.name}`, partition);
    this.#transitions = new TransitionWriter(transitionSchemaId);
    this.#visits = source.features.visit === undefined ? undefined : new VisitReader(source, source.features.visit);
    this.#stateWidth = source.features.state.length;
  }

  get scoreCount(): number {
    return this.#scores.count;
  }

  get transitionCount(): number {
    return this.#transitions.count;
  }

  useVisitValues(values: VisitLookup | undefined): void {
    this.#visitValues = values;
  }

  modelChanged(): void {
    this.#scores.modelChanged();
  }

  /** Call before the first score of a batch. */
  begin({ batch }: RefinedRecords): void {
    this.#visitOf = this.#visitValues === undefined ? undefined : this.#visits?.read(batch);
  }

  /**
   * A score of the entity whose key is given, caused by refined row `origin`. `eventTimeMs` and `featureTimeMs` are NaN without time,
   * `reward` NaN when the entity has no record of its own behind the score.
   */
  score(step: RefinedRecords, origin: number, key: Uint8Array, keyStart: number, keyEnd: number, features: Float64Array,
    eventTimeMs: number, featureTimeMs: number, reward: number): void {
    const { records, kept } = step;
    const fields = this.#fill(features, records.baseOffset + kept[origin], eventTimeMs, featureTimeMs, reward);
    const visit = this.#visitOf?.(origin);
    if (visit !== undefined) {
      fields.expectedValue = this.#visitValues?.expectedValue(visit.by, visit.step) ?? NaN;
      if (this.scorer.model === undefined) fields.probability = this.#visitValues?.leaveProbability(visit.by, visit.step) ?? NaN;
    }
    this.#scores.write(key, keyStart, keyEnd, features, fields, eventTimeMs === eventTimeMs ? eventTimeMs : records.timestamps[kept[origin]]);
  }

  /** A score without a record of its own: the entity's features as they stand, asked for after the record at `offset`. */
  standing(key: Uint8Array, features: Float64Array, offset: number, eventTimeMs: number, featureTimeMs: number): void {
    this.#scores.write(key, 0, key.length, features, this.#fill(features, offset, eventTimeMs, featureTimeMs, NaN), eventTimeMs);
  }

  #fill(features: Float64Array, offset: number, eventTimeMs: number, featureTimeMs: number, reward: number): ScoreFields {
    const fields = this.#fields;
    fields.eventTimeMs = eventTimeMs;
    fields.featureTimeMs = featureTimeMs;
    fields.reward = reward;
    fields.offset = offset;
    fields.probability = this.scorer.score(features);
    fields.expectedValue = NaN;
    return fields;
  }

  /** A transition of a source with time. */
  epoch(entities: KeyTable, closed: ClosedEpoch): void {
    const { slot, lastTimeMs } = closed;
    const start = entities.keyStart(slot);
    const transition = this.#transition;
    transition.eventTimeMs = lastTimeMs;
    transition.state = closed.state;
    transition.stateAt = closed.stateAt;
    transition.action = closed.action;
    transition.actionStart = closed.actionStart;
    transition.actionEnd = closed.actionEnd;
    transition.reward = closed.reward;
    transition.nextState = closed.nextState;
    transition.done = closed.done;
    this.#transitions.write(entities.keyBytes(slot), start, start + entities.keyLength(slot), transition, lastTimeMs, this.#stateWidth);
  }

  /** A transition of a source without time: one record and the state before it. */
  record({ records, kept, decisions }: RefinedRecords, row: number, state: Float64Array): void {
    const { rewards, actions, actionOffsets, terminals } = decisions;
    const transition = this.#transition;
    transition.eventTimeMs = null;
    transition.state = state;
    transition.stateAt = 0;
    transition.action = actions;
    transition.actionStart = actionOffsets[row];
    transition.actionEnd = actionOffsets[row + 1];
    transition.reward = rewards[row];
    transition.nextState = null;
    transition.done = terminals[row] === 1;
    const at = kept[row];
    this.#transitions.write(records.keys, records.keyOffsets[at], records.keyOffsets[at + 1], transition, records.timestamps[at], this.#stateWidth);
  }

  /** What was written since the last call, per topic that got something. */
  finish(): { scores: PackedRecords | undefined; transitions: PackedRecords | undefined } {
    return {
      scores: this.#scores.count === 0 ? undefined : this.#scores.finish(),
      transitions: this.#transitions.count === 0 ? undefined : this.#transitions.finish(),
    };
  }
}
