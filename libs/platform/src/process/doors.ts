import type { Configuration } from '../configuration/configuration.ts';
import type { EventLog } from '../event-log/event-log.ts';
import { openEventLog } from '../event-log/open-event-log.ts';
import type { ExperimentTracker } from '../experiment-tracker/experiment-tracker.ts';
import { openExperimentTracker } from '../experiment-tracker/open-experiment-tracker.ts';
import { isPlatformError } from '../errors.ts';
import type { ObjectStore } from '../object-store/object-store.ts';
import { openObjectStore } from '../object-store/open-object-store.ts';
import { openSchemaRegistry } from '../schema-registry/open-schema-registry.ts';
import type { SchemaRegistry } from '../schema-registry/schema-registry.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ReadinessCheck } from '../telemetry/operations-server.ts';
import { watchDoor } from '../telemetry/watch-door.ts';

/** The doors by the names that people know them by. */
export interface OpenDoors {
  readonly eventLog: EventLog;
  readonly objectStore: ObjectStore;
  readonly experiments: ExperimentTracker;
  readonly schemaRegistry: SchemaRegistry;
}

export type DoorName = keyof OpenDoors;

/** How each door is opened, called in messages, and asked whether it answers: a question that costs little. */
const KINDS: { readonly [K in DoorName]: DoorKind<OpenDoors[K]> } = {
  eventLog: {
    title: 'event log',
    open: ({ eventLog, logins }, app, warn) => openEventLog(eventLog, { app, login: logins.eventLog, ...(warn && { warn }) }),
    ask: async (log) => `${(await log.describeTopics()).length} topics`,
  },
  objectStore: {
    title: 'object store',
    open: ({ objectStore, logins }) => openObjectStore(objectStore, { login: logins.objectStore }),
    ask: async (store) => {
      await store.head('gold/probe');
      return 'answers';
    },
  },
  experiments: {
    title: 'experiments',
    open: ({ experiments, logins }) => openExperimentTracker(experiments, { login: logins.experiments }),
    ask: async (tracker) => `${(await tracker.listModels()).length} registered models`,
  },
  schemaRegistry: {
    title: 'schema registry',
    open: ({ schemaRegistry, logins }) => openSchemaRegistry(schemaRegistry, { login: logins.schemaRegistry }),
    ask: (registry) => registry.schemaById(1).then(() => 'answers', (error: unknown) => {
      // An empty registry answers too.
      if (isPlatformError(error, 'NOT_FOUND')) return 'answers, empty';
      throw error;
    }),
  },
};

interface DoorKind<D> {
  readonly title: string;
  readonly open: (configuration: Configuration, app: string, warn: DoorsOptions['warn']) => Promise<D>;
  readonly ask: (door: D) => Promise<string>;
}

export interface DoorsOptions {
  /** With metrics every door is watched. */
  readonly metrics?: Metrics;
  /** Told of what a door finds that is no failure. */
  readonly warn?: (message: string) => void;
}

const ANSWER_WITHIN_MS = 4_000;

/** The doors of one process: each opened when first asked for, asked whether it answers, and all closed at the end. */
export class Doors {
  readonly #configuration: Configuration;
  readonly #app: string;
  readonly #options: DoorsOptions;
  readonly #opening = new Map<DoorName, Promise<OpenDoors[DoorName]>>();
  readonly #open = new Map<DoorName, OpenDoors[DoorName]>();

  /** `app` names whose part of the event log is written. */
  constructor(configuration: Configuration, app: string, options: DoorsOptions = {}) {
    this.#configuration = configuration;
    this.#app = app;
    this.#options = options;
  }

  /** A door that failed to open may be asked for again. */
  get<K extends DoorName>(name: K): Promise<OpenDoors[K]> {
    let opening = this.#opening.get(name);
    if (opening === undefined) {
      opening = this.#openDoor(name);
      this.#opening.set(name, opening);
      opening.catch(() => this.#opening.delete(name));
    }
    return opening as Promise<OpenDoors[K]>;
  }

  /** Asks doors whether they answer; one that is not open yet says so. */
  async check(names: readonly DoorName[]): Promise<readonly ReadinessCheck[]> {
    return Promise.all(names.map((name) => this.#check(name)));
  }

  /** What the event log says of its servers that is no failure yet; nothing while it is not open. */
  async warnings(): Promise<readonly string[]> {
    const log = this.#open.get('eventLog') as EventLog | undefined;
    return log === undefined ? [] : log.warnings();
  }

  async close(): Promise<void> {
    for (const door of [...this.#open.values()].reverse()) await door.close();
    this.#open.clear();
    this.#opening.clear();
  }

  async #openDoor<K extends DoorName>(name: K): Promise<OpenDoors[K]> {
    const { metrics, warn } = this.#options;
    const door = await KINDS[name].open(this.#configuration, this.#app, warn);
    const watched = metrics === undefined ? door : watchDoor(door, KINDS[name].title, metrics);
    this.#open.set(name, watched);
    return watched;
  }

  async #check<K extends DoorName>(name: K): Promise<ReadinessCheck> {
    const { title, ask } = KINDS[name];
    const door = this.#open.get(name) as OpenDoors[K] | undefined;
    if (door === undefined) return { name: title, ok: false, found: 'not open yet' };
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`)), ANSWER_WITHIN_MS);
    try {
      return { name: title, ok: true, found: await Promise.race([ask(door), late.promise]) };
    } catch (error) {
      return { name: title, ok: false, found: error instanceof Error ? error.message : String(error) };
    } finally {
      clearTimeout(timer);
    }
  }
}
