import { CommitConflict } from '#tideline/lake';

/** Each lost race means that another landing got further, so only a very busy table runs out of attempts. */
const MOST_ATTEMPTS = 20;

/** Runs a landing again, from where the tables now are, when another landing was first with the same offsets. */
export async function takingTurns<T>(land: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await land();
    } catch (error) {
      if (!(error instanceof CommitConflict) || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}
