import { setTimeout as sleep } from 'node:timers/promises';
import { isPlatformError } from '#tideline/platform';
import type { AppProcesses } from './app-processes.ts';
import type { PlannedKill } from './kill-plan.ts';
import type { Goal, Progress, ProgressWatch } from './progress.ts';
import type { DoneKill } from './proof.ts';
import type { Server } from './servers.ts';

/** What runs, what is killed when, and who is told. */
export interface Campaign {
  readonly processes: AppProcesses;
  readonly servers: readonly Server[];
  readonly plan: readonly PlannedKill[];
  readonly watch: ProgressWatch;
  readonly goal: Goal;
  /** Between two looks at the progress: short on embedded doors, so that kills come when they are due. */
  readonly lookEveryMs: number;
  /** The longest that the whole may take. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** The apps did not come through: one ended by itself where none may, or time ran out. */
export class NotThroughError extends Error {
  override readonly name = 'NotThroughError';
}

/** An app that has just been started does nothing yet that a kill could disturb. */
const UP_AFTER_MS = 800;
/** A speed layer that has no state back after this long (the log is away) is killed all the same. */
const RECOVERED_WITHIN_MS = 20_000;
const RESTART_AFTER_MS = 500;
/** An app that ends by itself so often does not recover. */
const MOST_RESTARTS = 60;

/** Kills apps and servers by plan while they work, each target at moments of its own work, and starts them again. */
export class UnderFire {
  readonly #campaign: Campaign;
  readonly #startedAtMs = Date.now();
  readonly #over = new AbortController();
  readonly #restarts: string[] = [];
  readonly #kills: DoneKill[] = [];
  /** Targets that are dead on purpose. */
  readonly #dead = new Set<string>();
  /** One server is dead at a time: what stands on several of them promises to do without one. */
  #serverTurn: Promise<void> = Promise.resolve();
  /** What a door said that could not be asked. */
  #away = '';
  #progress: Progress = { byteOffset: 0, isReplayed: false, processed: 0, landed: 0 };

  constructor(campaign: Campaign) {
    this.#campaign = campaign;
  }

  get kills(): readonly DoneKill[] {
    return this.#kills;
  }

  /** Apps that ended without being killed and were started again. */
  get restarts(): readonly string[] {
    return this.#restarts;
  }

