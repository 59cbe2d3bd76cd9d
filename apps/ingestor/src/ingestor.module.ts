import { Module, type DynamicModule } from '@nestjs/common';
import { readTextFolders, type AppRuntime } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import { IngestorMetrics } from './ingestor-metrics.ts';
import { Ingestor, observeTogether } from './ingestor.ts';
import { logReplays } from './log-replays.ts';

/** Wires the ingestor's story into an app that runs. */
@Module({})
export class IngestorModule {
  static of({ doors, clock, logger, metrics, liveness, traces }: AppRuntime): DynamicModule {
    const open = async (): Promise<Ingestor> => {
      const watched = new IngestorMetrics(metrics, liveness, traces);
      const [log, registry] = [await doors.get('eventLog'), await doors.get('schemaRegistry')];
      const sources = sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES));
      return new Ingestor(
        { log, registry, clock, clockOf: (job) => watched.restingClock(clock, job), lockFolder: 'data/locks' },
        sources, observeTogether([logReplays(logger, clock), watched]),
      );
    };
    return { module: IngestorModule, providers: [{ provide: Ingestor, useFactory: open }] };
  }
}
