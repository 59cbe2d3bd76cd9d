// Goal: every way in which an MLflow fails has a stable code and says what to do. Method: the failures as the client names them.
import { expect, test } from 'vitest';
import { MlflowError } from './mlflow/index.ts';
import { trackerError } from './mlflow-tracker-error.ts';

test.each<[string, MlflowError, object, string]>([
  ['nothing listens', new MlflowError('UNREACHABLE', 'no connection'), { code: 'UNAVAILABLE', outcome: 'not-applied', retriable: true }, 'start MLflow there'],
  ['it died meanwhile', new MlflowError('DISCONNECTED', 'broke', { outcome: 'unknown' }), { code: 'UNAVAILABLE', outcome: 'unknown', retriable: true }, 'look at its log'],
  ['no answer', new MlflowError('TIMED_OUT', 'no answer', { outcome: 'unknown' }), { code: 'TIMEOUT', outcome: 'unknown' }, 'database'],
  ['no login', new MlflowError('HTTP_401', '401', { status: 401 }), { code: 'PERMISSION' }, 'MLFLOW_USERNAME and MLFLOW_PASSWORD'],
  ['a login that may not', new MlflowError('PERMISSION_DENIED', 'no', { status: 403 }), { code: 'PERMISSION' }, 'MLFLOW_USERNAME and MLFLOW_PASSWORD'],
  ['another host name', new MlflowError('HTTP_403', '403 "Invalid Host header - possible DNS rebinding"', { status: 403 }), { code: 'PERMISSION' }, '--allowed-hosts "mlflow:5000"'],
  ['no MLflow', new MlflowError('NOT_MLFLOW', '404', { status: 404 }), { code: 'ADDRESS_INVALID' }, 'expected an MLflow server there'],
  ['artifacts elsewhere', new MlflowError('NOT_PROXIED', 's3://x'), { code: 'SETTING_INVALID' }, '--artifacts-destination'],
  ['no such run', new MlflowError('RESOURCE_DOES_NOT_EXIST', 'run', { status: 404 }), { code: 'NOT_FOUND', retriable: false }, 'could not get run r'],
  ['a changed parameter', new MlflowError('INVALID_PARAMETER_VALUE', 'Changing param values is not allowed', { status: 400 }), { code: 'ALREADY_EXISTS' }, 'Changing param'],
  ['a full disk', new MlflowError('INTERNAL_ERROR', '[Errno 28] No space left on device', { status: 500, outcome: 'unknown' }), { code: 'NO_SPACE', outcome: 'unknown' }, 'free some space'],
  ['too large for a proxy', new MlflowError('HTTP_413', '413', { status: 413 }), { code: 'TOO_LARGE' }, 'proxy'],
  ['sent on', new MlflowError('HTTP_301', 'sent on to https://x', { status: 301 }), { code: 'ADDRESS_INVALID' }, 'give that address'],
  ['it fails inside', new MlflowError('INTERNAL_ERROR', 'x', { status: 500, outcome: 'unknown' }), { code: 'UNAVAILABLE', retriable: true }, 'log of MLflow'],
  ['another version', new MlflowError('BAD_REQUEST', 'x', { status: 400 }), { code: 'VERSION_MISMATCH', retriable: false }, 'versions 2 and 3'],
])('%s', (_, error, expected, advice) => {
  const made = trackerError(error, 'get run r', 'http://mlflow:5000');
  expect(made).toMatchObject(expected);
  expect(made.message).toMatch(/^EXPERIMENTS: could not get run r at http:\/\/mlflow:5000: /);
  expect(made.message).toContain(advice);
});
