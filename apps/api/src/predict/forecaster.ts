import { nearestName } from '../entities/nearest-name.ts';
import type { ModelStore } from '../models/model-store.ts';
import type { ServedModel } from '../models/served-model.ts';
import { invalidRequest, Problem } from '../problems/problem.ts';
import type { ChurnScore } from '../scores/churn-score.ts';
import type { LiveBoard } from '../scores/live-board.ts';
import type { SourceCatalog } from '../sources/source-catalog.ts';
import { noChampion, Predictor, type FeatureInput, type Prediction } from './predictor.ts';

/** One question: either the features or the entity whose live state is meant. */
export interface Question {
  readonly features?: FeatureInput;
  readonly entity?: string | number;
  readonly customer_id?: string | number;
}

export interface Answer extends Prediction {
  readonly entity?: string;
  readonly customer_id?: string | number;
}

/** Segment and page of a visit, as `POST /predict/value` takes them. */
export interface ValueQuestion {
  readonly source?: string;
  readonly segment?: string;
  readonly age_level?: number;
  readonly gender?: number;
  readonly purchase_power?: number;
  readonly page_id: number;
}

/** Answers questions about churn and value with the models in force; every failure is a problem that names the field. */
export class Forecaster {
  readonly #sources: SourceCatalog;
  readonly #models: ModelStore;
  readonly #board: LiveBoard;
  readonly #predictors = new WeakMap<ServedModel, Predictor>();

  constructor(sources: SourceCatalog, models: ModelStore, board: LiveBoard) {
    this.#sources = sources;
    this.#models = models;
    this.#board = board;
  }

  /** One answer a question; an array gives an array. */
  answer(source: string, body: Question | readonly Question[], withReasons: boolean): Answer | Answer[] {
    const served = this.#models.champion(source);
    if (served === undefined) {
      this.#sources.expect(source);
      throw noChampion(source);
    }
    const predictor = this.#predictor(served);
    if (!Array.isArray(body)) return this.#answerOne(predictor, body as Question, '', withReasons);
    return body.map((question: Question, index) => this.#answerOne(predictor, question, `/${index}`, withReasons));
  }

  /** The probability and class that one row of features gets from a named model (`churn-x`, `x`, either with `@version`). */
  async answerNamed(features: FeatureInput, name: string | undefined, task: string | undefined): Promise<{ prediction: number; probability: number | null; model_used: string }> {
    const served = await this.#named(name);
    if (task !== undefined && task !== served.model.task) {
      throw invalidRequest([{ pointer: '/model_type', detail: `expected ${served.model.task}, the task of ${served.name}, found ${task}` }]);
    }
    const { prediction, churn_probability: probability } = this.#predictor(served).predict(features, '/features', false);
    return { prediction, probability, model_used: `${served.name}@${served.version}` };
  }

  /** What the rest of a visit is expected to bring after this page. */
  value(question: ValueQuestion): Record<string, unknown> {
    const source = this.#onlySource(question.source, this.#sources.all.filter((candidate) => candidate.features.visit !== undefined).map(({ name }) => name), 'visit values');
    const table = this.#models.visitValues(source);
    if (table === undefined) {
      throw new Problem(503, 'no-visit-values', 'No visit values yet', `expected visit values of ${source}, found none; build them with: npx tideline build ${source}`, { source });
    }
    const segment = question.segment ?? segmentOf(question);
    if (table.groups.size > 0 && !table.groups.has(segment)) {
      const nearest = nearestName(segment, table.groups);
      throw new Problem(404, 'unknown-segment', 'No visits of this segment', `expected a segment seen in the log, found ${segment}`, nearest === undefined ? {} : { nearest });
    }
    const step = question.page_id;
    const expectedValue = table.lookup.expectedValue(segment, step);
    if (expectedValue === undefined) {
      throw new Problem(404, 'unknown-page', 'No visit reaches this page', `expected a page seen in the log, found ${step}`, { errors: [{ pointer: '/page_id', detail: 'names no page seen' }] });
    }
    return {
      source,
      segment,
      page_id: step,
      expected_revenue: expectedValue,
      mean_reward: table.lookup.meanReward(segment, step) ?? null,
      leave_probability: table.lookup.leaveProbability(segment, step) ?? null,
      model: { name: table.name, version: table.version },
    };
  }

  /** The source meant by a request that may leave it out when only one has a model. */
  onlyServedSource(given: string | undefined): string {
    return this.#onlySource(given, this.#models.champions().map(({ source }) => source), 'a champion');
  }

  #onlySource(given: string | undefined, candidates: readonly string[], what: string): string {
    if (given !== undefined) return this.#sources.expect(given).name;
    if (candidates.length === 1) return candidates[0]!;
    if (candidates.length === 0) throw new Problem(503, 'no-champion', 'No model serves yet', `expected a source with ${what}, found none`);
    throw invalidRequest([{ pointer: '/source', detail: `expected one of ${candidates.join(', ')} (several have ${what}), found none` }]);
  }

