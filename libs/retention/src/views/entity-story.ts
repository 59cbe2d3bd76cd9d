import { decodeTransition, type Transition } from '../decisions/transition.ts';

/** One step of an entity's story, state by feature name; null where a feature had no value. */
export interface StoryStep {
  readonly eventTime: string | null;
  readonly state: Readonly<Record<string, number | null>>;
  readonly action: string;
  readonly reward: number;
  readonly nextState: Readonly<Record<string, number | null>> | null;
  readonly done: boolean;
}

/** What one entity did and what it brought: its newest transitions, oldest first, and the sum of their rewards. */
export interface EntityStory {
  readonly entity: string;
  readonly steps: readonly StoryStep[];
  readonly totalReward: number;
}

/** Keeps the newest transitions of each entity, as bytes; the entity whose newest one is oldest is forgotten first. */
export class EntityStories {
  readonly #held = new Map<string, Uint8Array[]>();
  readonly #stateNames: readonly string[];
  readonly #entities: number;
  readonly #steps: number;

  /** `stateNames` are the source's state features, in order. */
  constructor(stateNames: readonly string[], options: { readonly entities: number; readonly stepsPerEntity: number }) {
    this.#stateNames = stateNames;
    this.#entities = options.entities;
    this.#steps = options.stepsPerEntity;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Takes a transition as it stands on its topic, under its key; bytes are copied. */
  add(entity: string, bytes: Uint8Array): void {
    const steps = this.#held.get(entity) ?? [];
    this.#held.delete(entity);
    steps.push(bytes.slice());
    if (steps.length > this.#steps) steps.shift();
    this.#held.set(entity, steps);
    if (this.#held.size > this.#entities) for (const oldest of this.#held.keys()) { this.#held.delete(oldest); break; }
  }

  get(entity: string): EntityStory | undefined {
    const steps = this.#held.get(entity)?.map((bytes) => this.#step(decodeTransition(bytes)));
    return steps === undefined ? undefined : { entity, steps, totalReward: steps.reduce((sum, { reward }) => sum + reward, 0) };
  }

  #step({ eventTimeMs, state, action, reward, nextState, done }: Transition): StoryStep {
    const named = (values: Float64Array): Record<string, number | null> =>
      Object.fromEntries(this.#stateNames.map((name, k) => [name, Number.isFinite(values[k]) ? values[k] : null]));
    const eventTime = eventTimeMs === null ? null : new Date(eventTimeMs).toISOString();
    return { eventTime, state: named(state), action, reward, nextState: nextState === null ? null : named(nextState), done };
  }
}
