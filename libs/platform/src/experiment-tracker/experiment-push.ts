import { PlatformError } from '../errors.ts';
import type { Experiment, ExperimentTracker, ModelVersion } from './experiment-tracker.ts';
import { isMlflowError, MlflowClient } from './mlflow/index.ts';
import { EXPERIMENT_TAGS } from './mlflow-experiment-tracker.ts';
import { trackerError } from './mlflow-tracker-error.ts';
import type { PushedAlias, PushedRuns, PushedVersion, PushOptions, PushReport } from './push-experiments.ts';
import { RunPush } from './run-push.ts';

const SOURCE_VERSION_TAG = 'tideline.source_version';
/** On the model: which version a push last moved the alias to; another one there was somebody else's decision. */
const aliasTag = (alias: string): string => `tideline.pushed_alias.${alias}`;
const PATIENCE_AT_START_MS = 1_500;

/** One push: runs first, then the versions that are made of them, then the aliases that point at those. */
export class ExperimentPush {
  readonly #from: ExperimentTracker;
  readonly #client: MlflowClient;
  readonly #options: PushOptions;
  readonly #runs: RunPush;
  /** Run ids on the server by run ids of the source; a dry run has those only that are there already. */
  readonly #runIds = new Map<string, string | undefined>();

  constructor(from: ExperimentTracker, address: string, options: PushOptions) {
    this.#from = from;
    this.#options = options;
    this.#client = new MlflowClient({ address, login: options.login });
    this.#runs = new RunPush(from, this.#client, options.dryRun === true);
  }

  async run(): Promise<PushReport> {
    const { address } = this.#client;
    await this.#around('look at the experiments', () => this.#client.experiments.probe(PATIENCE_AT_START_MS));
    const { experiment: wanted, dryRun = false } = this.#options;
    const all = await this.#from.listExperiments();
    const chosen = all.filter(({ name }) => wanted === undefined || name === wanted);
    if (wanted !== undefined && chosen.length === 0) {
      throw new PlatformError('NOT_FOUND', `expected an experiment (${all.map(({ name }) => name).join(', ')}), found '${wanted}'`);
    }
    const experiments: ({ readonly name: string } & PushedRuns)[] = [];
    for (const experiment of chosen) {
      experiments.push({ name: experiment.name, ...(await this.#around(`copy experiment ${experiment.name}`, () => this.#pushExperiment(experiment))) });
    }
    const versions: PushedVersion[] = [];
    const aliases: PushedAlias[] = [];
    for (const model of await this.#from.listModels()) {
      this.#options.signal?.throwIfAborted();
      await this.#around(`copy model ${model}`, () => this.#pushModel(model, versions, aliases));
    }
    return { address, dryRun, experiments, sent: this.#runs.sent, versions, aliases };
  }

  async #pushExperiment({ id, name }: Experiment): Promise<PushedRuns> {
    const { dryRun, onProgress, signal } = this.#options;
    const target = dryRun === true ? await this.#client.experiments.getByName(name) : await this.#client.experiments.ensure(name, EXPERIMENT_TAGS);
    if (target?.lifecycleStage === 'deleted') {
      throw new PlatformError('ALREADY_EXISTS', `EXPERIMENTS: experiment ${name} is deleted at ${this.#client.address}, and its name still taken; restore it there or end it for good (\`mlflow gc\`)`);
    }
    const there = await this.#runs.pushedTo(target?.experimentId);
    // Oldest first, so that an interrupted push leaves no gap.
    const runs = [...(await this.#from.listRuns(id))].reverse();
    const counts = { copied: 0, completed: 0, unchanged: 0 };
    for (const [i, run] of runs.entries()) {
      signal?.throwIfAborted();
      const { what, runId } = await this.#runs.push(run, target?.experimentId, there.get(run.id));
      this.#runIds.set(run.id, runId);
      counts[what]++;
      onProgress?.({ experiment: name, done: i + 1, total: runs.length });
    }
    return counts;
  }

  async #pushModel(model: string, versions: PushedVersion[], aliases: PushedAlias[]): Promise<void> {
    const numbers = new Map<string, string>();
    const there = new Map<string, string>();
    for await (const { version, tags } of this.#client.models.versions(model)) {
      const origin = tags.find(({ key }) => key === SOURCE_VERSION_TAG)?.value;
      if (origin !== undefined) there.set(origin, version);
    }
    const mine = (await this.#from.listVersions(model)).filter(({ runId }) => this.#options.experiment === undefined || this.#runIds.has(runId));
    for (const version of mine) {
      const pushed = await this.#pushVersion(version, there.get(originOf(version)));
      if (pushed.as !== undefined) numbers.set(version.version, pushed.as);
      versions.push(pushed);
    }
    for (const version of mine) for (const alias of version.aliases) aliases.push(await this.#pushAlias(model, alias, numbers.get(version.version)));
  }

  async #pushVersion(version: ModelVersion, known: string | undefined): Promise<PushedVersion> {
    const { name: model, version: number, runId, artifactPath } = version;
    if (known !== undefined) return { model, version: number, as: known, what: 'unchanged' };
    if (!this.#runIds.has(runId)) return { model, version: number, as: undefined, what: 'skipped', reason: `its run ${runId === '' ? artifactPath : runId} is not among the experiments copied` };
    const target = this.#runIds.get(runId);
    if (this.#options.dryRun === true || target === undefined) return { model, version: number, as: undefined, what: 'copied' };
    await this.#client.models.ensure(model);
    const tags = Object.entries(version.tags).map(([key, value]) => ({ key, value }));
    const identity = { key: SOURCE_VERSION_TAG, value: originOf(version) };
    const made = await this.#client.models.createVersion({ name: model, source: `runs:/${target}/${artifactPath}`, runId: target, tags, identity });
    return { model, version: number, as: made.version, what: 'copied' };
  }

  async #pushAlias(model: string, alias: string, version: string | undefined): Promise<PushedAlias> {
    const target = await this.#client.models.get(model);
    const now = target?.aliases.find((entry) => entry.alias === alias)?.version;
    const lastSet = target?.tags.find(({ key }) => key === aliasTag(alias))?.value;
    if (version === undefined) {
      const what = this.#options.dryRun === true && (now === undefined || now === lastSet) ? 'set' : 'kept';
      return { model, alias, version: now, what, ...(what === 'kept' ? { reason: 'the version it points at was not copied' } : {}) };
    }
    if (now !== version && now !== undefined && now !== lastSet && this.#options.moveAliases !== true) {
      return { model, alias, version: now, what: 'kept', reason: `it was set to version ${now} on the server, not by a push; --move-aliases would set it to ${version}` };
    }
    if (this.#options.dryRun !== true) {
      if (now !== version) await this.#client.models.setAlias(model, alias, version);
      // After the alias: a push killed in between finds the alias as it should be and only notes it.
      if (lastSet !== version) await this.#client.models.setModelTag(model, { key: aliasTag(alias), value: version });
    }
    return { model, alias, version, what: now === version ? 'unchanged' : 'set' };
  }

  async #around<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw isMlflowError(error) ? trackerError(error, what, this.#client.address) : error;
    }
  }
}

/** A version's origin: numbers alone would meet those of another folder. */
function originOf({ runId, version }: Pick<ModelVersion, 'runId' | 'version'>): string {
  return `${runId}/${version}`;
}
