import type { Logger } from '#tideline/platform';
import type { IngestorObserver } from './ingestor.ts';
import type { PaceClock } from './pace.ts';
import type { ReplayReport } from './replay.ts';
import type { ReplayJob } from './replay-job.ts';

const EVERY_MS = 10_000;

/** Log lines about replays: progress every ten seconds, ends and failures at once. */
export function logReplays(logger: Logger, clock: PaceClock): IngestorObserver {
  const loggedAtMs = new Map<ReplayJob, number>();
  const due = (job: ReplayJob): boolean => {
    const nowMs = clock.nowMs();
    if (nowMs - (loggedAtMs.get(job) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return false;
    loggedAtMs.set(job, nowMs);
    return true;
  };
  return {
    progressed: (job, { read, accepted, rejected, byteOffset, loop }: ReplayReport) => {
      if (due(job)) logger.info({ file: job.file, source: job.source, read, accepted, rejected, byteOffset, loop }, 'replaying');
    },
    finished: (_job, summary) => logger.info({ ...summary }, `replay ${summary.ended}`),
    failed: (job, message) => logger.error({ file: job.file, source: job.source }, `replay failed: ${message}`),
    warned: (job, message) => logger.warn({ file: job.file, source: job.source }, message),
  };
}
