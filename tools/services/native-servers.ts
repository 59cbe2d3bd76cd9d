import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { failed } from '../cli/command-error.ts';
import { installations } from './installations.ts';
import { install, installFolder, isInstalled, lastLines } from './installer.ts';
import { freePorts, isFreeSoon, kindOf, serverNames, type Instance } from './instance.ts';
import { isFormatted, writeBrokerSettings } from './kafka-broker.ts';
import { probeKafka } from './kafka-probe.ts';
import { endProcess, isRunning, killProcess, remainingProcesses, startDetached, type ProcessRecord } from './process-record.ts';
import type { ServerHost, ServerStatus } from './server-host.ts';
import { findToolchain, type Tool, type Toolchain, type ToolSearch } from './toolchain.ts';

/** Where the programs lie, apart from any instance. */
export interface NativeOptions {
  readonly installRoot: string;
  readonly report: (line: string) => void;
  readonly search?: ToolSearch;
}

const READY_WITHIN_MS = 180_000;
const STOP_WITHIN_MS = 20_000;

interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The servers as processes of this machine, each detached, with its own log and a record of what exactly was started. */
export class NativeServers implements ServerHost {
  #instance: Instance;
  readonly #options: NativeOptions;

  constructor(instance: Instance, options: NativeOptions) {
    this.#instance = instance;
    this.#options = options;
  }

  get instance(): Instance {
    return this.#instance;
  }

