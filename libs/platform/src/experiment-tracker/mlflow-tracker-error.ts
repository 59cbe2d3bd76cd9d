import { PlatformError, type PlatformErrorCode } from '../errors.ts';
import type { MlflowError } from './mlflow/index.ts';

interface Meaning {
  readonly code: PlatformErrorCode;
  readonly advice?: string;
  readonly retriable?: boolean;
}

const BY_ERROR_CODE: Readonly<Record<string, Meaning>> = {
  UNREACHABLE: { code: 'UNAVAILABLE', advice: 'start MLflow there, or correct the setting', retriable: true },
  DISCONNECTED: { code: 'UNAVAILABLE', advice: 'MLflow may have been stopped meanwhile (look at its log), or something else listens there', retriable: true },
  TIMED_OUT: { code: 'TIMEOUT', advice: 'look at what MLflow and its database are doing', retriable: true },
  TLS: { code: 'ADDRESS_INVALID', advice: 'say http:// where the server has no TLS; a private certificate authority is named by NODE_EXTRA_CA_CERTS' },
  NOT_MLFLOW: { code: 'ADDRESS_INVALID', advice: 'expected an MLflow server there, 2.0 or newer; correct host, port and path of the setting' },
  LIMIT_EXCEEDED: { code: 'TOO_LARGE' },
  NOT_PROXIED: { code: 'SETTING_INVALID', advice: 'start MLflow with --artifacts-destination instead of --default-artifact-root, so that it serves artifacts itself (an experiment keeps the place it was made with)' },
  NOT_READY: { code: 'UNAVAILABLE' },
  RESOURCE_DOES_NOT_EXIST: { code: 'NOT_FOUND' },
  RESOURCE_ALREADY_EXISTS: { code: 'ALREADY_EXISTS' },
  TEMPORARILY_UNAVAILABLE: { code: 'UNAVAILABLE', retriable: true },
  REQUEST_LIMIT_EXCEEDED: { code: 'UNAVAILABLE', retriable: true },
};

const LOGIN_ADVICE = 'give MLFLOW_USERNAME and MLFLOW_PASSWORD of somebody who may do this';

/** The platform's error for a failed call of an MLflow: names the setting, the server, what was tried and what to do. */
export function trackerError(error: MlflowError, what: string, address: string): PlatformError {
  const { code, advice, retriable = false } = meaningOf(error, address);
  const message = `EXPERIMENTS: could not ${what} at ${address}: ${error.message}${advice === undefined ? '' : `; ${advice}`}`;
  return new PlatformError(code, message, { outcome: error.outcome, retriable, cause: error });
}

function meaningOf({ errorCode, status, message }: MlflowError, address: string): Meaning {
  if (errorCode === 'INVALID_PARAMETER_VALUE' && message.includes('Changing param values')) return { code: 'ALREADY_EXISTS' };
  if (status === 403 && message.includes('Host header')) {
    return { code: 'PERMISSION', advice: `MLflow answers to other names only when told: start it with --allowed-hosts "${new URL(address).host}"` };
  }
  if (status === 401 || status === 403) return { code: 'PERMISSION', advice: LOGIN_ADVICE };
  if (status === 413) return { code: 'TOO_LARGE', advice: 'a proxy before MLflow limits the size of requests' };
  if (status === 507 || message.includes('No space left on device')) return { code: 'NO_SPACE', advice: 'free some space where MLflow keeps its artifacts' };
  const known = BY_ERROR_CODE[errorCode];
  if (known !== undefined) return known;
  if (status !== undefined && status >= 300 && status < 400) return { code: 'ADDRESS_INVALID', advice: 'give that address' };
  if (status !== undefined && (status >= 500 || status === 429)) return { code: 'UNAVAILABLE', advice: 'look at the log of MLflow', retriable: true };
  return { code: 'VERSION_MISMATCH', advice: 'MLflow refused what versions 2 and 3 take' };
}
