import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { failed } from '../cli/command-error.ts';
import { serverNames, type Instance } from './instance.ts';
import type { ServerHost, ServerStatus } from './server-host.ts';

/** Whether Docker with compose is here and its engine answers. */
export function hasDockerEngine(): boolean {
  const answers = (args: readonly string[]): boolean => spawnSync('docker', args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
  return answers(['compose', 'version']) && answers(['info']);
}

/** The servers as containers of `docker-compose.yml`, in a project of this instance's own, with its ports and secrets. */
export class ComposeServers implements ServerHost {
  readonly instance: Instance;
  readonly #root: string;

  constructor(instance: Instance, root: string) {
    this.instance = instance;
    this.#root = root;
  }

  async install(): Promise<void> {
    // `up` pulls and builds what is missing and shows its own progress.
  }

  async start(names: readonly string[]): Promise<void> {
    await this.#compose(['up', '--detach', '--wait', ...names.map(serviceOf)]);
  }

  async kill(name: string): Promise<void> {
    await this.#compose(['kill', '--signal', 'SIGKILL', serviceOf(name)]);
  }

  async stop(names: readonly string[]): Promise<void> {
    const all = serverNames(this.instance).every((name) => names.includes(name));
    // Without its volumes: what the servers hold stays.
    await this.#compose(all ? ['down'] : ['stop', ...names.map(serviceOf)]);
  }

  async remove(): Promise<void> {
    await this.#compose(['down', '--volumes']);
  }

  async status(): Promise<readonly ServerStatus[]> {
    const containers = readContainers(await this.#compose(['ps', '--all', '--format', 'json'], true));
    return serverNames(this.instance).map((name): ServerStatus => {
      const container = containers.find(({ Service }) => Service === serviceOf(name));
      const log = `docker ${this.#prefix().join(' ')} logs ${serviceOf(name)}`;
      return { name, state: stateOf(container), port: this.instance.ports[name] ?? 0, log };
    });
  }

  #prefix(): string[] {
    const files = ['docker-compose.yml', ...(this.instance.brokers === 3 ? ['deploy/three-brokers.yml'] : [])];
    return ['compose', '--project-name', `tideline-${this.instance.id}`, ...files.flatMap((file) => ['--file', join(this.#root, file)])];
  }

  #compose(args: readonly string[], capture = false): Promise<string> {
    const env = { ...process.env, ...composeEnvironment(this.instance) };
    return new Promise((resolve, reject) => {
      // Its progress goes where ours does; standard output stays free for the result.
      const child = spawn('docker', [...this.#prefix(), ...args], { cwd: this.#root, env, stdio: ['ignore', capture ? 'pipe' : 2, 2] });
      let output = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => void (output += text));
      child.once('error', reject).once('close', (code) => {
        if (code === 0) resolve(output);
        else reject(failed(`expected docker compose ${args.join(' ')} to end with 0, found ${code}`, `docker ${this.#prefix().join(' ')} logs says more`));
      });
    });
  }
}

/** What `docker-compose.yml` asks for; the api is not among the servers, but its keys must be something. */
export function composeEnvironment({ ports, accessKey, secretKey, databasePassword, clusterId }: Instance): Readonly<Record<string, string>> {
  const port = (name: string): string => String(ports[name] ?? 0);
  return {
    KAFKA_CLUSTER_ID: clusterId, KAFKA_PORT: port('kafka-1'), KAFKA_2_PORT: port('kafka-2'), KAFKA_3_PORT: port('kafka-3'),
    REGISTRY_PORT: port('registry'), MINIO_PORT: port('minio'), MLFLOW_PORT: port('mlflow'),
    S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey, POSTGRES_PASSWORD: databasePassword, TIDELINE_API_KEYS: `nobody:read:${'0'.repeat(64)}`,
  };
}

interface Container {
  readonly Service: string;
  readonly State: string;
  readonly Health: string;
}

/** One document a line, or one list: versions of compose differ. */
export function readContainers(text: string): readonly Container[] {
  if (text.trim() === '') return [];
  if (text.trimStart().startsWith('[')) return JSON.parse(text) as Container[];
  return text.trim().split('\n').map((line) => JSON.parse(line) as Container);
}

function stateOf(container: Container | undefined): ServerStatus['state'] {
  if (container === undefined) return 'stopped';
  if (container.State !== 'running') return 'dead';
  return container.Health === 'healthy' || container.Health === '' ? 'ready' : 'starting';
}

function serviceOf(name: string): string {
  return name === 'kafka-1' ? 'kafka' : name;
}
