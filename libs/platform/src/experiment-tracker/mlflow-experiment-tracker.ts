import { randomUUID } from 'node:crypto';
import type { Login } from '../configuration/configuration.ts';
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
import { isMlflowError, LIMITS, MlflowClient, type MlflowModelVersion, type MlflowRun, type MlflowTag, type RunArtifacts } from './mlflow/index.ts';
import { trackerError } from './mlflow-tracker-error.ts';
import { checkAliasName, checkModelName, checkName, checkRunData, noSuchVersion, parameterChanged } from './tracking-rules.ts';

/**
 * By this tag a run or version is found whose creation was never answered. It is no fact about the run, so readers don't see it, and
 * MLflow's page of a run hides what begins with `mlflow.`.
 */
const REQUEST_TAG = 'mlflow.tideline.request';
/** What MLflow's page otherwise has to guess of an experiment. */
export const EXPERIMENT_TAGS: readonly MlflowTag[] = [{ key: 'mlflow.experimentKind', value: 'custom_model_development' }];
/** Opening asks only for so long, so that a wrong address is said at once; later calls outlive a server's restart. */
const PATIENCE_AT_OPEN_MS = 1_500;

/** Experiments on an MLflow server, over its REST API and its artifact proxy. */
export class MlflowExperimentTracker extends ExperimentTracker {
  readonly #client: MlflowClient;
  /** A run's artifacts never move. */
  readonly #artifactsOfRun = new Map<string, RunArtifacts>();

  private constructor(client: MlflowClient) {
    super();
    this.#client = client;
  }

  /** Makes sure that an MLflow answers at the address and lets us in. */
  static async open(address: string, login?: Login): Promise<MlflowExperimentTracker> {
    const client = new MlflowClient({ address, login });
    const tracker = new MlflowExperimentTracker(client);
    await tracker.#around('look at the experiments', () => client.experiments.probe(PATIENCE_AT_OPEN_MS));
    return tracker;
  }

