import { doors, parseAddress } from '../address.ts';
import type { Login } from '../configuration/configuration.ts';
import { PlatformError } from '../errors.ts';
import type { ExperimentTracker } from './experiment-tracker.ts';

export interface PushOptions {
  /** Address of an MLflow server, like `http://host:5000`. */
  readonly to: string;
  readonly login?: Login | undefined;
  /** Only this experiment; all when undefined. */
  readonly experiment?: string | undefined;
  /** Looks and reports, writes nothing. */
  readonly dryRun?: boolean;
  /** Moves aliases even where somebody set them differently on the server. */
  readonly moveAliases?: boolean;
  /** Stops between two runs. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PushProgress) => void;
}

export interface PushProgress {
  readonly experiment: string;
  readonly done: number;
  readonly total: number;
}

/** How often something was done; a dry run says what would be. */
export interface PushedRuns {
  /** Made on the server. */
  readonly copied: number;
  /** There already, but not wholly or not as it is now: completed. */
  readonly completed: number;
  /** There already, as it is now. */
  readonly unchanged: number;
}

export interface PushedVersion {
  readonly model: string;
  readonly version: string;
  /** The number on the server; undefined when it was not copied, or in a dry run. */
  readonly as: string | undefined;
  readonly what: 'copied' | 'unchanged' | 'skipped';
  readonly reason?: string;
}

export interface PushedAlias {
  readonly model: string;
  readonly alias: string;
  /** The number on the server that it points at now; undefined in a dry run that did not get so far. */
  readonly version: string | undefined;
  readonly what: 'set' | 'unchanged' | 'kept';
  readonly reason?: string;
}

export interface PushReport {
  readonly address: string;
  readonly dryRun: boolean;
  readonly experiments: readonly ({ readonly name: string } & PushedRuns)[];
  /** What was sent this time. */
  readonly sent: { readonly metrics: number; readonly artifacts: number; readonly bytes: number };
  readonly versions: readonly PushedVersion[];
  readonly aliases: readonly PushedAlias[];
}

/**
 * Copies experiments, runs with their metric histories, artifacts, model versions and aliases to an MLflow server. What an earlier
 * push copied is found by its tags, so that pushing twice changes nothing and a killed push is simply repeated.
 */
export async function pushExperiments(from: ExperimentTracker, options: PushOptions): Promise<PushReport> {
  const { scheme, path } = parseAddress(options.to, doors.experiments);
  if (scheme !== 'http' && scheme !== 'https') {
    throw new PlatformError('ADDRESS_INVALID', `expected the address of an MLflow server like http://host:5000 to copy to, found "${options.to}"`);
  }
  const { ExperimentPush } = await import('./experiment-push.ts');
  return new ExperimentPush(from, `${scheme}:${path}`, options).run();
}
