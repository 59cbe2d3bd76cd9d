import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { doors, maskAddress, parseAddress, type AddressRules } from '../address.ts';
import { isPlatformError, PlatformError } from '../errors.ts';
import { fileSystemError, systemCode } from '../file-system/file-system-error.ts';
import { nearestName } from './nearest-name.ts';

export type ApiRole = 'read' | 'predict' | 'operate';

/** Who may call the API: the key itself is never kept, only its SHA-256 in 64 hexadecimal digits. */
export interface ApiKey {
  readonly name: string;
  readonly role: ApiRole;
  readonly sha256: string;
}

/** What a server asks for before it serves: user name and password, or access key and secret key. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Logins by door; absent where the server asks for none. */
export type Logins = Readonly<Partial<Record<keyof typeof doors, Login>>>;

/** The processes that the system is made of. */
export type AppName = 'ingestor' | 'speed-layer' | 'batch-layer' | 'trainer' | 'api';

/** The setting of each app's own port for probes and metrics; the api answers them on its only port. */
export const operationsPortSettings = {
  ingestor: 'TIDELINE_INGESTOR_PORT',
  'speed-layer': 'TIDELINE_SPEED_LAYER_PORT',
  'batch-layer': 'TIDELINE_BATCH_LAYER_PORT',
  trainer: 'TIDELINE_TRAINER_PORT',
  api: 'TIDELINE_PORT',
} as const satisfies Record<AppName, string>;

/** Every setting, checked. */
export interface Configuration {
  readonly eventLog: string;
  readonly objectStore: string;
  readonly experiments: string;
  readonly schemaRegistry: string;
  readonly logins: Logins;
  readonly host: string;
  /** The api's; 0 lets the system choose. */
  readonly port: number;
  /** Where each app answers probes and metrics; 0 lets the system choose. */
  readonly operationsPorts: Readonly<Record<AppName, number>>;
  /** Base address of an OpenTelemetry receiver (OTLP over HTTP), or undefined for no traces. */
  readonly tracesEndpoint: string | undefined;
  readonly apiKeys: readonly ApiKey[];
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Where models' heavy loops run: the fastest that a probe finds right, or the one named. */
  readonly kernels: 'auto' | 'plain' | 'wasm' | 'gpu';
  /** Threads for them; undefined for as many as there are cores. */
  readonly kernelThreads: number | undefined;
}

