import { doors, parseAddress } from '../address.ts';
import type { ExperimentTracker } from './experiment-tracker.ts';
import { FileExperimentTracker } from './file-experiment-tracker.ts';
import { MemoryExperimentTracker } from './memory-experiment-tracker.ts';

/** `file:./data/mlruns` or `memory:`; anything else is refused with `ADDRESS_INVALID` before a file is touched. */
export async function openExperimentTracker(address: string): Promise<ExperimentTracker> {
  const { scheme, path } = parseAddress(address, doors.experiments);
  return scheme === 'memory' ? new MemoryExperimentTracker() : FileExperimentTracker.open(path);
}
