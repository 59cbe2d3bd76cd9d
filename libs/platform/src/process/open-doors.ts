import type { Clock } from '../clock/clock.ts';
import { isPlatformError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { DoorName, Doors } from './doors.ts';

const OPEN_AGAIN_MS = [500, 1_000, 2_000, 5_000];

interface Patience {
  readonly clock: Clock;
  readonly stop: AbortSignal;
  readonly logger: Logger;
}

/**
 * Opens doors one after the other. Servers may come up after the app: it waits for them, alive but not ready, and throws what waiting does
 * not cure. False when told to stop meanwhile.
 */
export async function openDoors(doors: Doors, names: readonly DoorName[], patience: Patience): Promise<boolean> {
  for (const name of names) if (!(await openPatiently(doors, name, patience))) return false;
  return true;
}

async function openPatiently(doors: Doors, door: DoorName, { clock, stop, logger }: Patience): Promise<boolean> {
  for (let attempt = 0; !stop.aborted; attempt++) {
    try {
      await doors.get(door);
      return true;
    } catch (error) {
      if (!isPlatformError(error) || !error.retriable) throw error;
      logger.warn({ err: error, attempt: attempt + 1 }, `waiting for a door: ${error.message}`);
      await clock.sleep(OPEN_AGAIN_MS[Math.min(attempt, OPEN_AGAIN_MS.length - 1)], stop);
    }
  }
  return false;
}
