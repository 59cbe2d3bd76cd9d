import { createLogger } from '../telemetry/logger.ts';

/** Set by a supervisor that holds this process's standard input open for as long as it lives. */
const SUPERVISED = 'TIDELINE_SUPERVISED';

/** What a shell calls an end by these signals. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** A stop that hangs (a door that never answers) ends after this long; supervisors kill a little later (20 s here, 30 s in compose). */
const STOP_WITHIN_MS = 15_000;

/**
 * Aborts when this process is asked to stop: by Ctrl-C, by SIGTERM, or because its supervisor is gone (even killed, its end of the pipe
 * closes), so that no app outlives the one who would stop it. From then on the process has 15 seconds to finish what is at hand; then, or at
 * a second signal, it ends at once: whatever was committed is kept.
 */
export function stopRequest(app: string, env: Readonly<Record<string, string | undefined>> = process.env): AbortSignal {
  const stop = new AbortController();
  const ask = (): void => {
    if (stop.signal.aborted) return;
    const logger = createLogger({ app, level: 'info' });
    setTimeout(() => {
      logger.error(`did not stop within ${STOP_WITHIN_MS / 1000} s and is ended; what was committed is kept`);
      process.exit(1);
    }, STOP_WITHIN_MS).unref();
    stop.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(EXIT_CODES[signal]);
      ask();
    });
  }
  if (env[SUPERVISED] === '1') {
    process.stdin.on('end', ask).on('error', ask).resume();
    // Waiting for the supervisor's end must not keep a finished process alive.
    (process.stdin as { unref?: () => void }).unref?.();
  }
  return stop.signal;
}
