import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { PlatformError } from '../errors.ts';
import type { Metric, RunStatus } from './experiment-tracker.ts';

/* The small files of MLflow's folder layout (mlflow/store/tracking/file_store.py describes it), each written and read back. */

// Numbers of mlflow.entities.RunStatus; 2 is SCHEDULED, which only a job runner sets.
const statusNumbers: Readonly<Record<RunStatus, number>> = { RUNNING: 1, FINISHED: 3, FAILED: 4, KILLED: 5 };

/** The parsed `meta.yaml` of an experiment, a run, a model or a version. */
export type Meta = Readonly<Record<string, unknown>>;

/** A text of a meta file; empty when it is missing or something else. */
export function textOf(meta: Meta, name: string): string {
  const value = meta[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

export interface RunMeta {
  readonly id: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly startedAtMs: number;
  readonly endedAtMs: number | undefined;
}

export function experimentMeta(folder: string, id: string, name: string, nowMs: number): string {
  return yamlOf({
    artifact_location: pathToFileURL(folder).href,
    creation_time: nowMs,
    experiment_id: id,
    last_update_time: nowMs,
    lifecycle_stage: 'active',
    name,
  });
}

export function runMeta(folder: string, run: RunMeta): string {
  return yamlOf({
    artifact_uri: `${pathToFileURL(folder).href}/artifacts`,
    end_time: run.endedAtMs ?? null,
    entry_point_name: '',
    experiment_id: run.experimentId,
    lifecycle_stage: 'active',
    run_id: run.id,
    run_name: run.name,
    run_uuid: run.id,
    source_name: '',
    source_type: 4,
    source_version: '',
    start_time: run.startedAtMs,
    status: statusNumbers[run.status],
    tags: [],
    user_id: 'tideline',
  });
}

export function parseRunMeta(meta: Meta, path: string): RunMeta {
  const status = (Object.keys(statusNumbers) as RunStatus[]).find((name) => statusNumbers[name] === meta['status']);
  if (status === undefined) throw new PlatformError('CORRUPT', `${path}: expected a run status of 1, 3, 4 or 5, found ${String(meta['status'])}`);
  return {
    id: textOf(meta, 'run_id'),
    experimentId: textOf(meta, 'experiment_id'),
    name: textOf(meta, 'run_name'),
    status,
    startedAtMs: Number(meta['start_time']),
    endedAtMs: typeof meta['end_time'] === 'number' ? meta['end_time'] : undefined,
  };
}

export function modelMeta(name: string, nowMs: number): string {
  return yamlOf({ creation_timestamp: nowMs, last_updated_timestamp: nowMs, name });
}

export function versionMeta(name: string, version: number, runId: string, artifactPath: string, nowMs: number): string {
  return yamlOf({
    creation_timestamp: nowMs,
    current_stage: 'None',
    last_updated_timestamp: nowMs,
    name,
    run_id: runId,
    source: `runs:/${runId}/${artifactPath}`,
    status: 'READY',
    version,
  });
}

/** One line of a metric's file: time, value, step. Python writes and reads `nan`, `inf` and `-inf`. */
export function metricLine({ timestampMs, value, step }: Metric): string {
  const text = Number.isNaN(value) ? 'nan' : Number.isFinite(value) ? String(value) : value > 0 ? 'inf' : '-inf';
  return `${Math.round(timestampMs)} ${text} ${step}\n`;
}

export function parseMetricLines(name: string, text: string, path: string): Metric[] {
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    const [timestamp, word, step = '0'] = line.split(' ');
    const lower = word?.toLowerCase();
    const value = lower === 'inf' ? Infinity : lower === '-inf' ? -Infinity : lower === 'nan' ? NaN : Number(word);
    if (word === undefined || (Number.isNaN(value) && lower !== 'nan')) {
      throw new PlatformError('CORRUPT', `${path}: expected lines of time, value and step, found "${line}"`);
    }
    return [{ name, value, step: Number(step), timestampMs: Number(timestamp) }];
  });
}

export function parseMeta(text: string, path: string): Meta {
  let meta: unknown;
  try {
    meta = parse(text);
  } catch (error) {
    throw new PlatformError('CORRUPT', `${path}: expected YAML, found something else`, { cause: error });
  }
  if (typeof meta === 'object' && meta !== null) return meta as Meta;
  throw new PlatformError('CORRUPT', `${path}: expected a YAML map, found ${JSON.stringify(meta)}`);
}

// JSON texts and numbers are YAML too, so that no writer is needed.
function yamlOf(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    .join('');
}
