/**
 * The proof of exactly once: a log is replayed through the real apps while they (and the servers behind them) are killed at seeded moments, and
 * everything that is left is held against the truth.
 *
 * - The truth is independent: the lines of the file by plain code, and one undisturbed pass in this process over the same batches.
 * - Only the doors' public reads are used; counts come from reading, never from offsets.
 * - The seed decides the log and the plan of kills.
 *
 * Start at `prove.ts`, then `under-fire.ts` (how things are killed) and `check-proof.ts` (what must be equal).
 */
export { isBuilt } from './app-processes.ts';
export { checkProof, type ProofDoors, type Truth } from './check-proof.ts';
export { isEqual, PROVED_APPS, type AppName, type Check, type Proof } from './proof.ts';
export { prove, type ProofRun, type ProveOptions } from './prove.ts';
export { embeddedStand, serversStand, type Server, type Stand } from './servers.ts';
