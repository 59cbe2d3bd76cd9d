// Real apps as processes on embedded doors in a folder of their own, killed and started again as a test likes.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

function programOf(app: string): string {
  return join(root, 'dist', 'apps', app, 'src', 'main.js');
}

export function isBuilt(): boolean {
  return existsSync(programOf('ingestor')) && existsSync(programOf('speed-layer'));
}

/** One house: a working folder with its own doors, and the apps that live in it. */
export class House {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #children = new Map<string, ChildProcess>();
  readonly #starts = new Map<string, number>();
  readonly #startLines = new Map<string, number>();
  /** What the apps wrote, for the message of a failed test. */
  readonly lines: string[] = [];

  /** Schemas and models lie in a folder that houses share: ids and versions then mean the same in all of them. */
  constructor(folder: string, common: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    symlinkSync(join(root, 'sources'), join(folder, 'sources'));
    const door = (name: string): string => `file:${join(folder, name)}`;
    this.env = {
      EVENT_LOG: door('log'),
      OBJECT_STORE: door('lake'),
      EXPERIMENTS: `file:${join(common, 'mlruns')}`,
      SCHEMA_REGISTRY: `file:${join(common, 'schemas')}`,
      // Most of a short run is starting up; compiled code may be kept.
      NODE_COMPILE_CACHE: join(common, 'compile-cache'),
    };
  }

  start(app: string, env: Readonly<Record<string, string>> = {}): void {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', programOf(app)], {
      cwd: this.folder,
      env: { PATH: process.env['PATH'] ?? '', ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => this.lines.push(`${app}: ${text.toString('utf8').trimEnd()}`));
    this.#children.set(app, child);
    this.#starts.set(app, this.starts(app) + 1);
    this.#startLines.set(app, this.lines.length);
  }

  starts(app: string): number {
    return this.#starts.get(app) ?? 0;
  }

  /** How many of the lines since the app's last start match. */
  said(app: string, pattern: RegExp): number {
    const text = this.lines.slice(this.#startLines.get(app) ?? 0).filter((line) => line.startsWith(`${app}: `)).join('\n');
    return text.match(new RegExp(pattern, 'g'))?.length ?? 0;
  }

  isRunning(app: string): boolean {
    const child = this.#children.get(app);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Ends one app by the signal and waits until it is gone; its exit code, or undefined after a signal that kills. */
  async end(app: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | undefined> {
    const child = this.#children.get(app);
    if (child === undefined) return undefined;
    if (this.isRunning(app)) {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill(signal);
      await gone;
    }
    return child.exitCode ?? undefined;
  }

  async endAll(): Promise<void> {
    for (const app of this.#children.keys()) await this.end(app, 'SIGKILL');
  }
}
