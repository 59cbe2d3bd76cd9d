import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The Python that has MLflow (and `packageName`): named by `TIDELINE_SERVICES_PYTHON`, or the one that `npm run services` installed; undefined otherwise. */
export function mlflowPython(packageName = 'mlflow'): string | undefined {
  const named = process.env['TIDELINE_SERVICES_PYTHON'];
  const found = [...(named === undefined ? [] : [named]), ...globSync('.services/{*,*/*,*/*/*}/venv/bin/python')];
  const has = (python: string): boolean => globSync(join(dirname(python), `../lib/python3*/site-packages/${packageName}`)).length > 0;
  return found.find((python) => existsSync(join(dirname(python), 'mlflow')) && has(python));
}

/** An MLflow of the test's own, that it may kill: its data outlives a restart. */
export class OwnMlflow {
  readonly folder = mkdtempSync(join(tmpdir(), 'tideline-mlflow-'));
  readonly #python: string;
  readonly #port: number;
  #process: ChildProcess | undefined;

  private constructor(python: string, port: number) {
    this.#python = python;
    this.#port = port;
  }

  static async start(python: string): Promise<OwnMlflow> {
    const server = new OwnMlflow(python, await freePort());
    await server.restart();
    return server;
  }

  get address(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it again on the same data and waits until it answers. */
  async restart(): Promise<void> {
    const bin = dirname(this.#python);
    const log = openSync(join(this.folder, 'mlflow.log'), 'a');
    const options = ['--backend-store-uri', `sqlite:///${join(this.folder, 'mlflow.db')}`, '--artifacts-destination', join(this.folder, 'artifacts')];
    this.#process = spawn(join(bin, 'mlflow'), ['server', '--host', '127.0.0.1', '--port', String(this.#port), ...options, '--workers', '1'], {
      env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false', MLFLOW_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: 'true' },
      stdio: ['ignore', log, log], detached: true,
    });
    const deadline = Date.now() + 180_000;
    while (!(await fetch(`${this.address}/health`).then((response) => response.ok, () => false))) {
      if (Date.now() > deadline || this.#process.exitCode !== null) throw new Error(`MLflow did not start; its log is in ${this.folder}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Ends it at once, with its workers. */
  async kill(): Promise<void> {
    const { pid } = this.#process ?? {};
    if (pid === undefined || this.#process?.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#process!.once('exit', resolve));
    process.kill(-pid, 'SIGKILL');
    await ended;
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
