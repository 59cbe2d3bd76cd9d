/** What is known about a failed call of the outside world; the fields of platform's errors, read without importing them. */
export interface Failure {
  readonly code: string;
  readonly outcome: 'not-applied' | 'unknown';
  readonly retriable: boolean;
}

/** The failure that an error describes, or undefined when the error is a mistake of our own. */
export function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('outcome' in error) || !('retriable' in error)) return undefined;
  const { code, outcome, retriable } = error;
  if (typeof code !== 'string' || (outcome !== 'not-applied' && outcome !== 'unknown')) return undefined;
  return { code, outcome, retriable: retriable === true };
}

/** One line for a log or a warning. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const failure = failureOf(error);
  return failure === undefined ? error.message : `${failure.code}: ${error.message}`;
}