  /** Starts the apps and resolves when the replay is over and every planned kill is done; the apps go on. */
  async run(): Promise<void> {
    const { processes, plan } = this.#campaign;
    for (const name of processes.names) processes.start(name);
    const watching = this.#watch();
    const keeping = this.#keepAlive();
    try {
      const targets = [...new Set(plan.map(({ target }) => target))];
      const killing = Promise.all(targets.map((target) => this.#killAll(target, plan.filter((kill) => kill.target === target))));
      await Promise.race([killing, watching, keeping]);
      await Promise.race([this.until('the replay ends', async () => this.#progress.isReplayed), watching, keeping]);
    } finally {
      this.#over.abort();
      await Promise.allSettled([watching, keeping]);
    }
  }

  /** Waits for something to become true while apps that end by themselves are started again. */
  async until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
    for (let toldAtMs = Date.now(); ; ) {
      this.#refuseToWaitLonger(what);
      this.#restartEnded();
      if (this.#over.signal.aborted && Date.now() - toldAtMs > 5_000) {
        toldAtMs = Date.now();
        this.#campaign.note(`waiting until ${what}${this.#away === '' ? '' : `; a door says ${this.#away}`}`);
        this.#away = '';
      }
      if (await isTrue().catch((error: unknown) => this.#falseWhileAway(error))) return;
      await sleep(this.#campaign.lookEveryMs * 5);
    }
  }

  async #watch(): Promise<void> {
    const { watch, lookEveryMs } = this.#campaign;
    let toldAtMs = Date.now();
    while (!this.#over.signal.aborted) {
      this.#progress = await watch.look().catch((error: unknown) => this.#falseWhileAway(error) || this.#progress);
      if (Date.now() - toldAtMs > 5_000) {
        toldAtMs = Date.now();
        this.#campaign.note(`${this.#position()}; ${this.#kills.length} of ${this.#campaign.plan.length} kills done`);
      }
      this.#refuseToWaitLonger('the work is done');
      await sleep(lookEveryMs);
    }
  }

  async #keepAlive(): Promise<void> {
    while (!this.#over.signal.aborted) {
      this.#restartEnded();
      await sleep(RESTART_AFTER_MS);
    }
  }

  #restartEnded(): void {
    const { processes, note } = this.#campaign;
    for (const name of processes.names) {
      if (processes.isRunning(name) || this.#dead.has(name)) continue;
      const last = processes.lines.filter((line) => line.startsWith(`${name}: `)).slice(-3).join('\n');
      this.#restarts.push(`${name} at second ${this.#second().toFixed(0)}: ${last}`);
      note(`${name} ended by itself and is started again`);
      if (this.#restarts.length > MOST_RESTARTS) throw new NotThroughError(`apps ended by themselves ${MOST_RESTARTS} times, the last ${this.#restarts.at(-1)}`);
      processes.start(name);
    }
  }

  async #killAll(target: string, kills: readonly PlannedKill[]): Promise<void> {
    for (const kill of kills) {
      while (!this.#isDue(kill)) {
        this.#refuseToWaitLonger(`${target} comes to its next kill`);
        await sleep(this.#campaign.lookEveryMs);
      }
      await sleep(kill.delayMs);
      const server = this.#campaign.servers.find(({ name }) => name === target);
      if (server === undefined) await this.#killOne(kill);
      else await (this.#serverTurn = this.#serverTurn.then(() => this.#killOne(kill, server)));
    }
  }

  #isDue({ target, share }: PlannedKill): boolean {
    if (this.#over.signal.aborted) return true;
    const { processes } = this.#campaign;
    const sinceStartMs = processes.names.includes(target) ? Date.now() - processes.startedAtMs(target) : Infinity;
    if (sinceStartMs < UP_AFTER_MS) return false;
    const lagsBehind = target.startsWith('speed-layer');
    if (lagsBehind && sinceStartMs < RECOVERED_WITHIN_MS && processes.said(target, /recovered/) === 0) return false;
    return this.#share(target) >= share || (this.#progress.isReplayed && !lagsBehind);
  }

  #share(target: string): number {
    const { goal } = this.#campaign;
    const { byteOffset, processed, landed } = this.#progress;
    if (target.startsWith('speed-layer')) return processed / goal.accepted;
    return target === 'batch-layer' ? landed / goal.accepted : byteOffset / goal.bytes;
  }

  async #killOne({ target, downMs }: PlannedKill, server?: Server): Promise<void> {
    if (this.#over.signal.aborted) return;
    const { processes, note } = this.#campaign;
    this.#dead.add(target);
    this.#kills.push({ target, moment: this.#position(), second: this.#second() });
    note(`kill ${this.#kills.length}: ${target} at ${this.#position()}`);
    await (server === undefined ? processes.end(target, 'SIGKILL') : server.kill());
    await sleep(downMs);
    if (this.#over.signal.aborted) return;
    if (server === undefined) processes.start(target);
    else await server.restart();
    this.#dead.delete(target);
  }

  #position(): string {
    const { byteOffset, processed, landed } = this.#progress;
    return `byte ${byteOffset} of ${this.#campaign.goal.bytes}, offset sum ${processed}, ${landed} rows landed`;
  }

  #second(): number {
    return (Date.now() - this.#startedAtMs) / 1000;
  }

  /** A server that is dead for the moment can't be asked; that is no finding. */
  #falseWhileAway(error: unknown): false {
    if (!isPlatformError(error)) throw error;
    this.#away = error.message;
    return false;
  }

  #refuseToWaitLonger(what: string): void {
    const { signal, patienceMs, processes } = this.#campaign;
    signal.throwIfAborted();
    if (Date.now() - this.#startedAtMs < patienceMs) return;
    throw new NotThroughError(`expected ${what} within ${patienceMs / 1000} s, found ${this.#position()}\n${processes.lines.slice(-20).join('\n')}`);
  }
}
