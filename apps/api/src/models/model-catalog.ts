import type { ExperimentTracker, ModelVersion, Run } from '#tideline/platform';
import { isPlatformError } from '#tideline/platform';
import { nearestName } from '../entities/nearest-name.ts';
import { Problem } from '../problems/problem.ts';
import type { ModelStore } from './model-store.ts';
import { groupMetrics, type MetricWithInterval } from './run-metrics.ts';

/** A registered version as the API shows it. */
export interface VersionDescription {
  readonly name: string;
  readonly version: string;
  readonly createdAt: string;
  readonly runId: string;
  readonly aliases: readonly string[];
  readonly kind: string | undefined;
  readonly metrics: Readonly<Record<string, MetricWithInterval>>;
  readonly baseline: Readonly<Record<string, MetricWithInterval>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

const VERSIONS_SHOWN = 50;

/** Reads the registry for people: what is registered, how good it was measured to be, and what it must beat. */
export class ModelCatalog {
  readonly #tracker: ExperimentTracker;
  readonly #store: ModelStore;
  /** Finished runs never change, so they are read once. */
  readonly #runs = new Map<string, Run>();

  constructor(tracker: ExperimentTracker, store: ModelStore) {
    this.#tracker = tracker;
    this.#store = store;
  }

  /** The models in force with all that a person wants to know before trusting one. */
  async champions(): Promise<readonly object[]> {
    return Promise.all(this.#store.champions().map(async (served) => {
      const run = await this.#run(served.runId);
      const { metrics, baseline } = groupMetrics(run?.metrics ?? {});
      return {
        source: served.source,
        name: served.name,
        version: served.version,
        kind: served.model.kind,
        task: served.model.task,
        target: served.target,
        features: served.model.featureNames,
        metrics,
        baseline,
        bytes: served.byteCount,
        loadedAt: new Date(served.loadedAtMs).toISOString(),
        runId: served.runId,
      };
    }));
  }

  async models(): Promise<readonly object[]> {
    const names = await this.#tracker.listModels();
    return Promise.all(names.map(async (name) => {
      const versions = await this.#tracker.listVersions(name);
      const champion = versions.find(({ aliases }) => aliases.includes('champion'));
      return { name, versions: versions.length, champion: champion?.version ?? null, latest: versions.at(-1)?.version ?? null };
    }));
  }

  /** Newest first, at most fifty; a 404 problem when no such model is registered. */
  async versions(name: string): Promise<readonly VersionDescription[]> {
    const versions = await this.#tracker.listVersions(name);
    if (versions.length === 0) {
      const known = await this.#tracker.listModels();
      const nearest = nearestName(name, known);
      throw new Problem(404, 'unknown-model', 'No such model', `expected a registered model (${known.join(', ') || 'none yet'}), found ${JSON.stringify(name)}`, nearest === undefined ? {} : { nearest });
    }
    return Promise.all([...versions].reverse().slice(0, VERSIONS_SHOWN).map((version) => this.#describe(version)));
  }

  /** Metrics of each model in force, by registered name. */
  async currentMetrics(): Promise<object> {
    const models = await Promise.all(this.#store.champions().map(async (served) => {
      const run = await this.#run(served.runId);
      return [served.name, { version: served.version, model_type: served.model.task, metrics: run?.metrics ?? {} }] as const;
    }));
    return { models: Object.fromEntries(models) };
  }

  async #describe(version: ModelVersion): Promise<VersionDescription> {
    const run = await this.#run(version.runId);
    const { metrics, baseline } = groupMetrics(run?.metrics ?? {});
    return {
      name: version.name,
      version: version.version,
      createdAt: new Date(version.createdAtMs).toISOString(),
      runId: version.runId,
      aliases: version.aliases,
      kind: version.tags['kind'] ?? run?.tags['kind'] ?? run?.params['kind'],
      metrics,
      baseline,
      params: run?.params ?? {},
      tags: version.tags,
    };
  }

  async #run(runId: string): Promise<Run | undefined> {
    const known = this.#runs.get(runId);
    if (known !== undefined) return known;
    try {
      const run = await this.#tracker.getRun(runId);
      if (run.status !== 'RUNNING') this.#runs.set(runId, run);
      return run;
    } catch (error) {
      if (isPlatformError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}
