import { doors, parseAddress } from '../address.ts';
import type { Login } from '../configuration/configuration.ts';
import type { ExperimentTracker } from './experiment-tracker.ts';
import { FileExperimentTracker } from './file-experiment-tracker.ts';
import { MemoryExperimentTracker } from './memory-experiment-tracker.ts';

/**
 * `file:./data/mlruns`, `memory:` or the address of an MLflow server, which is asked whether it is one; anything else is refused with
 * `ADDRESS_INVALID` before a file is touched.
 */
export async function openExperimentTracker(address: string, { login }: { readonly login?: Login | undefined } = {}): Promise<ExperimentTracker> {
  const { scheme, path } = parseAddress(address, doors.experiments);
  if (scheme === 'memory') return new MemoryExperimentTracker();
  if (scheme === 'file') return FileExperimentTracker.open(path);
  const { MlflowExperimentTracker } = await import('./mlflow-experiment-tracker.ts');
  return MlflowExperimentTracker.open(`${scheme}:${path}`, login);
}
