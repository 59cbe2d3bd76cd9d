/** Set by a supervisor that holds this process's standard input open for as long as it lives. */
const SUPERVISED = 'TIDELINE_SUPERVISED';

/**
 * Aborts when this process is asked to stop: by Ctrl-C, by SIGTERM, or because its supervisor is gone (even killed, its end of the pipe
 * closes), so that no app outlives the one who would stop it.
 */
export function stopRequest(env: Readonly<Record<string, string | undefined>> = process.env): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  if (env[SUPERVISED] === '1') {
    process.stdin.on('end', () => stop.abort()).on('error', () => stop.abort()).resume();
    // Waiting for the supervisor's end must not keep a finished process alive.
    (process.stdin as { unref?: () => void }).unref?.();
  }
  return stop.signal;
}
