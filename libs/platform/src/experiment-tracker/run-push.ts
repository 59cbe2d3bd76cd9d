import { createHash } from 'node:crypto';
import type { ExperimentTracker, Metric, Run } from './experiment-tracker.ts';
import { filterTag, type MlflowClient, type MlflowRun, type MlflowTag } from './mlflow/index.ts';

const SOURCE_RUN_TAG = 'tideline.source_run_id';
/** Written last: a run that has it was copied wholly, as it was then. */
const DIGEST_TAG = 'tideline.source_digest';

/** What became of one run, and its id on the server, if it has one. */
interface PushedRun {
  readonly what: 'copied' | 'completed' | 'unchanged';
  readonly runId: string | undefined;
}

interface RunContent {
  readonly metrics: readonly Metric[];
  readonly artifacts: ReadonlyMap<string, Uint8Array>;
  readonly digest: string;
}

/** Copies single runs, each so that it can be interrupted anywhere and repeated. */
export class RunPush {
  readonly #from: ExperimentTracker;
  readonly #client: MlflowClient;
  readonly #dryRun: boolean;
  readonly #sent = { metrics: 0, artifacts: 0, bytes: 0 };

  constructor(from: ExperimentTracker, client: MlflowClient, dryRun: boolean) {
    this.#from = from;
    this.#client = client;
    this.#dryRun = dryRun;
  }

  get sent(): { readonly metrics: number; readonly artifacts: number; readonly bytes: number } {
    return this.#sent;
  }

  /** Runs of earlier pushes in an experiment of the server, by the id of their source. */
  async pushedTo(experimentId: string | undefined): Promise<ReadonlyMap<string, MlflowRun>> {
    const runs = new Map<string, MlflowRun>();
    if (experimentId === undefined) return runs;
    for await (const run of this.#client.runs.search({ experimentIds: [experimentId], filter: `${filterTag(SOURCE_RUN_TAG)} LIKE '%'` })) {
      const origin = tagOf(run, SOURCE_RUN_TAG);
      if (origin !== undefined) runs.set(origin, run);
    }
    return runs;
  }

  async push(run: Run, experimentId: string | undefined, there: MlflowRun | undefined): Promise<PushedRun> {
    const content = await this.#read(run);
    if (there !== undefined && tagOf(there, DIGEST_TAG) === content.digest) return { what: 'unchanged', runId: there.info.runId };
    const what = there === undefined ? 'copied' : 'completed';
    if (this.#dryRun || experimentId === undefined) {
      this.#count(content.metrics.length, content.artifacts);
      return { what, runId: there?.info.runId };
    }
    const tags = Object.entries(run.tags).map(([key, value]) => ({ key, value }));
    const identity = { key: SOURCE_RUN_TAG, value: run.id };
    const target = there ?? (await this.#client.runs.create({ experimentId, name: run.name, startTimeMs: run.startedAtMs, tags, identity }));
    await this.#fill(run, content, target, tags, there !== undefined);
    return { what, runId: target.info.runId };
  }

  async #fill(run: Run, { metrics, artifacts, digest }: RunContent, target: MlflowRun, tags: readonly MlflowTag[], again: boolean): Promise<void> {
    const { runs } = this.#client;
    const { runId } = target.info;
    const missing = again ? await this.#missing(runId, metrics) : metrics;
    const params = Object.entries(run.params).map(([key, value]) => ({ key, value }));
    await runs.logBatch(runId, { params, tags: again ? tags : [], metrics: missing.map(({ name, ...metric }) => ({ key: name, ...metric })) });
    for (const [path, bytes] of artifacts) await this.#client.artifacts.put(target.info, path, bytes);
    this.#count(missing.length, artifacts);
    await runs.update(runId, { status: run.status, ...(run.endedAtMs === undefined ? {} : { endTimeMs: run.endedAtMs }) });
    await runs.logBatch(runId, { tags: [{ key: DIGEST_TAG, value: digest }] });
  }

  async #missing(runId: string, metrics: readonly Metric[]): Promise<readonly Metric[]> {
    const there = new Set<string>();
    for (const name of new Set(metrics.map((metric) => metric.name))) {
      for await (const { key, value, timestampMs, step } of this.#client.runs.metricHistory(runId, name)) there.add(`${key} ${timestampMs} ${value} ${step}`);
    }
    return metrics.filter(({ name, value, timestampMs, step }) => !there.has(`${name} ${timestampMs} ${value} ${step}`));
  }

  async #read(run: Run): Promise<RunContent> {
    const metrics: Metric[] = [];
    for (const name of Object.keys(run.metrics).sort()) metrics.push(...(await this.#from.metricHistory(run.id, name)));
    const artifacts = new Map<string, Uint8Array>();
    for (const path of await this.#from.listArtifacts(run.id)) artifacts.set(path, await this.#from.getArtifact(run.id, path));
    const hash = createHash('sha256').update(JSON.stringify([run.name, run.status, run.startedAtMs, run.endedAtMs ?? null, sorted(run.params), sorted(run.tags)]));
    // JSON has no NaN, so metrics are written as text.
    for (const { name, value, timestampMs, step } of metrics) hash.update(`\n${name} ${timestampMs} ${value} ${step}`);
    for (const [path, bytes] of artifacts) hash.update(`\n${path} ${bytes.byteLength} `).update(bytes);
    return { metrics, artifacts, digest: hash.digest('hex') };
  }

  #count(metrics: number, artifacts: ReadonlyMap<string, Uint8Array>): void {
    this.#sent.metrics += metrics;
    this.#sent.artifacts += artifacts.size;
    for (const bytes of artifacts.values()) this.#sent.bytes += bytes.byteLength;
  }
}

function tagOf(run: MlflowRun, key: string): string | undefined {
  return run.tags.find((tag) => tag.key === key)?.value;
}

function sorted(values: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}
