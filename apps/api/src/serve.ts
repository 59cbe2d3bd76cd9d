import { once } from 'node:events';
import { join } from 'node:path';
import { loadModel } from '#tideline/learning';
import { createLogger, Doors, EXIT_HOPELESS, isPlatformError, Metrics, openDoors, openTraces, readTextFolders, secretsOf, SystemClock, type Environment } from '#tideline/platform';
import { decodeTransition, InvalidSourcesError, SOURCE_FILE_NAMES, sourcesOrThrow, VisitValues } from '#tideline/retention';
import { AddressTaken, createHttpServer, listen } from './http-server.ts';
import { installationRoot, readSettings } from './settings.ts';

/** Opens the doors, waiting for servers that come up later, answers until told to stop, closes them; gives the process's exit code. */
export async function serve(environment: Environment, stop: AbortSignal): Promise<number> {
  try {
    const { configuration, settings, synthetic } = readSettings(environment);
    const logger = createLogger({ app: 'api', level: configuration.logLevel, secrets: secretsOf(configuration) });
    const root = installationRoot();
    const sources = sourcesOrThrow(await readTextFolders(join(root, 'sources'), SOURCE_FILE_NAMES));
    await using closing = new AsyncDisposableStack();
    const metrics = new Metrics('api');
    const traces = await openTraces({ app: 'api', endpoint: configuration.tracesEndpoint, warn: (message) => logger.warn(message) });
    if (traces !== undefined) closing.adopt(traces, (open) => open.close());
    const doors = closing.adopt(new Doors(configuration, 'api', { metrics, warn: (message) => logger.warn(message) }), (open) => open.close());
    const clock = new SystemClock();
    if (!(await openDoors(doors, ['eventLog', 'experiments'], { clock, stop, logger }))) return 0;
    const [log, tracker] = [await doors.get('eventLog'), await doors.get('experiments')];
    const readers = { loadModel, loadVisitValues: (bytes: Uint8Array) => VisitValues.load(bytes), decodeTransition };
    const parts = { ...readers, metrics, traces, logger, log, tracker, clock, sources, synthetic, openStore: () => doors.get('objectStore'), warn: (message: string) => logger.warn(message) };
    const app = closing.adopt(await createHttpServer(parts, settings, join(root, 'dist', 'dashboard')), (server) => server.close());
    const address = await listen(app, settings);
    logger.info({ address, sources: sources.map(({ name }) => name), keys: settings.keys.length }, `answering at ${address}`);
    if (!stop.aborted) await once(stop, 'abort');
    logger.info('stopping: finishing what is at hand');
    return 0;
  } catch (error) {
    if (error instanceof AddressTaken || error instanceof InvalidSourcesError || isPlatformError(error, 'SETTING_INVALID') || isPlatformError(error, 'ADDRESS_INVALID')) {
      process.stderr.write(`tideline api: ${error.message}\n`);
      return EXIT_HOPELESS;
    }
    throw error;
  }
}
