// Doors that are unreliable in every way, held by apps that die: for tests that compare with an undisturbed run.
import {
  Faults, UnreliableEventLog, UnreliableExperimentTracker, UnreliableObjectStore, UnreliableSchemaRegistry,
  type AssignmentListener, type Clock, type EventLog, type ExperimentTracker, type ObjectStore, type SchemaRegistry,
} from '#tideline/platform';

/** What all apps of a world share. */
export interface Doors {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly tracker: ExperimentTracker;
  readonly registry: SchemaRegistry;
}

/** Time that passes only by sleeping; a long sleep lets others go first. */
export class SleepingClock implements Clock {
  #nowMs = 1_700_000_000_000;

  nowMs(): number {
    return ++this.#nowMs;
  }

  steadyMs(): number {
    return this.nowMs();
  }

  async sleep(ms: number): Promise<void> {
    this.#nowMs += ms;
    await new Promise<void>((resolve) => (ms < 100 ? setImmediate(resolve) : setTimeout(resolve, 1)));
  }
}

/** An app's way to the doors: one coin for all four, tossed on from one life of the app to the next. */
export class BadConnection {
  readonly faults: Faults;
  readonly doors: Doors;

  constructor(inner: Doors, seed: number, rate: number, clock: Pick<Clock, 'sleep'>) {
    const each = rate / 5;
    this.faults = new Faults({ seed, clock, failBefore: each, failAfter: each, hang: each, effectLate: each, answerLate: each, lateMsMax: 90 });
    this.doors = {
      log: new UnreliableEventLog(inner.log, this.faults),
      store: new UnreliableObjectStore(inner.store, this.faults),
      tracker: new UnreliableExperimentTracker(inner.tracker, this.faults),
      registry: new UnreliableSchemaRegistry(inner.registry, this.faults),
    };
  }
}

/**
 * One life of an app. It ends at its `dieAt`th call of a door, just before or just after the effect; from then on nothing that it asked for is ever
 * answered, so that nothing of it goes on, as when a process is gone.
 */
export class Life {
  readonly doors: Doors;
  readonly #dieAt: number;
  readonly #diesAfter: boolean;
  readonly #letsGo: boolean;
  readonly #died = Promise.withResolvers<'died'>();
  #calls = 0;

  /** `letsGo`: calls of the dead app fail instead, so that it closes the files that it holds; it can't do anything else. */
  constructor(doors: Doors, dieAt: number, diesAfter: boolean, letsGo = false) {
    this.#letsGo = letsGo;
    this.#dieAt = dieAt;
    this.#diesAfter = diesAfter;
    this.doors = { log: this.#mortalLog(doors.log), store: this.#mortal(doors.store), tracker: this.#mortal(doors.tracker), registry: this.#mortal(doors.registry) };
  }

  get isDead(): boolean {
    return this.#calls >= this.#dieAt;
  }

  /** Ends it here. */
  end(): void {
    this.#calls = Infinity;
  }

  /** What the work comes to, or that the app died of it. */
  live<T>(work: (doors: Doors) => Promise<T>): Promise<T | 'died'> {
    return Promise.race([work(this.doors), this.#died.promise]);
  }

  /** A group of one member: a dead one never leaves, and on a server its session ends. */
  #mortalLog(log: EventLog): EventLog {
    const mortal = this.#mortal(log, ['joinGroup']);
    const joinGroup = async (_group: string, topics: readonly string[], listener: AssignmentListener): Promise<{ leave(): Promise<void> }> => {
      const partitions = (await log.describeTopics()).filter(({ topic }) => topics.includes(topic)).flatMap((found) => found.partitions.map(({ partition }) => ({ topic: found.topic, partition })));
      await listener.assigned(partitions);
      return { leave: () => listener.revoked(partitions) };
    };
    return new Proxy(mortal, { get: (target, name) => (name === 'joinGroup' ? joinGroup : Reflect.get(target, name)) });
  }

  /** The door, and what it hands out (writers, uploads), with every call counted. */
  #mortal<T extends object>(door: T, except: readonly string[] = []): T {
    return new Proxy(door, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function' || except.includes(String(name))) return member;
        if (name === 'locate') return member.bind(target) as unknown;
        if (name === 'list') return (prefix: string) => this.#listing(() => member.call(target, prefix) as AsyncIterable<unknown>);
        return (...args: unknown[]) => this.#through(async () => {
          const answer: unknown = await (member.apply(target, args) as Promise<unknown>);
          return name === 'openWriter' || name === 'upload' ? this.#mortal(answer as object) : answer;
        });
      },
    });
  }

  async *#listing(list: () => AsyncIterable<unknown>): AsyncIterable<unknown> {
    yield* await this.#through(async () => list());
  }

  async #through<T>(call: () => Promise<T>): Promise<T> {
    if (this.isDead) return this.#nothing();
    const dies = ++this.#calls >= this.#dieAt;
    if (dies && !this.#diesAfter) return this.#die();
    // Dead is dead, also when the last call failed.
    const result = dies ? await call().catch(() => undefined) : await call();
    if (dies) return this.#die();
    // Another call may have been the last while this one was under way.
    return this.isDead ? this.#nothing() : (result as T);
  }

  #die(): Promise<never> {
    this.#died.resolve('died');
    return this.#nothing();
  }

  #nothing(): Promise<never> {
    if (this.#letsGo) return Promise.reject(new Error('the app is dead'));
    return new Promise(() => undefined);
  }
}
