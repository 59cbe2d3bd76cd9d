const DAY_MS = 86_400_000;
/** Bytes of a time with its quotes, at most (years beyond 9999 are written with a sign and six digits). */
export const TIME_BYTES = 29;

/**
 * Writes times as `"2026-03-04T10:00:00.000Z"`, quotes included; the date part of the last day is kept, which is most of the work.
 */
export class IsoTimeWriter {
  #day = NaN;
  readonly #date = Buffer.alloc(TIME_BYTES);
  #dateBytes = 0;

  /** `ms` is whole. Writes at `position` and gives the position behind. */
  write(ms: number, bytes: Buffer, position: number): number {
    const day = Math.floor(ms / DAY_MS);
    if (day !== this.#day) {
      this.#dateBytes = this.#date.write(`"${new Date(day * DAY_MS).toISOString().slice(0, -13)}`, 'latin1');
      this.#day = day;
    }
    const date = this.#date;
    const length = this.#dateBytes;
    for (let i = 0; i < length; i++) bytes[position + i] = date[i];
    const inDay = (ms - day * DAY_MS) | 0;
    const seconds = (inDay / 1000) | 0;
    const minutes = (seconds / 60) | 0;
    const hours = (minutes / 60) | 0;
    const milliseconds = inDay - seconds * 1000;
    const at = position + length;
    putTwo(hours, bytes, at);
    bytes[at + 2] = 0x3a;
    putTwo(minutes - hours * 60, bytes, at + 3);
    bytes[at + 5] = 0x3a;
    putTwo(seconds - minutes * 60, bytes, at + 6);
    bytes[at + 8] = 0x2e;
    const hundreds = (milliseconds / 100) | 0;
    bytes[at + 9] = 48 + hundreds;
    putTwo(milliseconds - hundreds * 100, bytes, at + 10);
    bytes[at + 12] = 0x5a;
    bytes[at + 13] = 0x22;
    return at + 14;
  }
}

function putTwo(value: number, bytes: Buffer, at: number): void {
  const tens = (value / 10) | 0;
  bytes[at] = 48 + tens;
  bytes[at + 1] = 48 + value - tens * 10;
}
