import { doors, parseAddress } from '../address.ts';
import type { Login } from '../configuration/configuration.ts';
import { PlatformError } from '../errors.ts';
import type { ExperimentTracker } from './experiment-tracker.ts';
import { FileExperimentTracker } from './file-experiment-tracker.ts';
import { MemoryExperimentTracker } from './memory-experiment-tracker.ts';

/** `file:./data/mlruns` or `memory:`; anything else is refused with `ADDRESS_INVALID` before a file is touched. */
export async function openExperimentTracker(address: string, _options: { readonly login?: Login | undefined } = {}): Promise<ExperimentTracker> {
  const { scheme, path } = parseAddress(address, doors.experiments);
  if (scheme !== 'memory' && scheme !== 'file') throw new PlatformError('ADDRESS_INVALID', `${scheme}: is not in this build yet`);
  return scheme === 'memory' ? new MemoryExperimentTracker() : FileExperimentTracker.open(path);
}
