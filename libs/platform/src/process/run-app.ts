import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../clock/clock.ts';
import { SystemClock } from '../clock/clock.ts';
import { describeSkew, measureSkew } from '../clock/server-clock.ts';
import { loadConfiguration, operationsPortSettings, type AppName, type Configuration } from '../configuration/configuration.ts';
import { isPlatformError } from '../errors.ts';
import { Liveness } from '../telemetry/liveness.ts';
import { createLogger, secretsOf, type Logger } from '../telemetry/logger.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { serveOperations, type ReadinessCheck } from '../telemetry/operations-server.ts';
import { openTraces, type Traces } from '../telemetry/traces.ts';
import { Doors, type DoorName } from './doors.ts';
import { openDoors } from './open-doors.ts';
import { stopRequest } from './stop-request.ts';

/** Exit code that tells a supervisor that trying again without a change is pointless. */
export const EXIT_HOPELESS = 78;

const CLOSE_WITHIN_MS = 5_000;

/** What an app's story is handed. */
export interface AppRuntime {
  readonly configuration: Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly liveness: Liveness;
  /** Undefined unless an endpoint is set. */
  readonly traces: Traces | undefined;
  readonly doors: Doors;
  /** Aborted when the app is to stop: commit what is at hand, save, and resolve. */
  readonly stop: AbortSignal;
  /** The story says that it works from here on; before, the app is not ready. */
  begin(): void;
  /** Adds to what `/ready` asks, beside the doors and that the story has begun. */
  readyWhen(check: () => readonly ReadinessCheck[]): void;
}

export interface AppProgram {
  readonly app: Exclude<AppName, 'api'>;
  /** Opened before the story begins, each tried again for as long as waiting may cure it. */
  readonly doors: readonly DoorName[];
  /** Errors, beside wrong settings and ports in use, that a restart can't cure. */
  readonly isHopeless?: (error: unknown) => boolean;
  readonly run: (runtime: AppRuntime) => Promise<void>;
}

/**
 * One app as a process: settings, logger, probes and metrics, doors, then its story until it ends or is told to stop; everything is closed
 * again in reverse order. Gives the exit code: 0 in order, 78 when trying again is pointless, 1 otherwise.
 */
export async function runApp(program: AppProgram): Promise<number> {
  const stop = stopRequest(program.app);
  let logger = createLogger({ app: program.app, level: 'info' });
  let secrets: readonly string[] = [];
  try {
    const configuration = loadConfiguration(process.cwd());
    secrets = secretsOf(configuration);
    logger = createLogger({ app: program.app, level: configuration.logLevel, secrets });
    stop.addEventListener('abort', () => logger.info('stopping: finishing what is at hand'), { once: true });
    await runWith(program, configuration, logger, stop);
    return 0;
  } catch (error) {
    // Last words are said at any log level.
    logger = createLogger({ app: program.app, level: 'error', secrets });
    if (isPlatformError(error, 'SETTING_INVALID') || isPlatformError(error, 'ADDRESS_INVALID') || isPlatformError(error, 'ADDRESS_IN_USE') || program.isHopeless?.(error) === true) {
      logger.error({ hopeless: true }, `does not start: ${(error as Error).message}`);
      return EXIT_HOPELESS;
    }
    if (stop.aborted && error === stop.reason) return 0;
    logger.error({ err: error }, 'ends because of a failure');
    return 1;
  }
}

async function runWith(program: AppProgram, configuration: Configuration, logger: Logger, stop: AbortSignal): Promise<void> {
  const { app } = program;
  const metrics = new Metrics(app);
  const liveness = new Liveness();
  const clock = new SystemClock();
  const checks: (() => readonly ReadinessCheck[])[] = [];
  let begun = false;
  await using closing = new AsyncDisposableStack();
  const within = (what: string, close: () => Promise<void>): Promise<void> => closeWithin(what, close, logger);
  const traces = await openTraces({ app, endpoint: configuration.tracesEndpoint, warn: (message) => logger.warn(message) });
  if (traces !== undefined) closing.adopt(traces, (open) => within('traces', () => open.close()));
  const doors = closing.adopt(new Doors(configuration, app, { metrics, warn: (message) => logger.warn(message) }), (open) => within('doors', () => open.close()));
  const server = closing.adopt(
    await serveOperations({
      app, metrics, liveness, host: configuration.host, port: configuration.operationsPorts[app], portSetting: operationsPortSettings[app], apiKeys: configuration.apiKeys,
      ready: async () => [
        { name: 'start', ok: begun, found: begun ? 'done' : 'not done yet' },
        ...(await doors.check(program.doors)),
        ...checks.flatMap((check) => check()),
        { name: 'stop', ok: !stop.aborted, found: stop.aborted ? 'asked to stop' : 'not asked' },
      ],
    }),
    (open) => within('probes and metrics', () => open.close()),
  );
  logger.info({ operations: server.address }, `health, readiness and metrics at ${server.address}`);
  if (!(await openDoors(doors, program.doors, { clock, stop, logger }))) return;
  void warnOfDangers(doors, { configuration, clock, logger });
  const begin = (): void => void (begun = true);
  await program.run({ begin, configuration, clock, logger, metrics, liveness, traces, doors, stop, readyWhen: (check) => void checks.push(check) });
  logger.info({ uptimeSeconds: Math.round(process.uptime()) }, 'stopped in order');
}

/** A server that no longer answers must not keep a process that has done its work. */
async function closeWithin(what: string, close: () => Promise<void>, logger: Logger): Promise<void> {
  const late = new AbortController();
  const tooLate = delay(CLOSE_WITHIN_MS, 'late' as const, { signal: late.signal, ref: false });
  tooLate.catch(() => undefined);
  if ((await Promise.race([close(), tooLate])) === 'late') logger.warn(`closing ${what} took more than ${CLOSE_WITHIN_MS / 1000} s and is not waited for`);
  late.abort();
}

/** What would go wrong only later is said at the start: servers whose time differs, a log that forgets. Nobody waits for it. */
async function warnOfDangers(doors: Doors, { configuration, clock, logger }: Pick<AppRuntime, 'configuration' | 'clock' | 'logger'>): Promise<void> {
  try {
    const skews = (await measureSkew(configuration, clock)).map(describeSkew).filter((sentence) => sentence !== undefined);
    for (const sentence of [...skews, ...(await doors.warnings())]) logger.warn(sentence);
  } catch (error) {
    logger.debug({ err: error }, 'looking for dangers failed');
  }
}
