import { createLogger } from '../telemetry/logger.ts';

/** What is still open after this long was left by a door that lost its server; nobody waits for it. */
const LINGER_MS = 2_000;

/** Sets the exit code and lets the process end by itself, or ends it when something forgotten would keep it alive, and says what. */
export function endProcessWith(app: string, code: number): void {
  process.exitCode = code;
  setTimeout(() => {
    createLogger({ app, level: 'warn' }).warn({ open: process.getActiveResourcesInfo() }, 'ends although something is still open');
    process.exit(code);
  }, LINGER_MS).unref();
}
