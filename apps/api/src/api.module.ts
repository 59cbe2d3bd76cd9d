import { Inject, Logger, Module, type BeforeApplicationShutdown, type DynamicModule, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { EventLog, ExperimentTracker, Metrics, type ObjectStore, type Clock, type Logger as JsonLogger, type Traces } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { Api, type DecodedTransition } from './api.ts';
import { EntitiesController } from './entities/entities.controller.ts';
import { HealthController } from './health/health.controller.ts';
import { Telemetry } from './health/telemetry.ts';
import { ModelCatalog } from './models/model-catalog.ts';
import { ModelStore } from './models/model-store.ts';
import { ModelsController } from './models/models.controller.ts';
import type { LoadedModel } from './models/served-model.ts';
import type { VisitLookup } from './models/visit-value-table.ts';
import { Forecaster } from './predict/forecaster.ts';
import { QualityController } from './quality/quality.controller.ts';
import { QualityReports } from './quality/quality-reports.ts';
import { LiveBoard } from './scores/live-board.ts';
import { LiveView } from './scores/live-view.ts';
import { ScoreStream } from './scores/score-stream.ts';
import { SourceCatalog } from './sources/source-catalog.ts';
import { SourcesController } from './sources/sources.controller.ts';

/** What the API is made of; the module closes neither door. */
export interface ApiParts {
  readonly log: EventLog;
  readonly tracker: ExperimentTracker;
  readonly clock: Clock;
  readonly sources: readonly Source[];
  readonly synthetic: readonly string[];
  readonly loadModel: (bytes: Uint8Array) => LoadedModel;
  readonly loadVisitValues: (bytes: Uint8Array) => VisitLookup;
  readonly decodeTransition: (bytes: Uint8Array) => DecodedTransition;
  /** Opens the store with the checks' reports when they are first asked for; without it there are none. */
  readonly openStore?: () => Promise<ObjectStore>;
  /** Made here when absent. */
  readonly metrics?: Metrics;
  readonly traces?: Traces | undefined;
  /** Takes what the framework has to say. */
  readonly logger?: JsonLogger;
  readonly pollMs?: number;
  readonly warn?: (message: string) => void;
}

const POLL_MS = 1500;
/** Records of each partition that are read from before the start. */
const NEWEST = 200_000;
const logger = new Logger('api');

@Module({})
export class ApiModule implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  constructor(
    @Inject(Api) private readonly api: Api,
    @Inject(ScoreStream) private readonly stream: ScoreStream,
  ) {}

  static of(parts: ApiParts): DynamicModule {
    const warn = parts.warn ?? ((message: string): void => logger.warn(message));
    const now = (): number => parts.clock.nowMs();
    const sources = new SourceCatalog(parts.sources, parts.synthetic);
    const board = new LiveBoard({ entityLimit: 50_000, transitionsPerEntity: 20, transitionBytes: 64 * 1024 * 1024, recentLimit: 1000, now: () => parts.clock.steadyMs() });
    const subjects = parts.sources.map((source) => ({ name: source.name, target: source.models.target, hasVisits: source.features.visit !== undefined }));
    const models = new ModelStore(parts.tracker, subjects, { loadModel: parts.loadModel, loadVisitValues: parts.loadVisitValues, pollMs: parts.pollMs ?? POLL_MS, now, warn });
    const view = new LiveView(parts.log, board, { sources: sources.names, newest: NEWEST, now, warn, onModelUpdate: () => void models.refresh() });
    const stream = new ScoreStream(parts.log, view);
    const telemetry = new Telemetry(parts.metrics ?? new Metrics('api'), {
      scores: () => sources.names.map((source) => ({ source, count: board.scoreCount(source), entities: board.entityCount(source) })),
      champions: () => models.champions().map(({ source, version }) => ({ source, version })),
      streams: () => stream.openCount,
    }, parts.traces && { traces: parts.traces, now });
    return {
      module: ApiModule,
      controllers: [HealthController, SourcesController, ModelsController, EntitiesController, QualityController],
      providers: [
        { provide: EventLog, useValue: parts.log },
        { provide: ExperimentTracker, useValue: parts.tracker },
        { provide: SourceCatalog, useValue: sources },
        { provide: ModelStore, useValue: models },
        { provide: LiveView, useValue: view },
        { provide: ScoreStream, useValue: stream },
        { provide: Telemetry, useValue: telemetry },
        { provide: QualityReports, useValue: new QualityReports(sources, parts.openStore) },
        { provide: Forecaster, useValue: new Forecaster(sources, models, board) },
        { provide: ModelCatalog, useValue: new ModelCatalog(parts.tracker, models) },
        { provide: Api, useValue: new Api(parts, sources, models, view, parts.decodeTransition) },
      ],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.api.open();
  }

  onModuleDestroy(): void {
    this.stream.close();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.api.close();
  }
}
