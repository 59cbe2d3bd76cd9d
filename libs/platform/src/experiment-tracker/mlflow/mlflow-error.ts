/** Names for failures that no MLflow answered; all others are the server's own `error_code`, or `HTTP_<status>` where it gave none. */
type LocalErrorCode =
  /** No connection came about: nothing was sent. */
  | 'UNREACHABLE'
  /** The connection broke before the whole answer was there. */
  | 'DISCONNECTED'
  | 'TIMED_OUT'
  /** No trust in the server's certificate, or no TLS there. */
  | 'TLS'
  /** What answered speaks no MLflow. */
  | 'NOT_MLFLOW'
  /** The server would refuse or silently shorten this. */
  | 'LIMIT_EXCEEDED'
  /** The run keeps its artifacts where only the server's own machine can reach them. */
  | 'NOT_PROXIED'
  /** A registered version never became ready. */
  | 'NOT_READY';

interface MlflowErrorDetails {
  readonly status?: number | undefined;
  readonly outcome?: 'not-applied' | 'unknown';
  readonly cause?: unknown;
}

/** A failed call. `outcome` is `unknown` where the server may have done what was asked although no answer says so. */
export class MlflowError extends Error {
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined;
  readonly errorCode: LocalErrorCode | (string & {});
  readonly outcome: 'not-applied' | 'unknown';

  constructor(errorCode: LocalErrorCode | (string & {}), message: string, details: MlflowErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'MlflowError';
    this.errorCode = errorCode;
    this.status = details.status;
    this.outcome = details.outcome ?? 'not-applied';
  }
}

/** Narrows an unknown error, to one of these codes when given. */
export function isMlflowError(error: unknown, ...errorCodes: readonly string[]): error is MlflowError {
  return error instanceof MlflowError && (errorCodes.length === 0 || errorCodes.includes(error.errorCode));
}

// No connection came about, so that the request can't have arrived.
const NEVER_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'UND_ERR_CONNECT_TIMEOUT'];

/** What a rejected `fetch` or a broken body means. */
export function connectionError(error: unknown, what: string): MlflowError {
  const name = (error as Error | undefined)?.name;
  if (name === 'TimeoutError' || name === 'AbortError') return new MlflowError('TIMED_OUT', `${what}: no answer in time`, { outcome: 'unknown', cause: error });
  const { code, message } = reasonOf(error);
  const details = { cause: error };
  if (NEVER_SENT.includes(code)) return new MlflowError('UNREACHABLE', `${what}: no connection (${code})`, details);
  if (/CERT|TLS|SSL|VERIFY|EPROTO/.test(code)) return new MlflowError('TLS', `${what}: no secure connection (${code})`, details);
  return new MlflowError('DISCONNECTED', `${what}: the connection broke (${message})`, { ...details, outcome: 'unknown' });
}

/** `fetch failed` hides the reason in its cause, several tried addresses in an aggregate. */
function reasonOf(error: unknown): { readonly code: string; readonly message: string } {
  const inner = (error as { readonly cause?: unknown }).cause ?? error;
  const { code, message } = inner as { readonly code?: unknown; readonly message?: unknown };
  return { code: typeof code === 'string' ? code : '', message: typeof message === 'string' && message !== '' ? message : String(code ?? error) };
}

/** What an answer with an error status means; MLflow's own are JSON with `error_code` and `message`. */
export function answerError(status: number, body: string, what: string, location: string | null): MlflowError {
  const parsed = parseObject(body);
  const outcome = status === 408 || (status >= 500 && status !== 501) ? 'unknown' : 'not-applied';
  if (typeof parsed?.['error_code'] === 'string') return new MlflowError(parsed['error_code'], `${what}: ${String(parsed['message'])}`, { status, outcome });
  if (status >= 300 && status < 400) return new MlflowError(`HTTP_${status}`, `${what}: sent on to ${location ?? 'another address'}`, { status });
  const said = plainText(body);
  // MLflow names every refusal of its own; these may come from a login page, a proxy or its guard of host names before it.
  if (status < 500 && ![401, 403, 408, 413, 429].includes(status)) return new MlflowError('NOT_MLFLOW', `${what}: ${status}${said}`, { status });
  return new MlflowError(`HTTP_${status}`, `${what}: ${status}${said}`, { status, outcome });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function plainText(body: string): string {
  const text = body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 200);
  return text === '' ? '' : ` "${text}"`;
}
