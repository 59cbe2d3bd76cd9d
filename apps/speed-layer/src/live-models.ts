import type { EventLog, ExperimentTracker, RecordBatch } from '#tideline/platform';
import { loadModel } from '#tideline/learning';
import { parseModelUpdate, VisitValues, type LiveModel, type ModelUpdate, type Source } from '#tideline/retention';
import { describeError, failureOf, MODEL_UPDATES, type EngineClock } from '#tideline/streaming';

/** Names an artifact in a commit's metadata, so that a restart finds it again. */
export type ArtifactName = Pick<ModelUpdate, 'name' | 'version' | 'runId' | 'artifactPath'>;

interface InForce<T> {
  readonly name: ArtifactName;
  readonly value: T;
}

/** What a source's partitions score with at the moment; each takes it over at its own next border. */
export interface SourceModels {
  readonly model: InForce<LiveModel> | undefined;
  readonly visitValues: InForce<VisitValues> | undefined;
}

const TOPIC = MODEL_UPDATES.topic;
const NONE: SourceModels = { model: undefined, visitValues: undefined };

/** Follows `model-updates` and keeps the newest champion of every source loaded. An artifact that does not load leaves the one before in force. */
export class LiveModels {
  readonly #log: EventLog;
  readonly #tracker: ExperimentTracker;
  readonly #clock: EngineClock;
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #warn: (message: string) => void;
  readonly #inForce = new Map<string, SourceModels>();
  /** Read from the topic but not loaded yet: the newest of each source and kind. */
  readonly #announced = new Map<string, ModelUpdate>();
  readonly #positions = new Map<number, number>();

  constructor(doors: { log: EventLog; tracker: ExperimentTracker; clock: EngineClock }, sources: readonly Source[], warn: (message: string) => void) {
    this.#log = doors.log;
    this.#tracker = doors.tracker;
    this.#clock = doors.clock;
    this.#sources = new Map(sources.map((source) => [source.name, source]));
    this.#warn = warn;
  }

  of(source: string): SourceModels {
    return this.#inForce.get(source) ?? NONE;
  }

  /** Takes over everything announced so far; of several announcements only the last of its kind is loaded. */
  async catchUp(): Promise<void> {
    for (const partition of await this.#partitions()) {
      for (;;) {
        const batches = await this.#log.read(TOPIC, partition, this.#positions.get(partition) ?? 0);
        if (batches.length === 0) break;
        for (const batch of batches) {
          for (const update of this.#championsIn(batch)) this.#announced.set(`${update.source}/${update.kind}`, update);
          this.#positions.set(partition, batch.baseOffset + batch.count);
        }
      }
    }
    for (const [key, update] of this.#announced) {
      await this.#take(update);
      this.#announced.delete(key);
    }
  }

  /** Goes on until the signal aborts; a door that fails is tried again. */
  async follow(signal: AbortSignal, everyMs = 250): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.catchUp();
      } catch (error) {
        if (failureOf(error) === undefined) throw error;
        this.#warn(`reading ${TOPIC}: ${describeError(error)}`);
      }
      await this.#clock.sleep(everyMs, signal);
    }
  }

  /** Loads what a commit names, unless something is in force already: announced on the log means newer. */
  async recall(source: string, kind: ModelUpdate['kind'], name: ArtifactName): Promise<void> {
    const { model, visitValues } = this.of(source);
    if ((kind === 'model' ? model : visitValues) === undefined) await this.#take({ source, kind, alias: 'champion', ...name });
  }

  *#championsIn(batch: RecordBatch): Iterable<ModelUpdate> {
    for (let i = 0; i < batch.count; i++) {
      const text = Buffer.from(batch.values.subarray(batch.valueOffsets[i], batch.valueOffsets[i + 1])).toString('utf8');
      const parsed = parseModelUpdate(text);
      if ('problem' in parsed) this.#warn(`${TOPIC} offset ${batch.baseOffset + i} is passed over: ${parsed.problem}`);
      else if (parsed.update.alias === 'champion') yield parsed.update;
    }
  }

  async #take(update: ModelUpdate): Promise<void> {
    const source = this.#sources.get(update.source);
    if (source === undefined) return;
    const { name, version, runId, artifactPath } = update;
    const before = this.of(update.source);
    const named = { name, version, runId, artifactPath };
    try {
      const bytes = await this.#artifact(update);
      const taken =
        update.kind === 'model'
          ? { model: { name: named, value: asLiveModel(update, source, bytes) } }
          : { visitValues: { name: named, value: VisitValues.load(bytes) } };
      this.#inForce.set(update.source, { ...before, ...taken });
    } catch (error) {
      if (failureOf(error)?.retriable === true) throw error;
      this.#warn(`${update.kind} ${name} version ${version} does not load and is passed over: ${describeError(error)}`);
    }
  }

  async #artifact({ runId, artifactPath }: ModelUpdate): Promise<Uint8Array> {
    const paths = await this.#tracker.listArtifacts(runId);
    const path = paths.find((candidate) => candidate === artifactPath) ?? soleModelUnder(artifactPath, paths);
    return this.#tracker.getArtifact(runId, path);
  }

  async #partitions(): Promise<readonly number[]> {
    const topic = (await this.#log.describeTopics()).find((description) => description.topic === TOPIC);
    return topic === undefined ? [] : topic.partitions.map(({ partition }) => partition);
  }
}

/** A registered model's folder may hold descriptions beside the model; ours ends in `.bin`, visit values in `.json`. */
function soleModelUnder(folder: string, paths: readonly string[]): string {
  const inside = paths.filter((path) => path.startsWith(`${folder}/`));
  const candidates = inside.filter((path) => path.endsWith('.bin'));
  const chosen = candidates.length > 0 ? candidates : inside.filter((path) => path.endsWith('.json'));
  if (chosen.length !== 1) throw new Error(`expected one model in ${folder}, found ${inside.length === 0 ? 'nothing' : inside.join(', ')}`);
  return chosen[0];
}

function asLiveModel({ name, version }: ModelUpdate, source: Source, bytes: Uint8Array): LiveModel {
  const fitted = loadModel(bytes);
  const known = new Set(source.features.features.map((feature) => feature.name));
  const missing = fitted.featureNames.filter((feature) => !known.has(feature));
  if (missing.length > 0) throw new Error(`expected a model on features of ${source.name}, found ${missing.join(', ')}`);
  return {
    name,
    version,
    kind: fitted.kind,
    target: source.models.target,
    featureNames: fitted.featureNames,
    assess: (features, contributions) => fitted.assessRow(features, contributions),
  };
}
