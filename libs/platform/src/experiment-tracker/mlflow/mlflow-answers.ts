import { MlflowError } from './mlflow-error.ts';

/* What the server answers, read field by field: a wrong type is an answer of something that is no MLflow. */

export interface MlflowTag {
  readonly key: string;
  readonly value: string;
}

export type MlflowRunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';

export interface MlflowExperiment {
  readonly experimentId: string;
  readonly name: string;
  readonly artifactLocation: string;
  readonly lifecycleStage: 'active' | 'deleted';
}

export interface MlflowMetric {
  readonly key: string;
  /** NaN and infinities included, though JSON has none: they travel as texts. */
  readonly value: number;
  readonly timestampMs: number;
  readonly step: number;
}

export interface MlflowRunInfo {
  readonly runId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: MlflowRunStatus;
  readonly startTimeMs: number;
  readonly endTimeMs: number | undefined;
  /** Like `mlflow-artifacts:/<experiment>/<run>/artifacts`. */
  readonly artifactUri: string;
  readonly lifecycleStage: 'active' | 'deleted';
}

export interface MlflowRun {
  readonly info: MlflowRunInfo;
  /** The last value of each metric: at its highest step. */
  readonly metrics: readonly MlflowMetric[];
  readonly params: readonly MlflowTag[];
  readonly tags: readonly MlflowTag[];
}

export interface MlflowArtifact {
  /** Below the run's artifact folder. */
  readonly path: string;
  readonly isFolder: boolean;
  readonly bytes: number | undefined;
}

export interface MlflowModel {
  readonly name: string;
  readonly createdAtMs: number;
  readonly tags: readonly MlflowTag[];
  readonly aliases: readonly { readonly alias: string; readonly version: string }[];
}

export interface MlflowModelVersion {
  readonly name: string;
  readonly version: string;
  readonly source: string;
  readonly runId: string;
  readonly status: 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION' | 'READY';
  readonly statusMessage: string;
  readonly createdAtMs: number;
  readonly tags: readonly MlflowTag[];
  /** Empty in the results of a search: the server fills it in only when one version is asked for. */
  readonly aliases: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** An object inside an answer; an empty one where the server left it out, as it does with what is empty. */
export function objectIn(json: Json, name: string): Json {
  const value = json[name] ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw unexpected(name, 'an object', value);
  return value as Json;
}

/** A list of objects; empty where the server left it out. */
export function listIn(json: Json, name: string): readonly Json[] {
  const value = json[name] ?? [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'object' || item === null)) throw unexpected(name, 'a list of objects', value);
  return value as Json[];
}

/** A text that may be missing. */
export function textIn(json: Json, name: string, otherwise?: string): string {
  const value = json[name] ?? otherwise;
  if (typeof value !== 'string') throw unexpected(name, 'a text', value);
  return value;
}

function numberIn(json: Json, name: string, otherwise?: number): number {
  const value = json[name] ?? otherwise;
  // 64-bit integers may travel as texts, as protobuf's JSON mapping says.
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number)) throw unexpected(name, 'a number', value);
  return number;
}

function unexpected(name: string, expected: string, found: unknown): MlflowError {
  return new MlflowError('NOT_MLFLOW', `expected ${expected} as "${name}" in the answer, found ${JSON.stringify(found)}`, { outcome: 'unknown' });
}

/** Numbers as JSON can carry them. */
export function metricToWire({ key, value, timestampMs, step }: MlflowMetric): Json {
  const number = Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? value : value > 0 ? 'Infinity' : '-Infinity';
  return { key, value: number, timestamp: Math.round(timestampMs), step };
}

export function metricFrom(json: Json, key?: string): MlflowMetric {
  return { key: textIn(json, 'key', key), value: metricValue(json['value']), timestampMs: numberIn(json, 'timestamp', 0), step: numberIn(json, 'step', 0) };
}

/** The SQL store keeps an infinity as the largest double, which no measurement is; NaN comes as a text. */
function metricValue(value: unknown): number {
  if (value === 'NaN') return NaN;
  const number = numberIn({ value }, 'value', 0);
  return Math.abs(number) === Number.MAX_VALUE ? Math.sign(number) * Infinity : number;
}

function tagsFrom(json: Json, name: string): readonly MlflowTag[] {
  return listIn(json, name).map((tag) => ({ key: textIn(tag, 'key'), value: textIn(tag, 'value', '') }));
}

export function experimentFrom(json: Json): MlflowExperiment {
  return {
    experimentId: textIn(json, 'experiment_id'),
    name: textIn(json, 'name'),
    artifactLocation: textIn(json, 'artifact_location', ''),
    lifecycleStage: textIn(json, 'lifecycle_stage', 'active') as MlflowExperiment['lifecycleStage'],
  };
}

export function runInfoFrom(json: Json): MlflowRunInfo {
  const endTimeMs = numberIn(json, 'end_time', 0);
  return {
    runId: textIn(json, 'run_id'),
    experimentId: textIn(json, 'experiment_id'),
    name: textIn(json, 'run_name', ''),
    status: textIn(json, 'status') as MlflowRunStatus,
    startTimeMs: numberIn(json, 'start_time', 0),
    endTimeMs: endTimeMs === 0 ? undefined : endTimeMs,
    artifactUri: textIn(json, 'artifact_uri', ''),
    lifecycleStage: textIn(json, 'lifecycle_stage', 'active') as MlflowRunInfo['lifecycleStage'],
  };
}

export function runFrom(json: Json): MlflowRun {
  const data = objectIn(json, 'data');
  return {
    info: runInfoFrom(objectIn(json, 'info')),
    metrics: listIn(data, 'metrics').map((metric) => metricFrom(metric)),
    params: tagsFrom(data, 'params'),
    tags: tagsFrom(data, 'tags'),
  };
}

export function artifactFrom(json: Json): MlflowArtifact {
  const isFolder = json['is_dir'] === true;
  return { path: textIn(json, 'path'), isFolder, bytes: isFolder || json['file_size'] === undefined ? undefined : numberIn(json, 'file_size') };
}

export function modelFrom(json: Json): MlflowModel {
  return {
    name: textIn(json, 'name'),
    createdAtMs: numberIn(json, 'creation_timestamp', 0),
    tags: tagsFrom(json, 'tags'),
    aliases: listIn(json, 'aliases').map((alias) => ({ alias: textIn(alias, 'alias'), version: textIn(alias, 'version') })),
  };
}

export function versionFrom(json: Json): MlflowModelVersion {
  const aliases = json['aliases'] ?? [];
  if (!Array.isArray(aliases)) throw unexpected('aliases', 'a list', aliases);
  return {
    name: textIn(json, 'name'),
    version: textIn(json, 'version'),
    source: textIn(json, 'source', ''),
    runId: textIn(json, 'run_id', ''),
    status: textIn(json, 'status', 'READY') as MlflowModelVersion['status'],
    statusMessage: textIn(json, 'status_message', ''),
    createdAtMs: numberIn(json, 'creation_timestamp', 0),
    tags: tagsFrom(json, 'tags'),
    aliases: aliases.map(String).sort(),
  };
}
