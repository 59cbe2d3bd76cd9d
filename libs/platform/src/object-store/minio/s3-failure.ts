import type { PlatformErrorCode } from '../../errors.ts';

/** What one failed request to an S3 server tells. */
export interface S3Failure {
  readonly code: PlatformErrorCode;
  /** The server's own name of the error, or the system's. */
  readonly cause: string;
  readonly message: string;
  /** The same request may succeed in a moment. */
  readonly retriable: boolean;
  /** A request that writes may have been carried out all the same. */
  readonly mayHaveApplied: boolean;
}

/** Raised when a server says nothing for too long. */
export class S3Silence extends Error {
  readonly code = 'TIDELINE_SILENCE';
}

interface Rule {
  readonly code: PlatformErrorCode;
  readonly names: readonly string[];
  readonly advice?: string;
  readonly retriable?: boolean;
  readonly mayHaveApplied?: boolean;
}

const rules: readonly Rule[] = [
  { code: 'NOT_FOUND', names: ['NoSuchKey', 'NotFound', 'NoSuchUpload'] },
  { code: 'NOT_FOUND', names: ['NoSuchBucket'], advice: 'the bucket is gone; opening the store again makes it' },
  { code: 'ALREADY_EXISTS', names: ['PreconditionFailed'] },
  { code: 'NO_SPACE', names: ['XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded', 'QuotaExceeded', 'InsufficientStorage'], advice: 'free some space on the server, or raise the quota' },
  { code: 'PERMISSION', names: ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'InvalidToken', 'ExpiredToken'], advice: 'the server does not know this login: check S3_ACCESS_KEY and S3_SECRET_KEY' },
  { code: 'PERMISSION', names: ['AccessDenied', 'AllAccessDisabled', 'AccountProblem'], advice: 'this login may not do that: check S3_ACCESS_KEY, S3_SECRET_KEY and what they are allowed to do' },
  { code: 'PERMISSION', names: ['RequestTimeTooSkewed'], advice: "this machine's clock and the server's differ by more than 15 minutes: set the clock" },
  { code: 'ADDRESS_INVALID', names: ['AuthorizationHeaderMalformed', 'PermanentRedirect', 'MovedPermanently', 'TemporaryRedirect'], advice: 'the buckets are in another region: set ?region=… in the address' },
  { code: 'ADDRESS_INVALID', names: ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'], advice: 'the server does not speak TLS there: set ?tls=false' },
  {
    code: 'ADDRESS_INVALID',
    names: ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    advice: "the server's certificate is not trusted: name its authority in NODE_EXTRA_CA_CERTS",
  },
  { code: 'UNAVAILABLE', names: ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'], advice: 'check the address and that the server runs', retriable: true },
  { code: 'UNAVAILABLE', names: ['SlowDown', 'ServiceUnavailable', 'XMinioServerNotInitialized', 'OperationAborted', 'ConditionalRequestConflict', 'BadDigest', 'XAmzContentSHA256Mismatch', 'IncompleteBody'], retriable: true },
  { code: 'UNAVAILABLE', names: ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNABORTED', 'InternalError', 'RequestTimeout', 'XMinioReadQuorum', 'XMinioWriteQuorum'], retriable: true, mayHaveApplied: true },
  { code: 'TIMEOUT', names: ['ETIMEDOUT', 'TIDELINE_SILENCE'], retriable: true, mayHaveApplied: true },
];

const ruleOf = new Map(rules.flatMap((rule) => rule.names.map((name) => [name, rule] as const)));

/** Reads whatever the client or the system threw. */
export function readFailure(error: unknown): S3Failure {
  const { code, Code, message, Message } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const text = String(message ?? Message ?? error);
  // The client gives up such answers without reading them.
  const status = /Retryable HTTP status: (\d+)/.exec(text)?.[1];
  if (status !== undefined) {
    return { code: 'UNAVAILABLE', cause: `HTTP ${status}`, message: `the server answered with status ${status}`, retriable: true, mayHaveApplied: status !== '429' && status !== '503' };
  }
  const cause = String(code ?? Code ?? (error instanceof Error ? error.name : 'unknown'));
  const rule = ruleOf.get(cause);
  const said = `${cause}: ${text}`.replace(/\s+/g, ' ').trim();
  if (rule !== undefined) {
    return {
      code: rule.code,
      cause,
      message: rule.advice === undefined ? said : `${said}; ${rule.advice}`,
      retriable: rule.retriable ?? false,
      mayHaveApplied: rule.mayHaveApplied ?? false,
    };
  }
  // A completed multipart upload may fail after its status 200; the client then throws an error without a code.
  const late = cause === 'S3Error';
  return { code: 'UNAVAILABLE', cause, message: said, retriable: late, mayHaveApplied: late };
}
