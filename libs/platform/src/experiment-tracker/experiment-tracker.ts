export type RunStatus = 'RUNNING' | 'FINISHED' | 'FAILED' | 'KILLED';

export interface Experiment {
  readonly id: string;
  readonly name: string;
}

export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly step: number;
  readonly timestampMs: number;
}

export interface Run {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly startedAtMs: number;
  readonly endedAtMs: number | undefined;
  /** The value at the highest step of each metric, there the newest. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface RunData {
  readonly metrics?: readonly Metric[];
  /** A parameter is written once; another value later is refused. */
  readonly params?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface ModelVersion {
  readonly name: string;
  /** "1", "2", … */
  readonly version: string;
  readonly runId: string;
  /** Artifact folder of the run that holds the model. */
  readonly artifactPath: string;
  readonly createdAtMs: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly aliases: readonly string[];
}

/**
 * Experiments, runs and registered models as MLflow has them: the type and the injection token.
 *
 * Callers rely on: (1) a logged value is there once the call resolves; (2) versions of a model are numbered 1, 2, … without
 * reuse; (3) an alias points at one version at a time and moves atomically; (4) artifact bytes come back as they were put;
 * (5) failures are `PlatformError`s, missing things `NOT_FOUND`; (6) every call ends: one without an answer fails with `TIMEOUT`, retriable,
 * after the door's own bound (30 s by default), outcome `not-applied` when it only reads, else `unknown`: it may still take effect.
 */
export abstract class ExperimentTracker {
  /** The experiment of that name, made when missing. */
  abstract ensureExperiment(name: string): Promise<Experiment>;
  /** Oldest first. */
  abstract listExperiments(): Promise<readonly Experiment[]>;
  abstract startRun(experimentId: string, name: string, tags?: Readonly<Record<string, string>>): Promise<Run>;
  abstract logRun(runId: string, data: RunData): Promise<void>;
  abstract endRun(runId: string, status: Exclude<RunStatus, 'RUNNING'>): Promise<void>;
  abstract getRun(runId: string): Promise<Run>;
  /** Newest first. */
  abstract listRuns(experimentId: string, limit?: number): Promise<readonly Run[]>;
  /** Every logged value of one metric, in the order logged where times and steps grow; an MLflow server keeps equal ones once. */
  abstract metricHistory(runId: string, name: string): Promise<readonly Metric[]>;
  abstract putArtifact(runId: string, path: string, bytes: Uint8Array): Promise<void>;
  abstract getArtifact(runId: string, path: string): Promise<Uint8Array>;
  abstract listArtifacts(runId: string): Promise<readonly string[]>;
  /** Adds the next version of a registered model (the model is made when missing). */
  abstract registerVersion(name: string, runId: string, artifactPath: string, tags?: Readonly<Record<string, string>>): Promise<ModelVersion>;
  abstract getVersion(name: string, version: string): Promise<ModelVersion>;
  /** The version that the alias names, or undefined. */
  abstract versionByAlias(name: string, alias: string): Promise<ModelVersion | undefined>;
  /** Oldest first; empty when the model does not exist. */
  abstract listVersions(name: string): Promise<readonly ModelVersion[]>;
  abstract listModels(): Promise<readonly string[]>;
  abstract setAlias(name: string, alias: string, version: string): Promise<void>;
  abstract deleteAlias(name: string, alias: string): Promise<void>;
  abstract close(): Promise<void>;
}
