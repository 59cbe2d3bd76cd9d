const DAY_MS = 86_400_000;
const TWO = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));

/** Writes times as `2026-03-04T10:00:00.000Z`; the date part of the last day is kept, which is most of the work. */
export class IsoTimeWriter {
  #day = NaN;
  #date = '';

  /** `ms` is whole and within the years that dates have. */
  write(ms: number): string {
    const day = Math.floor(ms / DAY_MS);
    if (day !== this.#day) {
      this.#date = new Date(day * DAY_MS).toISOString().slice(0, -14);
      this.#day = day;
    }
    let rest = ms - day * DAY_MS;
    const milliseconds = rest % 1000;
    rest = (rest - milliseconds) / 1000;
    const seconds = rest % 60;
    rest = (rest - seconds) / 60;
    const minutes = rest % 60;
    const fraction = milliseconds === 0 ? '000' : String(milliseconds).padStart(3, '0');
    return `${this.#date}T${TWO[(rest - minutes) / 60]}:${TWO[minutes]}:${TWO[seconds]}.${fraction}Z`;
  }
}
