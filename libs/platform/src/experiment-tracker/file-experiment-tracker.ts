import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { PlatformError } from '../errors.ts';
import { lockWhenFree } from '../file-lock/file-lock.ts';
import {
  ExperimentTracker,
  type Experiment,
  type Metric,
  type ModelVersion,
  type Run,
  type RunData,
  type RunStatus,
} from './experiment-tracker.ts';
import { FileModelRegistry } from './file-model-registry.ts';
import { experimentMeta, metricLine, parseMeta, parseMetricLines, parseRunMeta, runMeta, textOf, type RunMeta } from './mlflow-files.ts';
import { MlflowFolder } from './mlflow-folder.ts';
import { checkName, checkRunData, lastValues, noSuchRun, parameterChanged } from './tracking-rules.ts';

/**
 * Experiments in MLflow's own folder layout: `mlflow ui --backend-store-uri file:///…` opens it. Registry, artifacts and ended runs
 * are durable; what a running run has logged survives a killed process, but perhaps not a lost power line.
 */
export class FileExperimentTracker extends ExperimentTracker {
  readonly #folder: MlflowFolder;
  readonly #models: FileModelRegistry;
  readonly #experimentOfRun = new Map<string, string>();

  private constructor(root: string) {
    super();
    this.#folder = new MlflowFolder(resolve(root));
    this.#models = new FileModelRegistry(this.#folder);
  }

  /** Makes the folder when missing and removes what killed processes left half done. */
  static async open(root: string): Promise<FileExperimentTracker> {
    const tracker = new FileExperimentTracker(root);
    await tracker.#folder.prepare(Date.now());
    return tracker;
  }

