import { Faults, type FaultChances } from '../faults/faults.ts';
import {
  ExperimentTracker,
  type Experiment,
  type Metric,
  type ModelVersion,
  type Run,
  type RunData,
  type RunStatus,
} from './experiment-tracker.ts';

/** Another tracker seen through a bad network, on purpose. Closing never fails. */
export class UnreliableExperimentTracker extends ExperimentTracker {
  readonly #inner: ExperimentTracker;
  readonly #faults: Faults;

  constructor(inner: ExperimentTracker, faults: FaultChances | Faults) {
    super();
    this.#inner = inner;
    this.#faults = faults instanceof Faults ? faults : new Faults(faults);
  }

  ensureExperiment(name: string): Promise<Experiment> {
    return this.#faults.around(`make experiment ${name}`, () => this.#inner.ensureExperiment(name));
  }

  listExperiments(): Promise<readonly Experiment[]> {
    return this.#faults.around('list experiments', () => this.#inner.listExperiments());
  }

  startRun(experimentId: string, name: string, tags?: Readonly<Record<string, string>>): Promise<Run> {
    return this.#faults.around(`start run ${name}`, () => this.#inner.startRun(experimentId, name, tags));
  }

  logRun(runId: string, data: RunData): Promise<void> {
    return this.#faults.around(`log to run ${runId}`, () => this.#inner.logRun(runId, data));
  }

  endRun(runId: string, status: Exclude<RunStatus, 'RUNNING'>): Promise<void> {
    return this.#faults.around(`end run ${runId}`, () => this.#inner.endRun(runId, status));
  }

  getRun(runId: string): Promise<Run> {
    return this.#faults.around(`get run ${runId}`, () => this.#inner.getRun(runId), { reads: true });
  }

  listRuns(experimentId: string, limit?: number): Promise<readonly Run[]> {
    return this.#faults.around(`list runs of ${experimentId}`, () => this.#inner.listRuns(experimentId, limit), { reads: true });
  }

  metricHistory(runId: string, name: string): Promise<readonly Metric[]> {
    return this.#faults.around(`get metric ${name}`, () => this.#inner.metricHistory(runId, name), { reads: true });
  }

  putArtifact(runId: string, path: string, bytes: Uint8Array): Promise<void> {
    const sent = bytes.slice();
    return this.#faults.around(`put artifact ${path}`, () => this.#inner.putArtifact(runId, path, sent));
  }

  getArtifact(runId: string, path: string): Promise<Uint8Array> {
    return this.#faults.around(`get artifact ${path}`, () => this.#inner.getArtifact(runId, path), { reads: true });
  }

  listArtifacts(runId: string): Promise<readonly string[]> {
    return this.#faults.around(`list artifacts of ${runId}`, () => this.#inner.listArtifacts(runId), { reads: true });
  }

  registerVersion(name: string, runId: string, artifactPath: string, tags?: Readonly<Record<string, string>>): Promise<ModelVersion> {
    return this.#faults.around(`register a version of ${name}`, () => this.#inner.registerVersion(name, runId, artifactPath, tags));
  }

  getVersion(name: string, version: string): Promise<ModelVersion> {
    return this.#faults.around(`get version ${version} of ${name}`, () => this.#inner.getVersion(name, version), { reads: true });
  }

  versionByAlias(name: string, alias: string): Promise<ModelVersion | undefined> {
    return this.#faults.around(`get ${alias} of ${name}`, () => this.#inner.versionByAlias(name, alias), { reads: true });
  }

  listVersions(name: string): Promise<readonly ModelVersion[]> {
    return this.#faults.around(`list versions of ${name}`, () => this.#inner.listVersions(name), { reads: true });
  }

  listModels(): Promise<readonly string[]> {
    return this.#faults.around('list models', () => this.#inner.listModels(), { reads: true });
  }

  setAlias(name: string, alias: string, version: string): Promise<void> {
    return this.#faults.around(`set ${alias} of ${name}`, () => this.#inner.setAlias(name, alias, version));
  }

  deleteAlias(name: string, alias: string): Promise<void> {
    return this.#faults.around(`delete ${alias} of ${name}`, () => this.#inner.deleteAlias(name, alias));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
