import pino from 'pino';
import { maskAddress } from '../address.ts';
import { isPlatformError } from '../errors.ts';

/** Writes one JSON object a line; a logger is a value handed to whoever needs one. */
export type Logger = pino.Logger;

export interface LoggerOptions {
  /** Named in every line. */
  readonly app: string;
  readonly level: pino.LevelWithSilent;
  /** Where lines go instead of standard error, for tests. */
  readonly write?: (line: string) => void;
}

const secretNames = ['password', 'secret', 'token', 'key', 'apiKey', 'apiKeys', 'authorization', 'cookie', 'credentials', 'sha256'];

/**
 * A logger for one app, on standard error so that standard output stays for data. Fields with the names of secrets are
 * replaced, at the top and one level down, and addresses lose their credentials.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { write } = options;
  return pino(
    {
      level: options.level,
      base: { app: options.app },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...secretNames, ...secretNames.map((name) => `*.${name}`), '*.headers.authorization', '*.headers.cookie'], censor: '***' },
      serializers: { err: serializeError, error: serializeError, address: (value: unknown) => (typeof value === 'string' ? maskAddress(value) : value) },
    },
    // Synchronous: the last lines before a crash are those that matter.
    write === undefined ? pino.destination({ fd: 2, sync: true }) : { write },
  );
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
