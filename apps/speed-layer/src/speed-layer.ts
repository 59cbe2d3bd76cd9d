import { strict as assert } from 'node:assert';
import type { EventLog, ExperimentTracker, ObjectStore, SchemaRegistry } from '#tideline/platform';
import { registeredCodec, SourceProcessor, transitionSchema, type RecordCodec, type Source } from '#tideline/retention';
import { systemTopics } from '#tideline/streaming';
import type { CommitFacts, EngineClock, GroupOptions, PartitionLimits, PartitionWork, ProcessorOutput, Steering, TopicPartition } from '#tideline/streaming';
import { CHURN_SCORE_SCHEMA } from './churn-score-schema.ts';
import type { Delivery } from './event-log-server.ts';
import { LiveModels, type ArtifactName, type SourceModels } from './live-models.ts';
import type { SpeedLayerMetrics } from './speed-layer-metrics.ts';

/** The outside world of the speed layer. */
export interface SpeedLayerDoors {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly tracker: ExperimentTracker;
  readonly registry: SchemaRegistry;
  readonly clock: EngineClock;
}

/** Told what people should know, as sentences. */
export interface SpeedLayerReport {
  info(message: string): void;
  warn(message: string): void;
}

export const GROUP = 'speed-layer';

/**
 * Keeps every entity's rolling state, reward and live churn score current: one processor per partition of `raw.<source>`, champions taken
 * from `model-updates` at batch borders.
 */
export class SpeedLayer {
  readonly #doors: SpeedLayerDoors;
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #models: LiveModels;
  readonly #metrics: SpeedLayerMetrics;
  readonly #report: SpeedLayerReport;
  readonly #limits: Partial<PartitionLimits>;
  readonly #stop = new AbortController();
  readonly #schemas = new Map<string, { codec: RecordCodec; transitionSchemaId: number }>();
  #following: Promise<void> | undefined;

  constructor(
    doors: SpeedLayerDoors,
    sources: readonly Source[],
    metrics: SpeedLayerMetrics,
    report: SpeedLayerReport,
    limits: Partial<PartitionLimits> = {},
  ) {
    this.#doors = doors;
    this.#limits = limits;
    this.#sources = new Map(sources.map((source) => [`raw.${source.name}`, source]));
    this.#models = new LiveModels(doors, sources, (message) => report.warn(message));
    this.#metrics = metrics;
    this.#report = report;
  }

  /** Topics, schemas and the models announced so far; after it partitions may be opened. */
  async prepare(): Promise<void> {
    await this.#ensureTopics();
    await this.#registerSchemas();
    await this.#models.catchUp();
    this.#following = this.#models.follow(this.#stop.signal);
  }

  /** What the transport runs. */
  group(): Omit<GroupOptions, 'signal'> {
    const { log, store, clock } = this.#doors;
    return { log, store, clock, limits: this.#limits, group: GROUP, topics: [...this.#sources.keys()], open: (at) => this.#open(at) };
  }

  /** One batch of one partition: state, transitions, scores, late records. */
  process({ processor, batch, emit }: Delivery): ProcessorOutput | Promise<ProcessorOutput> {
    return processor.process(batch, emit);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  async #ensureTopics(): Promise<void> {
    const sources = [...this.#sources.values()];
    await this.#doors.log.ensureTopics(systemTopics(sources.map(({ name, deployment }) => ({ name, partitions: deployment.partitions }))));
  }

  async #registerSchemas(): Promise<void> {
    const { registry } = this.#doors;
    await registry.register('churn-scores-value', CHURN_SCORE_SCHEMA, 'JSON');
    for (const [topic, source] of this.#sources) {
      const codec = await registeredCodec(source, registry);
      const transitionSchemaId = await registry.register(`transitions.${source.name}-value`, transitionSchema(source), 'AVRO');
      this.#schemas.set(topic, { codec, transitionSchemaId });
    }
  }

  #open({ topic, partition }: TopicPartition): PartitionWork {
    const source = this.#sources.get(topic);
    const schemas = this.#schemas.get(topic);
    assert(source !== undefined && schemas !== undefined, `${topic} is not a topic of this group`);
    const processor = new SourceProcessor(source, { partition, ...schemas });
    const observer = this.#metrics.observerOf({ at: { topic, partition }, state: processor, report: this.#report });
    return { processor, steering: this.#steering(source.name, processor), observer };
  }

  /** Hands the processor what is in force at each border, and has the commit say what that was. */
  #steering(source: string, processor: SourceProcessor): Steering {
    const models = this.#models;
    let applied: SourceModels | undefined;
    return {
      resume: async (facts) => {
        const named = facts as CommittedNames | undefined;
        if (named?.model) await models.recall(source, 'model', named.model);
        if (named?.visitValues) await models.recall(source, 'visit-values', named.visitValues);
      },
      border: (): CommitFacts => {
        const inForce = models.of(source);
        if (inForce !== applied) {
          processor.useModel(inForce.model?.value);
          processor.useVisitValues(inForce.visitValues?.value);
          applied = inForce;
        }
        return { model: inForce.model?.name ?? null, visitValues: inForce.visitValues?.name ?? null };
      },
    };
  }
}

interface CommittedNames {
  readonly model?: ArtifactName | null;
  readonly visitValues?: ArtifactName | null;
}
