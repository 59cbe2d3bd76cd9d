/** Set by a supervisor that holds this process's standard input open for as long as it lives. */
const SUPERVISED = 'TIDELINE_SUPERVISED';

/** What a shell calls an end by these signals. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Aborts when this process is asked to stop: by Ctrl-C, by SIGTERM, or because its supervisor is gone (even killed, its end of the pipe
 * closes), so that no app outlives the one who would stop it. A second signal ends the process at once: whatever was committed is kept.
 */
export function stopRequest(env: Readonly<Record<string, string | undefined>> = process.env): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(EXIT_CODES[signal]);
      stop.abort();
    });
  }
  if (env[SUPERVISED] === '1') {
    process.stdin.on('end', () => stop.abort()).on('error', () => stop.abort()).resume();
    // Waiting for the supervisor's end must not keep a finished process alive.
    (process.stdin as { unref?: () => void }).unref?.();
  }
  return stop.signal;
}
