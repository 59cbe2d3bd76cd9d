import { join } from 'node:path';
import { loadModel } from '#tideline/learning';
import { createLogger, isPlatformError, openEventLog, openExperimentTracker, readTextFolders, SystemClock, type Environment } from '#tideline/platform';
import { decodeTransition, InvalidSourcesError, SOURCE_FILE_NAMES, sourcesOrThrow, VisitValues } from '#tideline/retention';
import { AddressTaken, createHttpServer, listen } from './http-server.ts';
import { installationRoot, readSettings } from './settings.ts';

/** What ends a start for good: trying again without changing something would fail the same way. */
export const EXIT_HOPELESS = 78;

/** Opens the doors, answers until a signal says stop, closes them; gives the process's exit code. */
export async function serve(environment: Environment, ended: Promise<void>): Promise<number> {
  try {
    const { configuration, settings, synthetic } = readSettings(environment);
    const logger = createLogger({ app: 'api', level: configuration.logLevel });
    const root = installationRoot();
    const sources = sourcesOrThrow(await readTextFolders(join(root, 'sources'), SOURCE_FILE_NAMES));
    await using doors = new AsyncDisposableStack();
    const log = doors.adopt(await openEventLog(configuration.eventLog, { app: 'api', login: configuration.logins.eventLog }), (door) => door.close());
    const tracker = doors.adopt(await openExperimentTracker(configuration.experiments, { login: configuration.logins.experiments }), (door) => door.close());
    const readers = { loadModel, loadVisitValues: (bytes: Uint8Array) => VisitValues.load(bytes), decodeTransition };
    const parts = { ...readers, log, tracker, clock: new SystemClock(), sources, synthetic, warn: (message: string) => logger.warn(message) };
    const app = doors.adopt(await createHttpServer(parts, settings, join(root, 'dist', 'dashboard')), (server) => server.close());
    const address = await listen(app, settings);
    logger.info({ address, sources: sources.map(({ name }) => name), keys: settings.keys.length }, `answering at ${address}`);
    await ended;
    return 0;
  } catch (error) {
    if (error instanceof AddressTaken || error instanceof InvalidSourcesError || isPlatformError(error, 'SETTING_INVALID') || isPlatformError(error, 'ADDRESS_INVALID')) {
      process.stderr.write(`tideline api: ${error.message}\n`);
      return EXIT_HOPELESS;
    }
    throw error;
  }
}
