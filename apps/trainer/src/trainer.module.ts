import { Module, type DynamicModule } from '@nestjs/common';
import { Lake, type Sql } from '#tideline/lake';
import { readTextFolders, type AppRuntime } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import { openKernels } from './open-kernels.ts';
import { Schedule } from './schedule.ts';
import { watchTrainer } from './trainer-metrics.ts';
import { Trainer } from './trainer.ts';

/** Reading a training frame and judging give no sign of life between models. */
const STUCK_AFTER_MS = 1_800_000;

/** Wires the trainer's story and its schedule into an app that runs. */
@Module({})
export class TrainerModule {
  static of({ configuration, doors, clock, logger, metrics, liveness, traces }: AppRuntime, sql: Sql): DynamicModule {
    const open = async (): Promise<Schedule> => {
      const [log, store, tracker] = [await doors.get('eventLog'), await doors.get('objectStore'), await doors.get('experiments')];
      const sources = sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES));
      const kernels = await openKernels(configuration);
      logger.info({ ...kernels.facts }, 'models learn on these kernels');
      const trainer = new Trainer({ log, lake: new Lake(store), sql, tracker, clock, kernels });
      return new Schedule(trainer, sources, clock, logger, watchTrainer(metrics, liveness.loop('rounds', STUCK_AFTER_MS), traces));
    };
    return { module: TrainerModule, providers: [{ provide: Schedule, useFactory: open }] };
  }
}
