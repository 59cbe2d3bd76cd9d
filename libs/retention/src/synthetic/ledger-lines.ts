import type { LineWriter } from './line-writer.ts';
import { writeText } from './line-writer.ts';
import { SeededRandom } from './seeded-random.ts';

const SITES = ['ARGENTINA', 'BRASIL', 'MEXICO'];
const CRYPTOS = ['BTC', 'ETH', 'USDC'];
/** Cents for one unit, and hundred-millionths that are bought at a time. */
const USUAL_CENTS = [6_000_000, 300_000, 100];
const USUAL_UNITS = [300_000, 5_000_000, 15_000_000_000];
const USERS = 5_000;
/** Coprime to the number of keys of a day, so that going in such steps meets each of them once. */
const STEP = 28_657;
const DAY_MS = 86_400_000;
const WINDOW_DAYS = 5;

/** Columns of the source's files, in their order. */
export const LEDGER_HEADER = 'date,site,user_id,crypto,price,units\n';

/** The purchase of a day with this ordinal, without a newline; no two ordinals of a day have the same site, user and crypto. */
export function ledgerLine(seed: number, dayMs: number, ordinal: number): string {
  const keys = USERS * SITES.length * CRYPTOS.length;
  const shift = new SeededRandom(seed, dayMs / DAY_MS).below(keys);
  const key = (shift + ((ordinal % keys) * STEP) % keys) % keys;
  const crypto = key % CRYPTOS.length;
  const site = Math.floor(key / CRYPTOS.length) % SITES.length;
  const user = 1 + Math.floor(key / (CRYPTOS.length * SITES.length)) + USERS * Math.floor(ordinal / keys);
  const random = new SeededRandom(seed + ordinal, dayMs / DAY_MS + 1);
  const cents = Math.max(1, Math.round(USUAL_CENTS[crypto] * (1 + 0.05 * random.normal())));
  const units = Math.max(1, Math.round(USUAL_UNITS[crypto] * (0.1 + random.exponential(1))));
  return `${dayText(dayMs)},${SITES[site]},${user},${CRYPTOS[crypto]},${fixed(cents, 2)},${fixed(units, 8)}`;
}

/** How full the last days of a ledger are to be. */
export interface LedgerTopUp {
  readonly seed: number;
  /** Any moment of the last day. */
  readonly asOfMs: number;
  /** Every one of the last five days has at least so many rows afterwards. */
  readonly rowsPerDay: number;
}

/**
 * Synthetic lines, without newlines, that fill each of the last five days up to a minimum; days that have enough get none, and no key (site, user, day,
 * crypto) of the given lines is made again.
 */
export function topUpLedger(lines: readonly string[], { seed, asOfMs, rowsPerDay }: LedgerTopUp): string[] {
  const lastDay = Math.floor(asOfMs / DAY_MS);
  const added: string[] = [];
  for (let day = lastDay - WINDOW_DAYS + 1; day <= lastDay; day++) {
    const taken = new Set(lines.map(keyText).filter((key) => key.startsWith(`${dayText(day * DAY_MS)},`)));
    for (let ordinal = 0; taken.size < rowsPerDay; ordinal++) {
      const line = ledgerLine(seed, day * DAY_MS, ordinal);
      if (taken.has(keyText(line))) continue;
      taken.add(keyText(line));
      added.push(line);
    }
  }
  return added;
}

/** A ledger over days in their order, the rows spread evenly over them. */
export class LedgerLines implements LineWriter {
  readonly header = LEDGER_HEADER;
  readonly lineBytesAtMost = 120;
  readonly #seed: number;
  readonly #rows: number;
  readonly #startMs: number;
  readonly #days: number;
  #row = 0;

  constructor(seed: number, rows: number, startMs: number, durationMs: number) {
    this.#seed = seed;
    this.#rows = rows;
    this.#startMs = Math.floor(startMs / DAY_MS) * DAY_MS;
    this.#days = Math.max(1, Math.round(durationMs / DAY_MS));
  }

  write(target: Uint8Array, position: number): number {
    const perDay = Math.ceil(this.#rows / this.#days);
    const day = Math.floor(this.#row / perDay);
    const line = ledgerLine(this.#seed, this.#startMs + day * DAY_MS, this.#row - day * perDay);
    this.#row++;
    return writeText(`${line}\n`, target, position);
  }
}

function keyText(line: string): string {
  return line.split(',', 4).join(',');
}

function dayText(dayMs: number): string {
  const date = new Date(dayMs);
  return `${date.getUTCDate()}/${date.getUTCMonth() + 1}/${date.getUTCFullYear()}`;
}

function fixed(value: number, scale: number): string {
  const digits = String(value).padStart(scale + 1, '0');
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
