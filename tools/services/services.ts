import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { failed, wrongUse } from '../cli/command-error.ts';
import { ComposeServers, hasDockerEngine } from './compose-servers.ts';
import { installations } from './installations.ts';
import { installFolder } from './installer.ts';
import { brokerNames, makeInstance, readInstance, serverKinds, serverNames, writeInstance, type Instance, type ServerKind, type Way } from './instance.ts';
import { withLock } from './lock.ts';
import { NativeServers } from './native-servers.ts';
import type { ServerStatus } from './server-host.ts';

/** Where servers listen, as the tests read it from `TIDELINE_SERVICES`. */
export interface ServiceAddresses {
  /** host:port, several with commas. */
  readonly kafka: string;
  /** Of the Confluent-compatible API. */
  readonly registry: string;
  /** host:port of the S3 server. */
  readonly objectStore: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly mlflow: string;
}

export interface ServicesOptions {
  /** Chosen by whether a Docker engine answers when left out; an instance keeps its first way. */
  readonly way?: Way;
  /** Progress, a line each. */
  readonly report?: (line: string) => void;
}

export interface StartOptions {
  /** Three brokers hold each record on three disks and do without any one; an instance keeps its first number. */
  readonly brokers?: 1 | 3;
  /** All four by default. */
  readonly only?: readonly ServerKind[];
}

/** The folder of this project: the compiled program lies deeper in it than the source does. */
export const projectRoot = findRoot(import.meta.dirname);

/** Where the servers' programs lie, one installation for all instances. */
export const installRoot = join(projectRoot, '.services', 'install');

/** Where instances of tests lie, those of single tests too: `npm run test:services` ends whatever it finds here. */
export const testInstances = join(projectRoot, '.services', 'test');

/** Where the programs of a server lie, for those who run its other tools. */
export function installationFolder(kind: ServerKind): string {
  return installFolder(installRoot, installations[kind]);
}

/**
 * One set of real servers in a folder of its own: their data, logs, ports and secrets, all kept between runs. Servers are named
 * `kafka-1` (to `kafka-3`), `registry`, `minio`, `mlflow`. Every method may be called by any process; two at once exclude each other.
 */
export class Services {
  readonly folder: string;
  readonly #options: ServicesOptions;

  private constructor(folder: string, options: ServicesOptions) {
    this.folder = folder;
    this.#options = options;
  }

  /** Nothing is made or started yet. */
  static open(folder: string, options: ServicesOptions = {}): Services {
    return new Services(resolve(folder), options);
  }

  /** Every instance in a folder or below it. */
  static under(folder: string, options: ServicesOptions = {}): readonly Services[] {
    if (!existsSync(folder)) return [];
    if (readInstance(folder) !== undefined) return [new Services(folder, options)];
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? Services.under(join(folder, entry.name), options) : []));
  }

  /** Installs what is missing, starts what does not run, and returns when all of it is ready. */
  async start({ brokers, only = serverKinds }: StartOptions = {}): Promise<ServiceAddresses> {
    return this.#locked(async () => {
      const known = readInstance(this.folder);
      if (known !== undefined && brokers !== undefined && known.brokers !== brokers) {
        throw failed(`expected the number of brokers that ${this.folder} was made with, ${known.brokers}, found ${brokers}`, 'choose another --folder, or delete that one (npm run services -- delete)');
      }
      const instance = known ?? (await makeInstance(this.folder, this.#options.way ?? (hasDockerEngine() ? 'compose' : 'native'), brokers ?? 1));
      const host = this.#host(instance);
      const names = serverNames(instance, only);
      await host.install(names);
      if (known === undefined) writeInstance(instance);
      try {
        await host.start(names);
      } finally {
        // Ports may have moved.
        writeInstance(host.instance);
      }
      return this.addresses();
    });
  }

  /** SIGKILL, and the server is gone when this returns. */
  async kill(name: string): Promise<void> {
    await this.#locked(() => this.#host(this.#known(name)).kill(name));
  }

  /** Stops a server that runs, starts it on what it has, and returns when it is ready. */
  async restart(name: string): Promise<void> {
    await this.#locked(async () => {
      const host = this.#host(this.#known(name));
      await host.stop([name]);
      await host.start([name]);
    });
  }

  /** Ends exactly what was started here; data stay. */
  async stop(): Promise<void> {
    const instance = readInstance(this.folder);
    if (instance === undefined) return;
    await this.#locked(() => this.#host(instance).stop(serverNames(instance)));
  }

  /** Stops everything and removes the folder with all data. */
  async delete(): Promise<void> {
    const instance = readInstance(this.folder);
    if (instance === undefined) return;
    await this.stop();
    const host = this.#host(instance);
    if (host instanceof ComposeServers) await host.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** No server was ever started here: an empty list. */
  async status(): Promise<readonly ServerStatus[]> {
    const instance = readInstance(this.folder);
    return instance === undefined ? [] : this.#host(instance).status();
  }

  /** How the servers run. */
  get way(): Way {
    return this.#known().way;
  }

  addresses(): ServiceAddresses {
    const { ports, brokers, accessKey, secretKey } = this.#known();
    return {
      kafka: brokerNames(brokers).map((name) => `127.0.0.1:${ports[name]}`).join(','),
      registry: `http://127.0.0.1:${ports['registry']}/apis/ccompat/v7`,
      objectStore: `127.0.0.1:${ports['minio']}`,
      accessKey,
      secretKey,
      mlflow: `http://127.0.0.1:${ports['mlflow']}`,
    };
  }

  /** The settings of Tideline that lead to these servers. */
  settings(only: readonly ServerKind[] = serverKinds): Readonly<Record<string, string>> {
    const { kafka, registry, objectStore, accessKey, secretKey, mlflow } = this.addresses();
    return {
      ...(only.includes('kafka') && { EVENT_LOG: `kafka://${kafka}` }),
      ...(only.includes('minio') && { OBJECT_STORE: `s3://${objectStore}?tls=false` }),
      ...(only.includes('mlflow') && { EXPERIMENTS: mlflow }),
      ...(only.includes('registry') && { SCHEMA_REGISTRY: registry }),
      ...(only.includes('minio') && { S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey }),
    };
  }

  #known(name?: string): Instance {
    const instance = readInstance(this.folder);
    if (instance === undefined) throw failed(`expected servers in ${this.folder}, found that none were ever started there`, 'npm run services starts them');
    const names = serverNames(instance);
    if (name !== undefined && !names.includes(name)) throw wrongUse(`expected one of ${names.join(', ')}, found '${name}'`);
    return instance;
  }

  #host(instance: Instance): NativeServers | ComposeServers {
    const report = this.#options.report ?? (() => undefined);
    return instance.way === 'compose' ? new ComposeServers(instance, projectRoot) : new NativeServers(instance, { installRoot, report });
  }

  #locked<T>(body: () => Promise<T>): Promise<T> {
    return withLock(`${this.folder}.lock`, this.folder, body);
  }
}

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'docker-compose.yml'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('expected package.json and docker-compose.yml in a folder above this program, found none');
  return findRoot(parent);
}
