/**
 * What the command line may use of the ingestor: one replay, from a file to the log.
 */
export { compileLayoutCheck } from './layout-check.ts';
export type { Pace } from './pace.ts';
export { replayFile, type ReplayReport, type ReplaySummary } from './replay.ts';
export { ReplayRefused } from './replay-refused.ts';
