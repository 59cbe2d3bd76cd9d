import type { EventLog, ExperimentTracker } from '#tideline/platform';
import { unknownEntity } from './predict/forecaster.ts';
import type { ModelStore } from './models/model-store.ts';
import { stepsOf } from './models/visit-value-table.ts';
import type { ChurnScore, ScoreLine } from './scores/churn-score.ts';
import type { LiveView } from './scores/live-view.ts';
import type { SourceCatalog } from './sources/source-catalog.ts';

export interface ReadinessCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
}

/** A step of an entity as it lies on `transitions.<source>`. */
export interface DecodedTransition {
  readonly eventTimeMs: number | null;
  readonly state: Float64Array;
  readonly action: string;
  readonly reward: number;
  readonly nextState: Float64Array | null;
  readonly done: boolean;
}

/**
 * The API's story: it learns which models are in force, follows the log into a picture of the present, and answers from the two.
 * It writes nothing: whatever it knows it can read again.
 */
export class Api {
  readonly #log: EventLog;
  readonly #tracker: ExperimentTracker;
  readonly #sources: SourceCatalog;
  readonly #models: ModelStore;
  readonly #view: LiveView;
  readonly #decodeTransition: (bytes: Uint8Array) => DecodedTransition;

  constructor(doors: { log: EventLog; tracker: ExperimentTracker }, sources: SourceCatalog, models: ModelStore, view: LiveView, decodeTransition: (bytes: Uint8Array) => DecodedTransition) {
    this.#log = doors.log;
    this.#tracker = doors.tracker;
    this.#sources = sources;
    this.#models = models;
    this.#view = view;
    this.#decodeTransition = decodeTransition;
  }

  /** From here on answers come from the champion and the live picture. */
  async open(): Promise<void> {
    await this.#models.follow();
    this.#view.follow();
  }

  async close(): Promise<void> {
    this.#models.stop();
    await this.#view.close();
  }

  /** Ready means: both doors answer and at least one source has a champion. */
  async checkReadiness(): Promise<{ ready: boolean; checks: readonly ReadinessCheck[] }> {
    const champions = this.#models.champions();
    const without = this.#sources.names.filter((name) => this.#models.champion(name) === undefined);
    const checks = await Promise.all([
      this.#checkDoor('event log', async () => `${(await this.#log.describeTopics()).length} topics`),
      this.#checkDoor('experiments', async () => `${(await this.#tracker.listModels()).length} registered models`),
      Promise.resolve({
        name: 'champion model',
        ok: champions.length > 0,
        found: champions.length > 0 ? champions.map(({ name, version }) => `${name}@${version}`).join(', ') : `no champion for ${without.join(', ')}${this.#models.problem === undefined ? '' : ` (${this.#models.problem})`}`,
      }),
    ]);
    return { ready: checks.every(({ ok }) => ok), checks };
  }

  async #checkDoor(name: string, ask: () => Promise<string>): Promise<ReadinessCheck> {
    try {
      return { name, ok: true, found: await ask() };
    } catch (error) {
      return { name, ok: false, found: error instanceof Error ? error.message : String(error) };
    }
  }

  describeSources(): readonly object[] {
    return this.#sources.all.map((source) => {
      const champion = this.#models.champion(source.name);
      return {
        name: source.name,
        title: source.title,
        entity: source.entity,
        time: source.time ?? null,
        synthetic: this.#sources.isSynthetic(source.name),
        target: source.models.target,
        state: source.features.state,
        features: source.features.features.map(({ name, formula }) => ({ name, formula })),
        champion: champion === undefined ? null : { name: champion.name, version: champion.version, kind: champion.model.kind, features: champion.model.featureNames },
        visitValues: this.#models.visitValues(source.name)?.version ?? null,
        live: { entities: this.#view.board.entityCount(source.name), scores: this.#view.board.scoreCount(source.name) },
      };
    });
  }

  describeThroughput(): object {
    const sources = this.#sources.names.map((name) => [name, {
      ...this.#view.rates(name),
      entities: this.#view.board.entityCount(name),
      scoresTotal: this.#view.board.scoreCount(name),
    }] as const);
    return { intervalSeconds: 1, sources: Object.fromEntries(sources) };
  }

  /** Highest risk first; scores without a probability are left out. */
  mostAtRisk(source: string, limit: number): readonly ChurnScore[] {
    return this.#view.board.top(this.#sources.expect(source).name, limit).map(readScore);
  }

  /** All that is known of one entity right now. */
  tellStory(sourceName: string, entity: string): object {
    const source = this.#sources.expect(sourceName);
    const line = this.#view.board.latest(source.name, entity);
    if (line === undefined) throw unknownEntity(this.#view.board, source.name, entity, '/id');
    const score = readScore(line);
    const features = source.features.state.map((name, index) => ({ name, value: score.state[index] ?? null, asOf: score.featureTime }));
    const transitions = this.#view.board.transitionsOf(source.name, entity).map((bytes) => describeTransition(this.#decodeTransition(bytes))).reverse();
    return { source: source.name, entity, eventTime: score.eventTime, featureTime: score.featureTime, features, score, transitions, limits: this.#view.board.limits, visitValues: this.#visitValuesOf(source.name, entity) };
  }

  #visitValuesOf(source: string, entity: string): object | null {
    const table = this.#models.visitValues(source);
    if (table === undefined || !table.groups.has(entity)) return null;
    return { name: table.name, version: table.version, steps: stepsOf(table, entity) };
  }
}

/** JSON has no NaN: a feature without a value is null. */
function describeTransition({ eventTimeMs, state, action, reward, nextState, done }: DecodedTransition): object {
  const vector = (values: Float64Array): (number | null)[] => Array.from(values, (value) => (Number.isFinite(value) ? value : null));
  return {
    eventTime: eventTimeMs === null ? null : new Date(eventTimeMs).toISOString(),
    state: vector(state),
    action,
    reward,
    nextState: nextState === null ? null : vector(nextState),
    done,
  };
}

function readScore(line: ScoreLine): ChurnScore {
  return JSON.parse(line.json) as ChurnScore;
}
