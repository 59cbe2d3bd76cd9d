import { Catch, Controller, Module, UseFilters, type DynamicModule, type RpcExceptionFilter } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import { readTextFolders, type AppRuntime } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import type { ProcessorOutput } from '#tideline/streaming';
import { RECORDS, type Delivery } from './event-log-server.ts';
import { readLimits } from './speed-layer-limits.ts';
import { SpeedLayerMetrics } from './speed-layer-metrics.ts';
import { SpeedLayer } from './speed-layer.ts';

/** Lets a failure through as it is: it ends the group, and the engine must see what kind it is. */
@Catch()
class RethrowFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/** Takes the batches that the transport hands over. */
@Controller()
@UseFilters(RethrowFilter)
class RecordsController {
  readonly #speedLayer: SpeedLayer;

  constructor(speedLayer: SpeedLayer) {
    this.#speedLayer = speedLayer;
  }

  @MessagePattern(RECORDS)
  process(@Payload() delivery: Delivery): ProcessorOutput | Promise<ProcessorOutput> {
    return this.#speedLayer.process(delivery);
  }
}

/** Wires the speed layer's story into an app that runs. */
@Module({})
export class SpeedLayerModule {
  static of({ doors, clock, logger, metrics, liveness, traces, readyWhen }: AppRuntime): DynamicModule {
    const open = async (): Promise<SpeedLayer> => {
      const log = await doors.get('eventLog');
      const [store, tracker, registry] = [await doors.get('objectStore'), await doors.get('experiments'), await doors.get('schemaRegistry')];
      const watched = new SpeedLayerMetrics({ metrics, clock, liveness, traces });
      metrics.collect(() => watched.measure(async ({ topic, partition }) => (await log.offsets(topic, partition)).end));
      readyWhen(() => [watched.readiness()]);
      const sources = sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES));
      const speedLayer = new SpeedLayer({ log, store, tracker, registry, clock }, sources, watched, logger, readLimits(process.env));
      await speedLayer.prepare();
      return speedLayer;
    };
    return { module: SpeedLayerModule, controllers: [RecordsController], providers: [{ provide: SpeedLayer, useFactory: open }] };
  }
}
