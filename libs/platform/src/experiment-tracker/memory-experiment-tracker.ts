import { randomUUID } from 'node:crypto';
import { PlatformError } from '../errors.ts';
import {
  ExperimentTracker,
  type Experiment,
  type Metric,
  type ModelVersion,
  type Run,
  type RunData,
  type RunStatus,
} from './experiment-tracker.ts';
import { checkAliasName, checkModelName, checkName, checkRunData, lastValues, noSuchRun, noSuchVersion, parameterChanged } from './tracking-rules.ts';

interface MemoryRun {
  readonly info: Omit<Run, 'metrics' | 'params' | 'tags' | 'status' | 'endedAtMs'>;
  status: RunStatus;
  endedAtMs: number | undefined;
  readonly metrics: Metric[];
  readonly params: Map<string, string>;
  readonly tags: Map<string, string>;
  readonly artifacts: Map<string, Uint8Array>;
}

interface MemoryModel {
  readonly versions: Omit<ModelVersion, 'aliases'>[];
  readonly aliases: Map<string, string>;
}

/** Experiments in this process's memory: for tests and short runs. */
export class MemoryExperimentTracker extends ExperimentTracker {
  readonly #experiments: Experiment[] = [];
  readonly #runs = new Map<string, MemoryRun>();
  readonly #models = new Map<string, MemoryModel>();

  async ensureExperiment(name: string): Promise<Experiment> {
    const known = this.#experiments.find((experiment) => experiment.name === name);
    if (known !== undefined) return known;
    const experiment = { id: String(this.#experiments.length + 1), name };
    this.#experiments.push(experiment);
    return experiment;
  }

  async listExperiments(): Promise<readonly Experiment[]> {
    return [...this.#experiments];
  }

  async startRun(experimentId: string, name: string, tags: Readonly<Record<string, string>> = {}): Promise<Run> {
    if (!this.#experiments.some(({ id }) => id === experimentId)) {
      throw new PlatformError('NOT_FOUND', `no experiment ${experimentId}`);
    }
    checkRunData({ tags });
    const info = { id: randomUUID().replaceAll('-', ''), experimentId, name, startedAtMs: Date.now() };
    const run: MemoryRun = {
      info,
      status: 'RUNNING',
      endedAtMs: undefined,
      metrics: [],
      params: new Map(),
      tags: new Map(Object.entries({ ...tags, 'mlflow.runName': name })),
      artifacts: new Map(),
    };
    this.#runs.set(info.id, run);
    return view(run);
  }

  async logRun(runId: string, data: RunData): Promise<void> {
    const run = this.#run(runId);
    checkRunData(data);
    for (const [name, value] of Object.entries(data.params ?? {})) {
      const before = run.params.get(name);
      if (before !== undefined && before !== value) throw parameterChanged(runId, name, before, value);
    }
    for (const [name, value] of Object.entries(data.params ?? {})) run.params.set(name, value);
    for (const [name, value] of Object.entries(data.tags ?? {})) run.tags.set(name, value);
    run.metrics.push(...(data.metrics ?? []).map((metric) => ({ ...metric })));
  }

  async endRun(runId: string, status: Exclude<RunStatus, 'RUNNING'>): Promise<void> {
    const run = this.#run(runId);
    run.status = status;
    run.endedAtMs = Date.now();
  }

  async getRun(runId: string): Promise<Run> {
    return view(this.#run(runId));
  }

  async listRuns(experimentId: string, limit = Infinity): Promise<readonly Run[]> {
    const runs = [...this.#runs.values()].filter(({ info }) => info.experimentId === experimentId);
    return runs
      .reverse()
      .sort((a, b) => b.info.startedAtMs - a.info.startedAtMs)
      .slice(0, limit)
      .map(view);
  }

  async metricHistory(runId: string, name: string): Promise<readonly Metric[]> {
    return this.#run(runId).metrics.filter((metric) => metric.name === name);
  }

  async putArtifact(runId: string, path: string, bytes: Uint8Array): Promise<void> {
    checkName('artifact', path);
    this.#run(runId).artifacts.set(path, new Uint8Array(bytes));
  }

  async getArtifact(runId: string, path: string): Promise<Uint8Array> {
    checkName('artifact', path);
    const bytes = this.#run(runId).artifacts.get(path);
    if (bytes === undefined) throw new PlatformError('NOT_FOUND', `run ${runId} has no artifact ${path}`);
    return new Uint8Array(bytes);
  }

  async listArtifacts(runId: string): Promise<readonly string[]> {
    return [...this.#run(runId).artifacts.keys()].sort();
  }

  async registerVersion(name: string, runId: string, artifactPath: string, tags: Readonly<Record<string, string>> = {}): Promise<ModelVersion> {
    checkModelName(name);
    checkName('artifact folder', artifactPath);
    checkRunData({ tags });
    this.#run(runId);
    const model = this.#models.get(name) ?? { versions: [], aliases: new Map<string, string>() };
    this.#models.set(name, model);
    const version = { name, version: String(model.versions.length + 1), runId, artifactPath, createdAtMs: Date.now(), tags: { ...tags } };
    model.versions.push(version);
    return withAliases(model, version);
  }

  async getVersion(name: string, version: string): Promise<ModelVersion> {
    const model = this.#models.get(name);
    const found = model?.versions.find((candidate) => candidate.version === version);
    if (model === undefined || found === undefined) throw noSuchVersion(name, version);
    return withAliases(model, found);
  }

  async versionByAlias(name: string, alias: string): Promise<ModelVersion | undefined> {
    const version = this.#models.get(name)?.aliases.get(alias);
    return version === undefined ? undefined : this.getVersion(name, version);
  }

  async listVersions(name: string): Promise<readonly ModelVersion[]> {
    const model = this.#models.get(name);
    return model?.versions.map((version) => withAliases(model, version)) ?? [];
  }

  async listModels(): Promise<readonly string[]> {
    return [...this.#models.keys()].sort();
  }

  async setAlias(name: string, alias: string, version: string): Promise<void> {
    checkAliasName(alias);
    await this.getVersion(name, version);
    this.#models.get(name)?.aliases.set(alias, version);
  }

  async deleteAlias(name: string, alias: string): Promise<void> {
    this.#models.get(name)?.aliases.delete(alias);
  }

  async close(): Promise<void> {}

  #run(runId: string): MemoryRun {
    const run = this.#runs.get(runId);
    if (run === undefined) throw noSuchRun(runId);
    return run;
  }
}

function view({ info, status, endedAtMs, metrics, params, tags }: MemoryRun): Run {
  return {
    ...info,
    status,
    endedAtMs,
    metrics: lastValues(metrics),
    params: Object.fromEntries(params),
    tags: Object.fromEntries(tags),
  };
}

function withAliases(model: MemoryModel, version: Omit<ModelVersion, 'aliases'>): ModelVersion {
  const aliases = [...model.aliases].filter(([, target]) => target === version.version).map(([alias]) => alias);
  return { ...version, aliases: aliases.sort() };
}