  ensureExperiment(name: string): Promise<Experiment> {
    return this.#around(`make experiment ${name}`, async () => {
      const { experimentId, lifecycleStage } = await this.#client.experiments.ensure(name, EXPERIMENT_TAGS);
      if (lifecycleStage !== 'deleted') return { id: experimentId, name };
      const advice = `restore it in MLflow (\`mlflow experiments restore --experiment-id ${experimentId}\`) or end it for good (\`mlflow gc\`)`;
      throw new PlatformError('ALREADY_EXISTS', `EXPERIMENTS: experiment ${name} is deleted at ${this.#client.address}, and its name still taken; ${advice}`);
    });
  }

  listExperiments(): Promise<readonly Experiment[]> {
    return this.#around('list experiments', async () => {
      const experiments: Experiment[] = [];
      for await (const { experimentId, name } of this.#client.experiments.search()) experiments.push({ id: experimentId, name });
      return experiments;
    });
  }

  async startRun(experimentId: string, name: string, tags: Readonly<Record<string, string>> = {}): Promise<Run> {
    checkRunData({ tags });
    return this.#around(`start run ${name}`, async () => {
      const identity = { key: REQUEST_TAG, value: randomUUID() };
      return this.#remember(await this.#client.runs.create({ experimentId, name, startTimeMs: Date.now(), tags: pairs(tags), identity }));
    });
  }

  async logRun(runId: string, { metrics = [], params = {}, tags = {} }: RunData): Promise<void> {
    checkRunData({ metrics, params, tags });
    return this.#around(`log to run ${runId}`, async () => {
      const { runs } = this.#client;
      const nothing = metrics.length + Object.keys(params).length + Object.keys(tags).length === 0;
      // One request refuses a changed parameter as a whole; several would have written the ones before.
      if (nothing || Object.keys(params).length > LIMITS.params) checkUnchanged(viewOf(await runs.get(runId)), params);
      await runs.logBatch(runId, { metrics: metrics.map(({ name, ...metric }) => ({ key: name, ...metric })), params: pairs(params), tags: pairs(tags) });
    });
  }

  endRun(runId: string, status: Exclude<RunStatus, 'RUNNING'>): Promise<void> {
    return this.#around(`end run ${runId}`, () => this.#client.runs.update(runId, { status, endTimeMs: Date.now() }));
  }

  getRun(runId: string): Promise<Run> {
    return this.#around(`get run ${runId}`, async () => this.#remember(await this.#client.runs.get(runId)));
  }

  listRuns(experimentId: string, limit = Infinity): Promise<readonly Run[]> {
    return this.#around(`list runs of experiment ${experimentId}`, async () => {
      const runs: Run[] = [];
      const wanted = { experimentIds: [experimentId], orderBy: ['attributes.start_time DESC'], limit };
      for await (const run of this.#client.runs.search(wanted)) runs.push(this.#remember(run));
      return runs;
    });
  }

  async metricHistory(runId: string, name: string): Promise<readonly Metric[]> {
    checkName('metric', name);
    return this.#around(`get metric ${name} of run ${runId}`, async () => {
      const metrics: Metric[] = [];
      for await (const { key, ...metric } of this.#client.runs.metricHistory(runId, name)) metrics.push({ name: key, ...metric });
      return metrics;
    });
  }

  async putArtifact(runId: string, path: string, bytes: Uint8Array): Promise<void> {
    checkName('artifact', path);
    return this.#around(`put artifact ${path} of run ${runId}`, async () => this.#client.artifacts.put(await this.#artifacts(runId), path, bytes));
  }

  async getArtifact(runId: string, path: string): Promise<Uint8Array> {
    checkName('artifact', path);
    return this.#around(`get artifact ${path} of run ${runId}`, async () => this.#client.artifacts.get(await this.#artifacts(runId), path));
  }

  listArtifacts(runId: string): Promise<readonly string[]> {
    return this.#around(`list artifacts of run ${runId}`, async () => {
      const paths: string[] = [];
      for await (const { path } of this.#client.artifacts.list({ runId })) paths.push(path);
      return paths.sort();
    });
  }

  async registerVersion(name: string, runId: string, artifactPath: string, tags: Readonly<Record<string, string>> = {}): Promise<ModelVersion> {
    checkModelName(name);
    checkName('artifact folder', artifactPath);
    checkRunData({ tags });
    return this.#around(`register a version of ${name}`, async () => {
      // The server would register the version of a run that it does not know.
      await this.#artifacts(runId);
      await this.#client.models.ensure(name);
      const identity = { key: REQUEST_TAG, value: randomUUID() };
      const made = await this.#client.models.createVersion({ name, source: `runs:/${runId}/${artifactPath}`, runId, tags: pairs(tags), identity });
      // Done its duty; on the page of a model MLflow would show it. If it stays, no reader minds.
      await this.#client.models.deleteVersionTag(name, made.version, REQUEST_TAG).catch(() => undefined);
      return versionOf(made);
    });
  }

  getVersion(name: string, version: string): Promise<ModelVersion> {
    return this.#around(`get version ${version} of ${name}`, async () => {
      const found = /^\d{1,9}$/.test(version) ? await this.#client.models.getVersion(name, version) : undefined;
      if (found === undefined) throw noSuchVersion(name, version);
      return versionOf(found);
    });
  }

  versionByAlias(name: string, alias: string): Promise<ModelVersion | undefined> {
    return this.#around(`get ${alias} of ${name}`, async () => {
      const found = await this.#client.models.versionByAlias(name, alias);
      return found && versionOf(found);
    });
  }

  listVersions(name: string): Promise<readonly ModelVersion[]> {
    return this.#around(`list versions of ${name}`, async () => {
      // Aliases first: whatever one points at is then among the versions listed after it.
      const model = await this.#client.models.get(name);
      const versions: ModelVersion[] = [];
      if (model === undefined) return versions;
      for await (const version of this.#client.models.versions(name)) {
        const aliases = model.aliases.filter((alias) => alias.version === version.version).map(({ alias }) => alias);
        versions.push(versionOf({ ...version, aliases: aliases.sort() }));
      }
      return versions;
    });
  }

  listModels(): Promise<readonly string[]> {
    return this.#around('list models', async () => {
      const names: string[] = [];
      for await (const { name } of this.#client.models.search()) names.push(name);
      return names.sort();
    });
  }

  async setAlias(name: string, alias: string, version: string): Promise<void> {
    checkAliasName(alias);
    return this.#around(`set ${alias} of ${name}`, async () => {
      if (!/^\d{1,9}$/.test(version)) throw noSuchVersion(name, version);
      await this.#client.models.setAlias(name, alias, version);
    });
  }

  deleteAlias(name: string, alias: string): Promise<void> {
    return this.#around(`delete ${alias} of ${name}`, () => this.#client.models.deleteAlias(name, alias));
  }

  async close(): Promise<void> {}

  async #artifacts(runId: string): Promise<RunArtifacts> {
    const known = this.#artifactsOfRun.get(runId);
    if (known !== undefined) return known;
    const run = await this.#client.runs.get(runId);
    this.#remember(run);
    return run.info;
  }

  #remember(run: MlflowRun): Run {
    this.#artifactsOfRun.set(run.info.runId, { runId: run.info.runId, artifactUri: run.info.artifactUri });
    return viewOf(run);
  }

  async #around<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw isMlflowError(error) ? trackerError(error, what, this.#client.address) : error;
    }
  }
}

function pairs(values: Readonly<Record<string, string>>): readonly MlflowTag[] {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}

function recordOf(tags: readonly MlflowTag[]): Readonly<Record<string, string>> {
  return Object.fromEntries(tags.filter(({ key }) => key !== REQUEST_TAG).map(({ key, value }) => [key, value]));
}

function viewOf({ info, metrics, params, tags }: MlflowRun): Run {
  return {
    id: info.runId,
    experimentId: info.experimentId,
    name: info.name,
    // Only a job runner schedules; what it has scheduled is not over.
    status: info.status === 'SCHEDULED' ? 'RUNNING' : info.status,
    startedAtMs: info.startTimeMs,
    endedAtMs: info.endTimeMs,
    metrics: Object.fromEntries(metrics.map(({ key, value }) => [key, value])),
    params: recordOf(params),
    tags: recordOf(tags),
  };
}

/** A version that somebody registered from elsewhere is listed with the source as it is. */
function versionOf({ name, version, source, runId, createdAtMs, tags, aliases }: MlflowModelVersion): ModelVersion {
  const ours = /^runs:\/([0-9a-f]{32})\/(.+)$/.exec(source);
  return { name, version, runId: ours?.[1] ?? runId, artifactPath: ours?.[2] ?? source, createdAtMs, tags: recordOf(tags), aliases };
}

function checkUnchanged({ id, params: before }: Run, params: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(params)) {
    if (before[name] !== undefined && before[name] !== value) throw parameterChanged(id, name, before[name], value);
  }
}
