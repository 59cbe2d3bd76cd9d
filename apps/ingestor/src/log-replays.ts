import type { Logger } from '#tideline/platform';
import type { IngestorObserver } from './ingestor.ts';
import type { PaceClock } from './pace.ts';
import type { ReplayReport } from './replay.ts';
import type { ReplayJob } from './replay-job.ts';

const EVERY_MS = 5_000;

interface LastLine {
  readonly atMs: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Log lines about replays: progress with rates every five seconds, beginnings, ends and failures at once. */
export function logReplays(logger: Logger, clock: PaceClock): IngestorObserver {
  const last = new Map<ReplayJob, LastLine>();
  return {
    began: (job) => {
      last.delete(job);
      logger.info({ file: job.file, source: job.source, pace: job.pace, loop: job.loop }, 'replay begins');
    },
    progressed: (job, report) => {
      const nowMs = clock.steadyMs();
      const before = last.get(job);
      if (before === undefined) {
        last.set(job, { atMs: nowMs, rows: report.read, bytes: report.bytesThisRun });
        return;
      }
      const sinceMs = nowMs - before.atMs;
      if (sinceMs < EVERY_MS) return;
      last.set(job, { atMs: nowMs, rows: report.read, bytes: report.bytesThisRun });
      logger.info({ file: job.file, source: job.source, ...progressOf(report, before, sinceMs) }, describe(job, report, before, sinceMs));
    },
    finished: (job, summary) => {
      last.delete(job);
      const { seconds, bytesThisRun } = summary;
      logger.info({ ...summary, megabytesPerSecond: seconds > 0 ? rounded(bytesThisRun / 1e6 / seconds) : null }, `replay ${summary.ended}: read ${summary.read} = accepted ${summary.accepted} + rejected ${summary.rejected}`);
    },
    failed: (job, message) => {
      last.delete(job);
      logger.error({ file: job.file, source: job.source }, `replay failed: ${message}`);
    },
    warned: (job, message) => logger.warn({ file: job.file, source: job.source }, message),
  };
}

function progressOf({ read, accepted, rejected, byteOffset, loop, share, bytesThisRun }: ReplayReport, before: LastLine, sinceMs: number): object {
  return {
    read, accepted, rejected, byteOffset, loop, share: share === undefined ? null : rounded(share, 4),
    rowsPerSecond: Math.round(((read - before.rows) * 1000) / sinceMs),
    megabytesPerSecond: rounded((bytesThisRun - before.bytes) / 1000 / sinceMs),
  };
}

function describe({ source }: ReplayJob, { read, share, bytesThisRun }: ReplayReport, before: LastLine, sinceMs: number): string {
  const done = share === undefined ? '' : `, ${rounded(share * 100, 1)} %`;
  return `replaying ${source}: ${read} rows, ${rounded((bytesThisRun - before.bytes) / 1000 / sinceMs)} MB/s${done}`;
}

function rounded(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}