/** The names and values of settings, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

const address = (rules: AddressRules, byDefault: string) =>
  z.string().default(byDefault).check((context) => {
    try {
      parseAddress(context.value, rules);
    } catch (error) {
      if (!isPlatformError(error)) throw error;
      // The message names the setting already.
      context.issues.push({ code: 'custom', message: error.message.replace(`${rules.setting}: `, ''), input: '***' });
    }
  });

const apiKeys = z
  .string()
  .default('')
  .transform((text, context) => {
    const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
    return entries.flatMap((entry, i) => {
      const match = /^([A-Za-z0-9_-]+):(read|predict|operate):([0-9a-f]{64})$/.exec(entry);
      if (match !== null) return [{ name: match[1], role: match[2] as ApiRole, sha256: match[3] }];
      // The entry may hold a key by mistake, so it is counted, not shown.
      context.issues.push({ code: 'custom', message: `entry ${i + 1}: expected name:role:sha256-of-key, the role read, predict or operate`, input: '***' });
      return [];
    });
  });

const port = (byDefault: string) =>
  z
    .string()
    .regex(/^\d{1,5}$/, 'expected a port from 0 to 65535')
    .default(byDefault)
    .transform(Number)
    .refine((number) => number <= 65_535, 'expected a port from 0 to 65535');

const settings = z.object({
  EVENT_LOG: address(doors.eventLog, 'file:./data/log'),
  OBJECT_STORE: address(doors.objectStore, 'file:./data/lake'),
  EXPERIMENTS: address(doors.experiments, 'file:./data/mlruns'),
  SCHEMA_REGISTRY: address(doors.schemaRegistry, 'file:./data/schemas'),
  KAFKA_USERNAME: z.string().optional(),
  KAFKA_PASSWORD: z.string().optional(),
  S3_ACCESS_KEY: z.string().optional(),
  S3_SECRET_KEY: z.string().optional(),
  MLFLOW_USERNAME: z.string().optional(),
  MLFLOW_PASSWORD: z.string().optional(),
  SCHEMA_REGISTRY_USERNAME: z.string().optional(),
  SCHEMA_REGISTRY_PASSWORD: z.string().optional(),
  TIDELINE_HOST: z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'expected a host name or address').default('127.0.0.1'),
  TIDELINE_PORT: port('3000'),
  TIDELINE_INGESTOR_PORT: port('0'),
  TIDELINE_SPEED_LAYER_PORT: port('0'),
  TIDELINE_BATCH_LAYER_PORT: port('0'),
  TIDELINE_TRAINER_PORT: port('0'),
  TIDELINE_API_KEYS: apiKeys,
  TIDELINE_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  KERNELS: z.enum(['auto', 'plain', 'wasm', 'gpu']).default('auto'),
  KERNEL_THREADS: z.string().regex(/^([1-9]|[1-5]\d|6[0-4])$/, 'expected a number of threads from 1 to 64').transform(Number).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().regex(/^https?:\/\/[^\s/@]+(\/\S*)?$/, 'expected http://<host>:<port> of a receiver of OTLP over HTTP, without a user name').optional(),
});

/** The two settings of each door's login; the second is a secret and may also be read from the file that `<name>_FILE` names. */
const loginSettings = {
  eventLog: ['KAFKA_USERNAME', 'KAFKA_PASSWORD'],
  objectStore: ['S3_ACCESS_KEY', 'S3_SECRET_KEY'],
  experiments: ['MLFLOW_USERNAME', 'MLFLOW_PASSWORD'],
  schemaRegistry: ['SCHEMA_REGISTRY_USERNAME', 'SCHEMA_REGISTRY_PASSWORD'],
} as const satisfies Record<keyof typeof doors, readonly [string, string]>;

/** Names of all settings, in the order in which they are documented. */
export const settingNames: readonly string[] = Object.keys(settings.shape);

// Read by the project's own tests; no setting, but no misspelt one either.
const otherNames = ['TIDELINE_SHARED', 'TIDELINE_SERVICES', 'TIDELINE_APP', 'TIDELINE_SUPERVISED', 'TIDELINE_SYNTHETIC', 'TIDELINE_PEERS', 'TIDELINE_PEERS_PYTHON', 'TIDELINE_BENCH_LOG'];

/**
 * Checks all settings at once and throws one `SETTING_INVALID` that lists everything wrong, without showing a secret. Empty values
 * count as not set. Values of `env` win over those of the file's text.
 */
export function readConfiguration(env: Environment, envFileText = ''): Configuration {
  const given = { ...parseEnv(envFileText), ...env };
  const problems = Object.keys(given).filter(isUnknown).map(describeUnknown);
  const known = Object.fromEntries(settingNames.map((name) => [name, given[name] === '' ? undefined : given[name]]));
  for (const [, secret] of Object.values(loginSettings)) known[secret] ??= readSecretFile(secret, given[`${secret}_FILE`], problems);
  const parsed = settings.safeParse(known);
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  else if (!isLoopback(parsed.data.TIDELINE_HOST) && parsed.data.TIDELINE_API_KEYS.length === 0) {
    problems.push(`TIDELINE_HOST: ${parsed.data.TIDELINE_HOST} is reachable from other machines, which needs TIDELINE_API_KEYS; expected 127.0.0.1 without`);
  }
  const logins = parsed.success ? readLogins(parsed.data, problems) : {};
  if (problems.length > 0 || !parsed.success) throw new PlatformError('SETTING_INVALID', problems.join('\n'));
  const { data } = parsed;
  return {
    eventLog: data.EVENT_LOG,
    objectStore: data.OBJECT_STORE,
    experiments: data.EXPERIMENTS,
    schemaRegistry: data.SCHEMA_REGISTRY,
    logins,
    host: data.TIDELINE_HOST,
    port: data.TIDELINE_PORT,
    operationsPorts: mapValues(operationsPortSettings, (name) => data[name]),
    tracesEndpoint: data.OTEL_EXPORTER_OTLP_ENDPOINT,
    apiKeys: data.TIDELINE_API_KEYS,
    logLevel: data.TIDELINE_LOG_LEVEL,
    kernels: data.KERNELS,
    kernelThreads: data.KERNEL_THREADS,
  };
}

