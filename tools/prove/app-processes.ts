import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { AppName } from './proof.ts';

/** The checkout that this program belongs to, whether it runs from `tools/` or from `dist/tools/`. */
export const root = rootFrom(import.meta.dirname);

function rootFrom(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : rootFrom(dirname(folder));
}

function programOf(app: AppName): string {
  return join(root, 'dist', 'apps', app, 'src', 'main.js');
}

/** Whether the programs of the apps are there to be started. */
export function isBuilt(apps: readonly AppName[]): boolean {
  return apps.every((app) => existsSync(programOf(app)));
}

/** An app that runs as a process of its own; several instances may run the same app. */
interface Instance {
  readonly app: AppName;
  readonly env: Readonly<Record<string, string>>;
  child: ChildProcess | undefined;
  startedAtMs: number;
  starts: number;
  /** Where the lines since its last start begin. */
  firstLine: number;
}

/** An app that was asked to stop and still runs then is killed. */
const STOP_WITHIN_MS = 45_000;
const LISTENS_WITHIN_MS = 30_000;
const MOST_LINES = 20_000;

/**
 * Apps as real processes in a folder of their own, killed and started again as a proof likes. They end by themselves when the process that
 * started them is gone.
 */
export class AppProcesses {
  readonly #folder: string;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #instances = new Map<string, Instance>();
  /** What the apps wrote, for the message of a failed run. */
  readonly lines: string[] = [];
  #dropped = 0;

  /** `settings` are the doors, as environment variables. */
  constructor(folder: string, settings: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#settings = settings;
    mkdirSync(folder, { recursive: true });
    if (!existsSync(join(folder, 'sources'))) symlinkSync(resolve('sources'), join(folder, 'sources'));
  }

  get names(): readonly string[] {
    return [...this.#instances.keys()];
  }

  add(name: string, app: AppName, env: Readonly<Record<string, string>>): void {
    this.#instances.set(name, { app, env, child: undefined, startedAtMs: 0, starts: 0, firstLine: 0 });
  }

  start(name: string): void {
    const instance = this.#instance(name);
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', programOf(instance.app)], {
      cwd: this.#folder,
      env: { PATH: process.env['PATH'] ?? '', ...this.#settings, ...instance.env, TIDELINE_SUPERVISED: '1' },
      // Its own group: Ctrl-C reaches the proof alone, which then ends the apps. Closing the input ends an app too.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => this.#keep(name, text));
    child.on('error', () => undefined);
    Object.assign(instance, { child, startedAtMs: Date.now(), starts: instance.starts + 1, firstLine: this.#dropped + this.lines.length });
  }

  starts(name: string): number {
    return this.#instance(name).starts;
  }

  startedAtMs(name: string): number {
    return this.#instance(name).startedAtMs;
  }

  isRunning(name: string): boolean {
    const { child } = this.#instance(name);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /**
   * Waits until one that runs can be asked to stop: a signal that comes before it listens ends it as any program, with nothing done and nothing lost,
   * but not in order.
   */
  async untilListening(name: string): Promise<void> {
    const deadline = Date.now() + LISTENS_WITHIN_MS;
    while (this.isRunning(name) && this.said(name, /health, readiness and metrics at/) === 0 && Date.now() < deadline) await new Promise((resolveSoon) => setTimeout(resolveSoon, 20));
  }

  /** How many of the lines since the instance's last start match. */
  said(name: string, pattern: RegExp): number {
    const lines = this.lines.slice(Math.max(0, this.#instance(name).firstLine - this.#dropped));
    return lines.filter((line) => line.startsWith(`${name}: `)).join('\n').match(new RegExp(pattern, 'g'))?.length ?? 0;
  }

  /** Ends one by the signal and waits until it is gone; its exit code, or the signal that ended it (SIGKILL when it took too long). */
  async end(name: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | NodeJS.Signals | undefined> {
    const { child } = this.#instance(name);
    if (child === undefined) return undefined;
    if (this.isRunning(name)) {
      const gone = new Promise<void>((resolveGone) => child.once('exit', () => resolveGone()));
      child.kill(signal);
      const tooLong = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      await gone;
      clearTimeout(tooLong);
    }
    return child.exitCode ?? child.signalCode ?? undefined;
  }

  async endAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.end(name, 'SIGKILL')));
  }

  #instance(name: string): Instance {
    const instance = this.#instances.get(name);
    if (instance === undefined) throw new Error(`expected an app among ${this.names.join(', ')}, found ${name}`);
    return instance;
  }

  #keep(name: string, text: Buffer): void {
    for (const line of text.toString('utf8').trimEnd().split('\n')) this.lines.push(`${name}: ${line}`);
    const superfluous = this.lines.length - MOST_LINES;
    if (superfluous <= 0) return;
    this.lines.splice(0, superfluous);
    this.#dropped += superfluous;
  }
}