  /** Fetches and builds what these servers consist of; throws one error that lists every missing program. */
  async install(names: readonly string[]): Promise<void> {
    const wanted = [...new Set(names.map(kindOf))].map((kind) => installations[kind]);
    await installMissing(wanted, this.#options);
  }

  async start(names: readonly string[]): Promise<void> {
    const tools = this.#tools(names);
    const stopped = names.filter((name) => !this.#isRunning(name));
    await this.#movePorts(stopped);
    const brokers = stopped.filter((name) => kindOf(name) === 'kafka');
    await Promise.all(brokers.map((name) => this.#format(name, tools)));
    // A server may take a minute on a busy machine, so all start at once.
    await Promise.all(stopped.map((name) => this.#launch(name, tools)));
    await Promise.all(names.map((name) => this.#untilReady(name)));
  }

  async kill(name: string): Promise<void> {
    const record = this.#record(name);
    if (record === undefined || remainingProcesses(record).length === 0) throw failed(`expected ${name} to run, found it stopped`);
    await killProcess(record);
  }

  async stop(names: readonly string[]): Promise<void> {
    // Together: three brokers are also the quorum that each needs for an orderly end.
    await Promise.all(names.map(async (name) => {
      // Without a record there may still be what a start that was cut short left.
      const record = this.#record(name) ?? { pid: 0, startedAt: 'unknown', marker: this.#marker(name) };
      if (remainingProcesses(record).length > 0) {
        const orderly = await endProcess(record, STOP_WITHIN_MS);
        this.#options.report(`${name}: stopped${orderly ? '' : ' by force'}`);
      }
      rmSync(this.#recordFile(name), { force: true });
    }));
  }

  async status(): Promise<readonly ServerStatus[]> {
    const statuses = serverNames(this.#instance).map(async (name): Promise<ServerStatus> => {
      const record = this.#record(name);
      const port = this.#instance.ports[name] ?? 0;
      const log = this.#logFile(name);
      if (record === undefined) return { name, state: 'stopped', port, log };
      if (!isRunning(record)) return { name, state: 'dead', port, log };
      return { name, state: (await this.#unready(name)) === undefined ? 'ready' : 'starting', port, log, pid: record.pid };
    });
    return Promise.all(statuses);
  }

  #tools(names: readonly string[]): Toolchain {
    const kinds = names.map(kindOf);
    const needed: Tool[] = [...(kinds.includes('kafka') ? (['java17'] as const) : []), ...(kinds.includes('registry') ? (['java21'] as const) : [])];
    return toolchain(needed, this.#options.search);
  }

  #folder(name: string): string {
    return join(this.#instance.folder, name);
  }

  #logFile(name: string): string {
    return join(this.#instance.folder, 'logs', `${name}.log`);
  }

  #marker(name: string): string {
    return `${this.#instance.id}/${name}`;
  }

  #recordFile(name: string): string {
    return join(this.#instance.folder, 'processes', `${name}.json`);
  }

  #record(name: string): ProcessRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.#recordFile(name), 'utf8')) as ProcessRecord;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #isRunning(name: string): boolean {
    const record = this.#record(name);
    return record !== undefined && isRunning(record);
  }

  /** A port that somebody took while the server was down is exchanged for another, unless brokers that run know it. */
  async #movePorts(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const remembered = Object.keys(this.#instance.ports).filter((of) => of === name || of.startsWith(`${name}-`));
      for (const of of remembered) {
        const port = this.#instance.ports[of];
        if (await isFreeSoon(port)) continue;
        await killProcess({ pid: 0, startedAt: 'unknown', marker: this.#marker(name) });
        if (await isFreeSoon(port)) continue;
        if (kindOf(name) === 'kafka' && serverNames(this.#instance).some((each) => kindOf(each) === 'kafka' && this.#isRunning(each))) {
          throw failed(`${name}: port ${port} was taken by another program while it was down`, 'stop all brokers, then start them again: they get new ports');
        }
        this.#instance = { ...this.#instance, ports: { ...this.#instance.ports, ...(await freePorts([of])) } };
        this.#options.report(`${name}: port ${port} is taken by another program; using ${this.#instance.ports[of]}`);
      }
    }
  }

  async #format(name: string, tools: Toolchain): Promise<void> {
    const settings = writeBrokerSettings(this.#instance, name);
    if (isFormatted(this.#instance, name)) return;
    rmSync(join(this.#folder(name), 'data'), { recursive: true, force: true });
    const args = [...kafkaJava('128m'), 'kafka.tools.StorageTool', 'format', '-t', this.#instance.clusterId, '-c', settings];
    await promisify(execFile)(join(tools.java(17), 'bin/java'), args, { cwd: installFolder(this.#options.installRoot, installations.kafka) });
  }

  async #launch(name: string, tools: Toolchain): Promise<void> {
    mkdirSync(this.#folder(name), { recursive: true });
    const { command, args, env } = this.#launchOf(name, tools);
    const kind = installations[kindOf(name)];
    const marker = this.#marker(name);
    // What a start that was cut short left without a record, and children that outlived a killed server.
    await killProcess({ pid: 0, startedAt: 'unknown', marker });
    const record = await startDetached({ command, args, env, cwd: installFolder(this.#options.installRoot, kind), logFile: this.#logFile(name), marker });
    mkdirSync(join(this.#instance.folder, 'processes'), { recursive: true });
    const file = this.#recordFile(name);
    writeFileSync(`${file}.new`, JSON.stringify(record));
    renameSync(`${file}.new`, file);
  }

  #launchOf(name: string, tools: Toolchain): Launch {
    const { ports, accessKey, secretKey, brokers } = this.#instance;
    const folder = this.#folder(name);
    const program = (file: string): string => join(installFolder(this.#options.installRoot, installations[kindOf(name)]), file);
    switch (kindOf(name)) {
      case 'kafka':
        return { command: join(tools.java(17), 'bin/java'), args: [...kafkaJava(brokers === 1 ? '384m' : '256m'), 'kafka.Kafka', join(folder, 'server.properties')], env: {} };
      case 'registry':
        return { command: join(tools.java(21), 'bin/java'), args: registryArgs(folder, ports), env: {} };
      case 'minio':
        return {
          command: program('minio'),
          args: ['server', join(folder, 'data'), '--address', `127.0.0.1:${ports['minio']}`, '--console-address', `127.0.0.1:${ports['minio-console']}`],
          env: { MINIO_ROOT_USER: accessKey, MINIO_ROOT_PASSWORD: secretKey, MINIO_BROWSER: 'off', MINIO_UPDATE: 'off' },
        };
      case 'mlflow':
        return {
          command: program('venv/bin/python'),
          args: mlflowArgs(folder, ports['mlflow']),
          env: {
            MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false', MLFLOW_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: 'true',
            PATH: [program('venv/bin'), process.env['PATH'] ?? ''].join(delimiter),
          },
        };
    }
  }

  async #untilReady(name: string): Promise<void> {
    const started = Date.now();
    for (;;) {
      const found = await this.#unready(name);
      const elapsed = Date.now() - started;
      if (found === undefined) return this.#options.report(`${name}: ready after ${(elapsed / 1000).toFixed(1)} s`);
      if (!this.#isRunning(name) || elapsed > READY_WITHIN_MS) {
        const what = this.#isRunning(name) ? `after ${Math.round(elapsed / 1000)} s ${found}` : 'that it ended';
        throw failed(`${name}: expected it to become ready, found ${what}; the end of ${this.#logFile(name)}:\n${lastLines(this.#logFile(name))}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** What a server lacks to be ready. */
  async #unready(name: string): Promise<string | undefined> {
    const port = this.#instance.ports[name];
    switch (kindOf(name)) {
      case 'kafka': {
        const view = await probeKafka(port);
        if (view === undefined) return 'no answer';
        return view.brokers > 0 && view.leaderless === 0 ? undefined : `${view.brokers} brokers, and ${view.leaderless} of ${view.partitions} partitions without a leader`;
      }
      case 'registry':
        return answers(`http://127.0.0.1:${port}/apis/ccompat/v7/subjects`);
      case 'minio':
        return answers(`http://127.0.0.1:${port}/minio/health/ready`);
      case 'mlflow':
        return answers(`http://127.0.0.1:${port}/health`);
    }
  }
}

/** Installs what is missing of these, after all programs that this needs were found. */
export async function installMissing(wanted: readonly (typeof installations)[keyof typeof installations][], { installRoot, report, search }: NativeOptions): Promise<void> {
  const missing = wanted.filter((each) => !isInstalled(installRoot, each));
  // What running needs is asked for here too, so that nobody installs for minutes to be told then.
  const needed = [...new Set([...missing.flatMap((each) => each.needs), ...wanted.flatMap((each) => each.needs.filter((tool) => tool.startsWith('java')))])];
  const tools = toolchain(needed, search);
  await install(installRoot, missing, tools, report);
}

function toolchain(needed: readonly Tool[], search: ToolSearch | undefined): Toolchain {
  const found = search === undefined ? findToolchain(needed) : findToolchain(needed, search);
  if (!('missing' in found)) return found;
  throw failed(`no Docker engine answers, and these are needed to run the servers without one:\n${found.missing.map((line) => `  ${line}`).join('\n')}`,
    'install them, or start Docker, and run the same command again');
}

function kafkaJava(memory: string): string[] {
  return ['-XX:+UseSerialGC', `-Xmx${memory}`, '-Dlog4j2.level=WARN', '-cp', join('libs', '*')];
}

// A file database instead of the default in memory, written at each commit: a registry that forgets its ids makes every record unreadable.
function registryArgs(folder: string, ports: Instance['ports']): string[] {
  const properties = {
    'quarkus.http.host': '127.0.0.1', 'quarkus.http.port': ports['registry'],
    'quarkus.management.host': '127.0.0.1', 'quarkus.management.port': ports['registry-management'],
    'apicurio.storage.kind': 'sql', 'apicurio.storage.sql.kind': 'h2',
    'apicurio.datasource.url': `jdbc:h2:file:${join(folder, 'schemas')};WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE`,
    'apicurio.datasource.jdbc.initial-size': 2, 'apicurio.datasource.jdbc.min-size': 2,
  };
  return ['-Xmx192m', '-XX:+UseSerialGC', ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`), '-jar', 'quarkus-run.jar'];
}

function mlflowArgs(folder: string, port: number): string[] {
  return [
    '-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--backend-store-uri', `sqlite:///${join(folder, 'mlflow.db')}`,
    // Clients keep connections open: five seconds, the default, ends them between two calls of a quiet client.
    '--artifacts-destination', join(folder, 'artifacts'), '--workers', '1', '--uvicorn-opts', '--timeout-keep-alive 75 --log-level warning',
  ];
}

async function answers(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    await response.body?.cancel();
    return response.ok ? undefined : `status ${response.status}`;
  } catch {
    return 'no answer';
  }
}
