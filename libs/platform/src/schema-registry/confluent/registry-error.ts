import { PlatformError, type PlatformErrorCode } from '../../errors.ts';

/** What the client throws: the status of the answer, 400 too when there was none. */
interface Answer {
  readonly status: number | undefined;
  readonly message: string;
}

/** A registry's own "not found"; another server's 404 has no message of its own. */
export function isNotFound(error: unknown): boolean {
  const { status, message } = answerOf(error);
  return status === 404 && !message.startsWith('Error, status');
}

/** The client's error as ours; `detail` is put behind a refusal of the schema. */
export function readRegistryError(error: unknown, name: string, doing: string, detail = ''): PlatformError {
  const { status, message } = answerOf(error);
  const make = (code: PlatformErrorCode, text: string, more: { retriable?: boolean; outcome?: 'unknown' } = {}): PlatformError =>
    new PlatformError(code, `${name}: could not ${doing}: ${text}`, { ...more, cause: error });
  const said = message.replace(/^Error, status \d+:? ?/, '').replace(/\s+/g, ' ').slice(0, 300);
  if (status === 401) return make('PERMISSION', 'the server asks for another login; check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD');
  if (status === 403) return make('PERMISSION', 'this login may not do that; check SCHEMA_REGISTRY_USERNAME and what it is allowed to do');
  if (status === 409) return make('VERSION_MISMATCH', `it can't read what the subject's last schema wrote (${said})${detail}`);
  if (status === 422) return make('VERSION_MISMATCH', `the server refuses the schema (${said})${detail}`);
  if (status === 404 || status === 405) return make('ADDRESS_INVALID', `expected a schema registry there, found another answer (${status}); check the address and its path`);
  if (status !== undefined && status >= 500) return make('UNAVAILABLE', `the server answered with status ${status} (${said})`, { retriable: true, outcome: 'unknown' });
  if (/^Timeout/.test(said)) return make('TIMEOUT', `no answer (${said})`, { retriable: true, outcome: 'unknown' });
  if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(said)) return make('UNAVAILABLE', `${said}; check the address and that the server runs`, { retriable: true });
  if (/ECONNRESET|EPIPE|hang up|ETIMEDOUT/.test(said)) return make('UNAVAILABLE', said, { retriable: true, outcome: 'unknown' });
  if (/certificate|self.signed|SSL|EPROTO|Parse Error/i.test(said)) return make('ADDRESS_INVALID', `${said}; check http or https, and the server's certificate`);
  return make('UNAVAILABLE', said);
}

function answerOf(error: unknown): Answer {
  const { status, message } = (typeof error === 'object' && error !== null ? error : {}) as { status?: unknown; message?: unknown };
  const text = String(message ?? error).replace(/^\w+ - /, '');
  // A look-up by schema wraps its 404 into an error without status.
  const wrapped = typeof status !== 'number' && error instanceof Error && error.name === 'ConfluentSchemaRegistryError';
  return { status: typeof status === 'number' ? status : wrapped ? 404 : undefined, message: text.replace(/^\w*Error: \w+ - /, '') };
}