  async ensureExperiment(name: string): Promise<Experiment> {
    const known = await this.#findExperiment(name);
    if (known !== undefined) return known;
    // Folders are named by number, so only a lock keeps two processes from making the same name twice.
    const lock = await lockWhenFree(join(this.#folder.root, '.lock'), `making an experiment in ${this.#folder.root}`, 10_000);
    try {
      const made = await this.#findExperiment(name);
      if (made !== undefined) return made;
      for (let id = 1; ; id++) {
        const path = join(this.#folder.root, String(id));
        const content = { 'meta.yaml': experimentMeta(path, String(id), name, Date.now()) };
        if (await this.#folder.makeFolderIfAbsent(path, content)) return { id: String(id), name };
      }
    } finally {
      lock.release();
    }
  }

  async listExperiments(): Promise<readonly Experiment[]> {
    const experiments: Experiment[] = [];
    for await (const experiment of this.#experiments()) experiments.push(experiment);
    return experiments;
  }

  async startRun(experimentId: string, name: string, tags: Readonly<Record<string, string>> = {}): Promise<Run> {
    checkRunData({ tags });
    if ((await this.#folder.readText(join(this.#folder.root, experimentId, 'meta.yaml'))) === undefined) {
      throw new PlatformError('NOT_FOUND', `no experiment ${experimentId} in ${this.#folder.root}`);
    }
    const id = randomUUID().replaceAll('-', '');
    const path = join(this.#folder.root, experimentId, id);
    const meta: RunMeta = { id, experimentId, name, status: 'RUNNING', startedAtMs: Date.now(), endedAtMs: undefined };
    const content: Record<string, string> = { 'meta.yaml': runMeta(path, meta) };
    for (const [tag, value] of Object.entries({ ...tags, 'mlflow.runName': name })) content[`tags/${tag}`] = value;
    await this.#folder.makeFolderIfAbsent(path, content);
    return this.getRun(id);
  }

  async logRun(runId: string, data: RunData): Promise<void> {
    checkRunData(data);
    const path = await this.#runPath(runId);
    const params = Object.entries(data.params ?? {});
    // Refused before anything is written; two processes that write one parameter at once meet in `makeFileIfAbsent`.
    for (const [name, value] of params) await this.#checkParameter(runId, path, name, value);
    for (const [name, value] of params) {
      if (!(await this.#folder.makeFileIfAbsent(join(path, 'params', name), value))) await this.#checkParameter(runId, path, name, value);
    }
    for (const [name, value] of Object.entries(data.tags ?? {})) await this.#folder.replaceFile(join(path, 'tags', name), value);
    const lines = new Map<string, string>();
    for (const metric of data.metrics ?? []) lines.set(metric.name, (lines.get(metric.name) ?? '') + metricLine(metric));
    for (const [name, text] of lines) await this.#folder.append(join(path, 'metrics', name), text);
  }

  async endRun(runId: string, status: Exclude<RunStatus, 'RUNNING'>): Promise<void> {
    const path = await this.#runPath(runId);
    await this.#folder.syncFiles(join(path, 'metrics'));
    const meta = await this.#runMeta(path);
    await this.#folder.replaceFile(join(path, 'meta.yaml'), runMeta(path, { ...meta, status, endedAtMs: Date.now() }));
  }

  async getRun(runId: string): Promise<Run> {
    return this.#readRun(await this.#runPath(runId));
  }

  async listRuns(experimentId: string, limit = Infinity): Promise<readonly Run[]> {
    const paths = (await this.#runIds(experimentId)).map((id) => join(this.#folder.root, experimentId, id));
    const metas = await Promise.all(paths.map(async (path) => ({ path, meta: await this.#runMeta(path) })));
    metas.sort((a, b) => b.meta.startedAtMs - a.meta.startedAtMs);
    const runs: Run[] = [];
    for (const { path } of metas.slice(0, limit)) runs.push(await this.#readRun(path));
    return runs;
  }

  async metricHistory(runId: string, name: string): Promise<readonly Metric[]> {
    checkName('metric', name);
    return this.#readMetric(join(await this.#runPath(runId), 'metrics'), name);
  }

  async putArtifact(runId: string, path: string, bytes: Uint8Array): Promise<void> {
    checkName('artifact', path);
    await this.#folder.replaceFile(join(await this.#runPath(runId), 'artifacts', path), bytes);
  }

  async getArtifact(runId: string, path: string): Promise<Uint8Array> {
    checkName('artifact', path);
    const bytes = await this.#folder.readBytes(join(await this.#runPath(runId), 'artifacts', path));
    if (bytes === undefined) throw new PlatformError('NOT_FOUND', `run ${runId} has no artifact ${path}`);
    return new Uint8Array(bytes);
  }

  async listArtifacts(runId: string): Promise<readonly string[]> {
    return this.#folder.filePaths(join(await this.#runPath(runId), 'artifacts'));
  }

  async registerVersion(name: string, runId: string, artifactPath: string, tags: Readonly<Record<string, string>> = {}): Promise<ModelVersion> {
    checkName('artifact folder', artifactPath);
    checkRunData({ tags });
    await this.#runPath(runId);
    return this.#models.register(name, runId, artifactPath, tags, Date.now());
  }

  getVersion(name: string, version: string): Promise<ModelVersion> {
    return this.#models.version(name, version);
  }

  versionByAlias(name: string, alias: string): Promise<ModelVersion | undefined> {
    return this.#models.versionByAlias(name, alias);
  }

  listVersions(name: string): Promise<readonly ModelVersion[]> {
    return this.#models.versions(name);
  }

  listModels(): Promise<readonly string[]> {
    return this.#models.names();
  }

  setAlias(name: string, alias: string, version: string): Promise<void> {
    return this.#models.setAlias(name, alias, version);
  }

  deleteAlias(name: string, alias: string): Promise<void> {
    return this.#models.deleteAlias(name, alias);
  }

  async close(): Promise<void> {}

  async #findExperiment(name: string): Promise<Experiment | undefined> {
    for await (const experiment of this.#experiments()) if (experiment.name === name) return experiment;
    return undefined;
  }

  /** Those that nobody deleted, by number. */
  async *#experiments(): AsyncGenerator<Experiment> {
    const ids = (await this.#folder.folderNames(this.#folder.root)).filter((id) => /^\d+$/.test(id));
    for (const id of ids.sort((a, b) => Number(a) - Number(b))) {
      const path = join(this.#folder.root, id, 'meta.yaml');
      const text = await this.#folder.readText(path);
      const meta = text === undefined ? undefined : parseMeta(text, path);
      if (meta !== undefined && meta['lifecycle_stage'] !== 'deleted') yield { id, name: textOf(meta, 'name') };
    }
  }

  async #runIds(experimentId: string): Promise<readonly string[]> {
    const names = await this.#folder.folderNames(join(this.#folder.root, experimentId));
    return names.filter((name) => /^[0-9a-f]{32}$/.test(name));
  }

  async #runPath(runId: string): Promise<string> {
    if (!/^[0-9a-f]{32}$/.test(runId)) throw noSuchRun(runId);
    const known = this.#experimentOfRun.get(runId);
    if (known !== undefined) return join(this.#folder.root, known, runId);
    for (const experimentId of await this.#folder.folderNames(this.#folder.root)) {
      const path = join(this.#folder.root, experimentId, runId);
      if (!/^\d+$/.test(experimentId) || (await this.#folder.readText(join(path, 'meta.yaml'))) === undefined) continue;
      this.#experimentOfRun.set(runId, experimentId);
      return path;
    }
    throw noSuchRun(runId);
  }

  async #runMeta(path: string): Promise<RunMeta> {
    const file = join(path, 'meta.yaml');
    const text = await this.#folder.readText(file);
    if (text === undefined) throw new PlatformError('NOT_FOUND', `expected ${file}, found nothing`);
    return parseRunMeta(parseMeta(text, file), file);
  }

  async #readRun(path: string): Promise<Run> {
    const meta = await this.#runMeta(path);
    const texts = async (kind: 'params' | 'tags'): Promise<Record<string, string>> => {
      const found: Record<string, string> = {};
      for (const name of await this.#folder.filePaths(join(path, kind))) found[name] = (await this.#folder.readText(join(path, kind, name))) ?? '';
      return found;
    };
    const metrics: Metric[] = [];
    const folder = join(path, 'metrics');
    for (const name of await this.#folder.filePaths(folder)) metrics.push(...(await this.#readMetric(folder, name)));
    return { ...meta, metrics: lastValues(metrics), params: await texts('params'), tags: await texts('tags') };
  }

  async #readMetric(folder: string, name: string): Promise<readonly Metric[]> {
    const path = join(folder, name);
    return parseMetricLines(name, (await this.#folder.readText(path)) ?? '', path);
  }

  async #checkParameter(runId: string, path: string, name: string, value: string): Promise<void> {
    const before = await this.#folder.readText(join(path, 'params', name));
    if (before !== undefined && before !== value) throw parameterChanged(runId, name, before, value);
  }
}