/** A secret kept in a file, as container platforms mount them; the line end that editors add is not part of it. */
function readSecretFile(name: string, path: string | undefined, problems: string[]): string | undefined {
  if (path === undefined || path === '') return undefined;
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    problems.push(`${name}_FILE: expected a file that can be read, found ${path}: ${systemCode(error) ?? String(error)}`);
    return undefined;
  }
}

function readLogins(data: z.infer<typeof settings>, problems: string[]): Logins {
  const logins: Partial<Record<keyof typeof doors, Login>> = {};
  for (const [door, [user, secret]] of Object.entries(loginSettings) as [keyof typeof doors, (typeof loginSettings)[keyof typeof doors]][]) {
    const username = data[user];
    const password = data[secret];
    if (username !== undefined && password !== undefined) logins[door] = { username, password };
    else if (username !== undefined) problems.push(`${secret}: expected a value beside ${user}, found none`);
    else if (password !== undefined) problems.push(`${user}: expected a value beside ${secret}, found none`);
  }
  return logins;
}

/** `readConfiguration` on this process's environment and the `.env` of a folder, if there is one. */
export function loadConfiguration(folder: string, env: Environment = process.env): Configuration {
  const path = join(folder, '.env');
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fileSystemError(error, 'read', path);
  }
  return readConfiguration(env, text);
}

/** Every setting as it may be shown: addresses without credentials, API keys by name and role. */
export function printableConfiguration(configuration: Configuration): Readonly<Record<string, string>> {
  return {
    EVENT_LOG: maskAddress(configuration.eventLog),
    OBJECT_STORE: maskAddress(configuration.objectStore),
    EXPERIMENTS: maskAddress(configuration.experiments),
    SCHEMA_REGISTRY: maskAddress(configuration.schemaRegistry),
    ...printableLogins(configuration.logins),
    TIDELINE_HOST: configuration.host,
    ...Object.fromEntries(Object.entries(configuration.operationsPorts).map(([app, number]) => [operationsPortSettings[app as AppName], String(number)])),
    OTEL_EXPORTER_OTLP_ENDPOINT: configuration.tracesEndpoint ?? '',
    TIDELINE_API_KEYS: configuration.apiKeys.map(({ name, role }) => `${name}:${role}:***`).join(','),
    TIDELINE_LOG_LEVEL: configuration.logLevel,
    KERNELS: configuration.kernels,
    KERNEL_THREADS: String(configuration.kernelThreads ?? ''),
  };
}

function mapValues<K extends string, A, B>(record: Readonly<Record<K, A>>, change: (value: A) => B): Record<K, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value as A)])) as Record<K, B>;
}

function printableLogins(logins: Logins): Record<string, string> {
  const printed: Record<string, string> = {};
  for (const [door, [user, secret]] of Object.entries(loginSettings) as [keyof typeof doors, readonly [string, string]][]) {
    if (logins[door] === undefined) continue;
    printed[user] = logins[door].username;
    printed[secret] = '***';
  }
  return printed;
}

/** Whether only this machine can reach a host of that name. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function isUnknown(name: string): boolean {
  return name.startsWith('TIDELINE_') && !settingNames.includes(name) && !otherNames.includes(name);
}

function describeUnknown(name: string): string {
  return `${name}: no such setting; did you mean ${nearestName(name, settingNames)}?`;
}
