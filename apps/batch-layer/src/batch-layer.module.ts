import { Module, type DynamicModule } from '@nestjs/common';
import { Lake, Sql } from '#tideline/lake';
import { readTextFolders, type AppRuntime } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import { watchBatchLayer } from './batch-layer-metrics.ts';
import { BatchLayer } from './batch-layer.ts';
import { Schedule } from './schedule.ts';

/** A table build's longest single statement on a small machine; until the next sign of life it may take so long. */
const STUCK_AFTER_MS = 1_800_000;

/** Wires the batch layer's story and its schedule into an app that runs. */
@Module({})
export class BatchLayerModule {
  static of({ doors, clock, logger, metrics, liveness, traces }: AppRuntime, sql: Sql): DynamicModule {
    const open = async (): Promise<Schedule> => {
      const [log, store] = [await doors.get('eventLog'), await doors.get('objectStore')];
      const [tracker, registry] = [await doors.get('experiments'), await doors.get('schemaRegistry')];
      const sources = sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES));
      const layer = new BatchLayer({ log, lake: new Lake(store), sql, tracker, registry, clock });
      return new Schedule(layer, sources, clock, logger, watchBatchLayer(metrics, liveness.loop('rounds', STUCK_AFTER_MS), traces));
    };
    return { module: BatchLayerModule, providers: [{ provide: Schedule, useFactory: open }] };
  }
}
