import type { ExperimentTracker, ModelVersion } from '#tideline/platform';
import { isPlatformError } from '#tideline/platform';
import { churnModelName, visitValuesName, type LoadedModel, type ServedModel } from './served-model.ts';
import { groupsNamedIn, type VisitLookup, type VisitValueTable } from './visit-value-table.ts';

/** What the store needs to know of a source. */
export interface ModelSubject {
  readonly name: string;
  readonly target: string;
  /** Whether visit values are kept for it. */
  readonly hasVisits: boolean;
}

export interface ModelStoreOptions {
  /** Throws when the bytes are no model. */
  readonly loadModel: (bytes: Uint8Array) => LoadedModel;
  /** Throws when the bytes are no visit values. */
  readonly loadVisitValues: (bytes: Uint8Array) => VisitLookup;
  readonly pollMs: number;
  readonly now: () => number;
  readonly warn: (message: string) => void;
}

const VERSIONS_KEPT = 8;

/**
 * The models that answer: follows the alias `champion` of each source's registered model and swaps a newly loaded version in
 * between two requests. A version that does not load is reported once and the one before it stays.
 */
export class ModelStore {
  readonly #tracker: ExperimentTracker;
  readonly #subjects: readonly ModelSubject[];
  readonly #options: ModelStoreOptions;
  readonly #champions = new Map<string, ServedModel>();
  readonly #visitValues = new Map<string, VisitValueTable>();
  /** Versions asked for by number, oldest use first. */
  readonly #versions = new Map<string, ServedModel>();
  readonly #refused = new Set<string>();
  #lastProblem: string | undefined;
  #refreshing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(tracker: ExperimentTracker, subjects: readonly ModelSubject[], options: ModelStoreOptions) {
    this.#tracker = tracker;
    this.#subjects = subjects;
    this.#options = options;
  }

  /** The model in force for a source. */
  champion(source: string): ServedModel | undefined {
    return this.#champions.get(source);
  }

  champions(): readonly ServedModel[] {
    return [...this.#champions.values()];
  }

  visitValues(source: string): VisitValueTable | undefined {
    return this.#visitValues.get(source);
  }

  /** Why the tracker could not be asked the last time, or undefined when it could. */
  get problem(): string | undefined {
    return this.#lastProblem;
  }

  /** Looks now and then every `pollMs`; the first look decides what the first request sees. */
  async follow(): Promise<void> {
    await this.refresh();
    this.#timer = setInterval(() => void this.refresh(), this.#options.pollMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Asks the tracker for every alias; calls that come while one is under way share it. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refreshAll().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refreshAll(): Promise<void> {
    try {
      for (const subject of this.#subjects) {
        await this.#refreshChampion(subject);
        if (subject.hasVisits) await this.#refreshVisitValues(subject.name);
      }
      this.#lastProblem = undefined;
    } catch (error) {
      this.#lastProblem = error instanceof Error ? error.message : String(error);
    }
  }

  async #refreshChampion(subject: ModelSubject): Promise<void> {
    const version = await this.#tracker.versionByAlias(churnModelName(subject.name), 'champion');
    const current = this.#champions.get(subject.name);
    if (version === undefined) {
      this.#champions.delete(subject.name);
      return;
    }
    if (current?.version === version.version && current.runId === version.runId) return;
    const served = await this.#load(subject, version);
    if (served !== undefined) this.#champions.set(subject.name, served);
  }

  async #refreshVisitValues(source: string): Promise<void> {
    const name = visitValuesName(source);
    const version = (await this.#tracker.versionByAlias(name, 'champion')) ?? (await this.#tracker.listVersions(name)).at(-1);
    if (version === undefined || version.version === this.#visitValues.get(source)?.version || this.#refused.has(`${name}@${version.version}`)) return;
    const bytes = await this.#tracker.getArtifact(version.runId, artifactFile(version, 'visit-values.json'));
    try {
      this.#visitValues.set(source, { name, version: version.version, lookup: this.#options.loadVisitValues(bytes), groups: groupsNamedIn(bytes) });
    } catch (error) {
      this.#refuse(`${name}@${version.version}`, error);
    }
  }

  async #load(subject: ModelSubject, version: ModelVersion): Promise<ServedModel | undefined> {
    const id = `${version.name}@${version.version}`;
    if (this.#refused.has(id)) return undefined;
    const bytes = await this.#tracker.getArtifact(version.runId, artifactFile(version, 'model.bin'));
    try {
      const model = this.#options.loadModel(bytes);
      return {
        name: version.name,
        version: version.version,
        source: subject.name,
        target: subject.target,
        runId: version.runId,
        loadedAtMs: this.#options.now(),
        byteCount: bytes.byteLength,
        model,
        featureIndex: new Map(model.featureNames.map((name, index) => [name, index])),
      };
    } catch (error) {
      this.#refuse(id, error);
      return undefined;
    }
  }

  #refuse(id: string, error: unknown): void {
    this.#refused.add(id);
    this.#options.warn(`${id} does not load and is left out: ${error instanceof Error ? error.message : String(error)}`);
  }

  /** One version by number, loaded on first use; undefined when the registry does not have it or it does not load. */
  async version(source: string, version: string): Promise<ServedModel | undefined> {
    const subject = this.#subjects.find((candidate) => candidate.name === source);
    if (subject === undefined) return undefined;
    const champion = this.#champions.get(source);
    if (champion?.version === version) return champion;
    const id = `${source}@${version}`;
    let served = this.#versions.get(id);
    if (served === undefined) {
      try {
        served = await this.#load(subject, await this.#tracker.getVersion(churnModelName(source), version));
      } catch (error) {
        if (isPlatformError(error, 'NOT_FOUND')) return undefined;
        throw error;
      }
    }
    if (served === undefined) return undefined;
    this.#versions.delete(id);
    this.#versions.set(id, served);
    if (this.#versions.size > VERSIONS_KEPT) this.#versions.delete(this.#versions.keys().next().value!);
    return served;
  }
}

function artifactFile(version: ModelVersion, file: string): string {
  return version.artifactPath.endsWith(file) ? version.artifactPath : `${version.artifactPath}/${file}`;
}
