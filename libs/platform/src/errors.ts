/**
 * What is known about a failed call: `not-applied` means it certainly had no effect, `unknown` that it may have had one
 * (a timeout after the request left, a crash during commit), so the caller must look before it repeats.
 */
export type Outcome = 'not-applied' | 'unknown';

/** Stable names for the ways in which the world fails; messages may change, codes may not. */
export type PlatformErrorCode =
  | 'ADDRESS_INVALID'
  | 'ADDRESS_IN_USE'
  | 'ALREADY_EXISTS'
  | 'CLOSED'
  | 'CORRUPT'
  | 'FENCED'
  | 'LOCKED'
  | 'NO_SPACE'
  | 'NOT_FOUND'
  | 'PERMISSION'
  | 'SETTING_INVALID'
  | 'TIMEOUT'
  | 'TOO_LARGE'
  | 'UNAVAILABLE'
  | 'VERSION_MISMATCH';

/**
 * A failure of the outside world, thrown only by `platform`. Messages say what was expected, what was found and which thing.
 * `retriable` means that the same call may succeed later without anybody changing anything.
 */
export class PlatformError extends Error {
  readonly code: PlatformErrorCode;
  readonly outcome: Outcome;
  readonly retriable: boolean;

  constructor(
    code: PlatformErrorCode,
    message: string,
    details: { outcome?: Outcome; retriable?: boolean; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'PlatformError';
    this.code = code;
    this.outcome = details.outcome ?? 'not-applied';
    this.retriable = details.retriable ?? false;
  }
}

/** Narrows an unknown error to a platform failure, of one code when given. */
export function isPlatformError(error: unknown, code?: PlatformErrorCode): error is PlatformError {
  return error instanceof PlatformError && (code === undefined || error.code === code);
}
