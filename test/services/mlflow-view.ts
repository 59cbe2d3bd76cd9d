import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import type { ExperimentTracker } from '#tideline/platform';

interface RunView {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly start: number;
  readonly end: number | null;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** Time, value, step; NaN and infinities as Python writes them. */
  readonly metrics: Readonly<Record<string, readonly (readonly [number, number | string, number])[]>>;
  readonly last: Readonly<Record<string, number | string>>;
  readonly artifacts: readonly (readonly [string, number])[];
}

/** Everything in a tracking store. */
export interface TrackingView {
  readonly experiments: readonly { readonly name: string; readonly runs: readonly RunView[] }[];
  readonly models: readonly {
    readonly name: string;
    readonly aliases: Readonly<Record<string, string>>;
    readonly versions: readonly { readonly version: string; readonly run: string; readonly source: string; readonly status: string; readonly tags: Readonly<Record<string, string>> }[];
  }[];
}

/** As MLflow's own client sees it: `file:///folder` or a server's address. */
export async function viewOfMlflow(python: string, uri: string): Promise<TrackingView> {
  const script = fileURLToPath(new URL('./mlflow-reader.py', import.meta.url));
  const env = { ...process.env, MLFLOW_ALLOW_FILE_STORE: 'true', MLFLOW_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: 'true' };
  const { stdout } = await promisify(execFile)(python, [script, uri], { env, maxBuffer: 64e6 });
  return JSON.parse(stdout) as TrackingView;
}

/** As one of our trackers sees it; a new experiment store of MLflow also holds an empty one called Default. */
export async function viewOfTracker(tracker: ExperimentTracker): Promise<TrackingView> {
  const number = (value: number): number | string => (Number.isNaN(value) ? 'nan' : Number.isFinite(value) ? value : value > 0 ? 'inf' : '-inf');
  const experiments = [];
  for (const { id, name } of await tracker.listExperiments()) {
    const runs: RunView[] = [];
    for (const run of [...(await tracker.listRuns(id))].reverse()) {
      const metrics: Record<string, [number, number | string, number][]> = {};
      for (const key of Object.keys(run.metrics)) metrics[key] = (await tracker.metricHistory(run.id, key)).map(({ timestampMs, value, step }) => [timestampMs, number(value), step]);
      const artifacts: [string, number][] = [];
      for (const path of await tracker.listArtifacts(run.id)) artifacts.push([path, (await tracker.getArtifact(run.id, path)).byteLength]);
      runs.push({
        id: run.id, name: run.name, status: run.status, start: run.startedAtMs, end: run.endedAtMs ?? null, params: run.params, tags: run.tags, metrics,
        last: Object.fromEntries(Object.entries(run.metrics).map(([key, value]) => [key, number(value)])), artifacts,
      });
    }
    experiments.push({ name, runs });
  }
  const models = [];
  for (const name of await tracker.listModels()) {
    const versions = await tracker.listVersions(name);
    const aliases = versions.flatMap((version) => version.aliases.map((alias) => [alias, version.version] as const));
    models.push({
      name, aliases: Object.fromEntries(aliases),
      versions: versions.map(({ version, runId, artifactPath, tags }) => ({ version, run: runId, source: `runs:/${runId}/${artifactPath}`, status: 'READY', tags })),
    });
  }
  return { experiments: experiments.sort((a, b) => (a.name < b.name ? -1 : 1)), models };
}

/** Without what a copy may not have: run ids, where versions come from, and the tags that a push leaves. */
export function contentOf({ experiments, models }: TrackingView): unknown {
  const names = new Map(experiments.flatMap(({ runs }) => runs.map((run) => [run.id, run.name] as const)));
  const ours = (tags: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(tags).filter(([key]) => !/^tideline\.(source_|pushed_)|^mlflow\.tideline\./.test(key)));
  return {
    experiments: experiments.filter(({ runs }) => runs.length > 0).map(({ name, runs }) => ({ name, runs: runs.map(({ id: _, ...run }) => ({ ...run, tags: ours(run.tags) })) })),
    models: models.map((model) => ({
      ...model, versions: model.versions.map(({ run, source, tags, ...version }) => ({ ...version, run: names.get(run), source: source.replace(run, names.get(run) ?? '?'), tags: ours(tags) })),
    })),
  };
}
