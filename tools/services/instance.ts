import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** The kinds of server that can be asked for; Kafka is one or three brokers. */
export const serverKinds = ['kafka', 'registry', 'minio', 'mlflow'] as const;
export type ServerKind = (typeof serverKinds)[number];

/** How the servers run: as processes of this machine, or as containers. */
export type Way = 'native' | 'compose';

/** What an instance remembers between runs; it holds secrets, so nobody else may read the file. */
export interface Instance {
  readonly folder: string;
  /** Random, so that two instances never take each other's processes or containers for their own. */
  readonly id: string;
  readonly way: Way;
  readonly brokers: 1 | 3;
  readonly clusterId: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly databasePassword: string;
  /** Loopback ports by what listens there. */
  readonly ports: Readonly<Record<string, number>>;
}

const FILE = 'instance.json';

export function readInstance(folder: string): Instance | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  // The folder may have been moved.
  return { ...(JSON.parse(text) as Instance), folder };
}

export function writeInstance(instance: Instance): void {
  mkdirSync(instance.folder, { recursive: true });
  const file = join(instance.folder, FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify(instance, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** A new instance with its own secrets and ports; nothing is written yet. */
export async function makeInstance(folder: string, way: Way, brokers: 1 | 3): Promise<Instance> {
  const names = [...brokerNames(brokers).flatMap((name) => [name, `${name}-controller`]), 'registry', 'registry-management', 'minio', 'minio-console', 'mlflow'];
  const secret = (bytes: number): string => randomBytes(bytes).toString('hex');
  return {
    folder, way, brokers, id: secret(6), clusterId: randomBytes(16).toString('base64url'),
    accessKey: `tideline-${secret(4)}`, secretKey: secret(20), databasePassword: secret(20), ports: await freePorts(names),
  };
}

export function brokerNames(brokers: 1 | 3): readonly string[] {
  return Array.from({ length: brokers }, (_, i) => `kafka-${i + 1}`);
}

/** Servers of these kinds, in the order of their start. */
export function serverNames({ brokers }: Instance, kinds: readonly ServerKind[] = serverKinds): readonly string[] {
  return serverKinds.filter((kind) => kinds.includes(kind)).flatMap((kind) => (kind === 'kafka' ? brokerNames(brokers) : [kind]));
}

export function kindOf(server: string): ServerKind {
  return server.startsWith('kafka-') ? 'kafka' : (server as ServerKind);
}

/**
 * Free ports below those that the system hands out to outgoing connections: a client that knocks at the port of a server that was killed
 * could otherwise be given that very port as its own, and keep the server from coming back.
 */
export async function freePorts(names: readonly string[]): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  const taken = new Set<number>();
  for (const name of names) {
    let port: number;
    do port = 20_000 + (randomBytes(4).readUInt32BE() % 12_000);
    while (taken.has(port) || !(await isFree(port)));
    taken.add(port);
    ports[name] = port;
  }
  return ports;
}

/** Whether nothing listens at a loopback port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