  async #named(name: string | undefined): Promise<ServedModel> {
    const [model, version] = name === undefined ? [this.onlyServedSource(undefined), undefined] : name.split('@', 2);
    const source = model!.replace(/^churn-/, '');
    const served = version === undefined ? this.#models.champion(source) : await this.#models.version(source, version);
    if (served !== undefined) return served;
    if (version === undefined && this.#sources.find(source) !== undefined) throw noChampion(source);
    const known = this.#models.champions().map((champion) => champion.name);
    const nearest = nearestName(name ?? '', known);
    throw new Problem(404, 'unknown-model', 'No such model', `expected a served model (${known.join(', ') || 'none yet'}), found ${JSON.stringify(name)}`, {
      errors: [{ pointer: '/model_name', detail: 'names no model' }],
      ...(nearest === undefined ? {} : { nearest }),
    });
  }

  #answerOne(predictor: Predictor, question: Question, pointer: string, withReasons: boolean): Answer {
    const { features, entity, customer_id } = question;
    if ((features === undefined) === (entity === undefined)) {
      const found = features === undefined ? 'neither' : 'both';
      throw invalidRequest([{ pointer, detail: `expected either features or entity, found ${found}` }]);
    }
    const prediction = features === undefined ? this.#predictEntity(predictor, String(entity), pointer, withReasons) : predictor.predict(features, `${pointer}/features`, withReasons);
    if (customer_id !== undefined) return { customer_id, ...prediction };
    return entity === undefined ? prediction : { entity: String(entity), ...prediction };
  }

  #predictEntity(predictor: Predictor, entity: string, pointer: string, withReasons: boolean): Prediction {
    const { source } = predictor.served;
    const line = this.#board.latest(source, entity);
    if (line === undefined) throw unknownEntity(this.#board, source, entity, `${pointer}/entity`);
    const score = JSON.parse(line.json) as ChurnScore;
    return predictor.predictState(this.#sources.expect(source).features.state, score.state, withReasons);
  }

  #predictor(served: ServedModel): Predictor {
    let predictor = this.#predictors.get(served);
    if (predictor === undefined) this.#predictors.set(served, (predictor = new Predictor(served)));
    return predictor;
  }
}

/** The 404 of an entity that has no live score here; names the nearest that has one. */
export function unknownEntity(board: LiveBoard, source: string, entity: string, pointer: string): Problem {
  const nearest = nearestName(entity, board.entities(source));
  const known = board.entityCount(source);
  const detail = known === 0 ? `expected an entity with a live score, found none at all for ${source}; replay a log of it first` : `expected one of ${known} entities with a live score, found ${JSON.stringify(entity)}${describeLimits(board, known)}`;
  return new Problem(404, 'unknown-entity', 'No such entity', detail, { errors: [{ pointer, detail: 'names no known entity' }], ...(nearest === undefined ? {} : { nearest }) });
}

/** An entity that scored long ago may be on the log and not in this picture: a 404 must not look like the whole truth. */
function describeLimits(board: LiveBoard, known: number): string {
  const { olderScoresUnread, entitiesKeptAtMost } = board.limits;
  const parts = [
    ...(olderScoresUnread > 0 ? [`about ${olderScoresUnread} older scores on the log were not read at the start`] : []),
    ...(known >= entitiesKeptAtMost ? [`only the ${entitiesKeptAtMost} entities that scored last are kept`] : []),
  ];
  return parts.length === 0 ? '' : ` (${parts.join('; ')}: \`tideline scores --key\` searches all)`;
}

function segmentOf(question: ValueQuestion): string {
  const parts = [question.age_level, question.gender, question.purchase_power];
  const names = ['age_level', 'gender', 'purchase_power'];
  const missing = names.filter((_, index) => parts[index] === undefined);
  if (missing.length > 0) {
    throw invalidRequest(missing.map((name) => ({ pointer: `/${name}`, detail: 'expected this member (or segment instead of the three), found none' })));
  }
  return parts.join('-');
}
