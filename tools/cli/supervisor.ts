import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One app as a process: its name, the program and what it is told through the environment. */
export interface SupervisedApp {
  readonly name: string;
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** Further options of the runtime. */
  readonly runtimeFlags?: readonly string[];
}

export interface SupervisorOptions {
  readonly runtime: string;
  readonly nowMs: () => number;
  /** A line that an app wrote; JSON log lines arrive as written. */
  readonly onLine: (app: string, line: string) => void;
  /** An app ended on its own; it starts again after `delayMs`, or not at all when undefined. */
  readonly onExit: (app: string, how: string, delayMs: number | undefined) => void;
  /** How long an app may take to stop in order before it is killed. */
  readonly stopTimeoutMs?: number;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** An app that ran this long had started properly: its back-off begins anew. */
const HEALTHY_AFTER_MS = 60_000;
/** Exit code of an app that says that trying again is pointless (a wrong setting, a port in use). */
export const EXIT_HOPELESS = 78;

/**
 * Keeps apps running: each in its own process, restarted with exponential back-off, all stopped in reverse order of their start.
 * The apps recover by themselves from any kill, so the supervisor holds no state worth keeping.
 */
export class Supervisor {
  readonly #children = new Map<string, ChildProcess>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #attempts = new Map<string, number>();
  readonly #hopeless = new Set<string>();
  #stopping = false;
  readonly #apps: readonly SupervisedApp[];
  readonly #options: SupervisorOptions;

  constructor(apps: readonly SupervisedApp[], options: SupervisorOptions) {
    this.#apps = apps;
    this.#options = options;
  }

  start(): void {
    for (const app of this.#apps) this.#launch(app);
  }

  /** Apps that gave up for good (exit 78). */
  get hopeless(): ReadonlySet<string> {
    return this.#hopeless;
  }

  get running(): readonly string[] {
    return [...this.#children.keys()];
  }

  /** Asks every app to stop, the last started first, and waits until all have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const app of [...this.#apps].reverse()) {
      const child = this.#children.get(app.name);
      if (child !== undefined) await this.#end(child);
    }
  }

  async #end(child: ChildProcess): Promise<void> {
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#options.stopTimeoutMs ?? 20_000);
    await ended;
    clearTimeout(timer);
  }

  #launch(app: SupervisedApp): void {
    const startedAtMs = this.#options.nowMs();
    const child = spawn(this.#options.runtime, ['--enable-source-maps', '--disable-warning=ExperimentalWarning', ...(app.runtimeFlags ?? []), app.program], {
      env: { ...process.env, ...app.env, TIDELINE_SUPERVISED: '1' },
      // Its own process group: Ctrl-C in the terminal reaches the supervisor alone, which then stops the apps in order.
      detached: true,
      // Nothing is ever written to its input: an app stops when this end closes, however the supervisor ended.
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#children.set(app.name, child);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#options.onLine(app.name, line));
    }
    child.on('error', (error) => this.#options.onLine(app.name, `did not start: ${error.message}`));
    child.on('exit', (code, signal) => {
      this.#children.delete(app.name);
      if (!this.#stopping) this.#relaunchLater(app, startedAtMs, code, signal);
    });
  }

  #relaunchLater(app: SupervisedApp, startedAtMs: number, code: number | null, signal: NodeJS.Signals | null): void {
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    if (code === EXIT_HOPELESS) {
      this.#hopeless.add(app.name);
      this.#options.onExit(app.name, how, undefined);
      return;
    }
    const healthy = this.#options.nowMs() - startedAtMs >= HEALTHY_AFTER_MS;
    const attempt = healthy ? 0 : (this.#attempts.get(app.name) ?? 0);
    this.#attempts.set(app.name, attempt + 1);
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS);
    this.#options.onExit(app.name, how, delayMs);
    this.#timers.set(app.name, setTimeout(() => this.#launch(app), delayMs));
  }
}
