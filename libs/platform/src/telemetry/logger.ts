import pino from 'pino';
import { maskAddress } from '../address.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { isPlatformError } from '../errors.ts';

/** Writes one JSON object a line; a logger is a value handed to whoever needs one. */
export type Logger = pino.Logger;

export interface LoggerOptions {
  /** Named in every line. */
  readonly app: string;
  readonly level: pino.LevelWithSilent;
  /** Where lines go instead of standard error, for tests. */
  readonly write?: (line: string) => void;
  /** Values that no line may hold, wherever they come from (a client's message, a stack); each is replaced by `***`. */
  readonly secrets?: readonly string[];
}

const LEAST_SECRET = 4;
const secretNames = ['password', 'secret', 'token', 'key', 'apiKey', 'apiKeys', 'authorization', 'cookie', 'credentials', 'sha256'];

/**
 * A logger for one app, on standard error so that standard output stays for data. Fields with the names of secrets are
 * replaced, at the top and one level down, and addresses lose their credentials.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { write } = options;
  // As they stand inside JSON text; the shortest would hit by chance.
  const secrets = (options.secrets ?? []).filter((secret) => secret.length >= LEAST_SECRET).map((secret) => JSON.stringify(secret).slice(1, -1));
  return pino(
    {
      level: options.level,
      base: { app: options.app },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...secretNames, ...secretNames.map((name) => `*.${name}`), '*.headers.authorization', '*.headers.cookie'], censor: '***' },
      serializers: { err: serializeError, error: serializeError, address: (value: unknown) => (typeof value === 'string' ? maskAddress(value) : value) },
    },
    write === undefined && secrets.length === 0 ? lastWords() : { write: (line: string) => (write ?? toStandardError)(secrets.reduce((text, secret) => text.replaceAll(secret, '***'), line)) },
  );
}

/** Synchronous: the last lines before a crash are those that matter. */
const lastWords = (): pino.DestinationStream => pino.destination({ fd: 2, sync: true });

let standardError: pino.DestinationStream | undefined;
function toStandardError(line: string): void {
  (standardError ??= lastWords()).write(line);
}

/** Everything secret that the settings hold. */
export function secretsOf({ logins, apiKeys }: Pick<Configuration, 'logins' | 'apiKeys'>): readonly string[] {
  return [...Object.values(logins).map(({ password }) => password), ...apiKeys.map(({ sha256 }) => sha256)];
}

/** The logger as the framework wants one, so that its warnings are JSON lines as well; what it says of its own start is left out. */
export function frameworkLogger(logger: Logger): { log(): void; error(message: unknown, ...more: unknown[]): void; warn(message: unknown): void } {
  const text = (message: unknown): string => (message instanceof Error ? message.message : typeof message === 'string' ? message : JSON.stringify(message));
  return {
    log: () => undefined,
    error: (message, ...more) => logger.error({ detail: more.map(text) }, text(message)),
    warn: (message) => logger.warn(text(message)),
  };
}

function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { message, stack, cause } = error;
  if (isPlatformError(error)) {
    const { code, outcome, retriable } = error;
    return { type: error.name, code, outcome, retriable, message, cause: cause instanceof Error ? cause.message : cause };
  }
  return { type: error.name, message, stack };
}
