/**
 * Decides which records of one partition are late: older than the running maximum of event time by more than the source's
 * lateness, in offset order. The same records in the same order give the same answer wherever batches are cut.
 */
export class LateMarker {
  readonly #latenessMs: number;
  #watermarkMs: number;

  /** `watermarkMs` is the running maximum before the first record that will be marked; -Infinity at the beginning of a partition. */
  constructor(latenessMs: number, watermarkMs = -Infinity) {
    this.#latenessMs = latenessMs;
    this.#watermarkMs = watermarkMs;
  }

  /** Largest event time so far, ms; -Infinity before the first record. */
  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** 1 for each late record; late records don't move the maximum (they are below it). */
  mark(times: Float64Array): Uint8Array {
    const late = new Uint8Array(times.length);
    let watermarkMs = this.#watermarkMs;
    for (let i = 0; i < times.length; i++) {
      const time = times[i]!;
      if (time > watermarkMs) watermarkMs = time;
      else if (time < watermarkMs - this.#latenessMs) late[i] = 1;
    }
    this.#watermarkMs = watermarkMs;
    return late;
  }
}
