// Test material: days of a ledger under random edits, the file that each day delivers, and what production must then be, by the definition.

/** A random number generator of a seed (mulberry32), so that a failing day can be run again. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

export const DAY_MS = 86_400_000;
export const WINDOW_DAYS = 5;
const SITES = ['ARGENTINA', 'BRASIL', 'MEXICO'];
const CRYPTOS = ['BTC', 'ETH', 'USDC'];
const USERS = 6;

/** One purchase as the upstream history has it. */
export interface Purchase {
  readonly day: number;
  readonly site: string;
  readonly user: number;
  readonly crypto: string;
  readonly cents: bigint;
  /** Hundred-millionths. */
  readonly units: bigint;
}

export const purchaseKey = ({ day, site, user, crypto }: Purchase): string => `${day}/${site}/${user}/${crypto}`;

/** The ledger as it is upstream: edited from day to day, delivered as a file. */
export class Upstream {
  readonly #chance: Chance;
  readonly #rows = new Map<string, Purchase>();

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** New purchases of the day, changed and vanished ones of any day. */
  edit(day: number): void {
    const chance = this.#chance;
    for (let added = 1 + chance.below(4); added > 0; added--) this.#put(day - (chance.below(5) === 0 ? chance.below(WINDOW_DAYS) : 0));
    for (const [key, row] of [...this.#rows]) {
      // Older days are edited as well, and must not reach production.
      if (row.day < day - 8) this.#rows.delete(key);
      else if (chance.below(12) === 0) this.#rows.set(key, { ...row, units: row.units + 1n + BigInt(chance.below(1e6)) });
      else if (chance.below(15) === 0) this.#rows.delete(key);
    }
    if ([...this.#rows.values()].every((row) => row.day !== day)) this.#put(day);
  }

  #put(day: number): void {
    const chance = this.#chance;
    const row = { day, site: chance.pick(SITES), user: 1 + chance.below(USERS), crypto: chance.pick(CRYPTOS), cents: BigInt(1 + chance.below(6_000_000)), units: BigInt(1 + chance.below(200_000_000)) };
    this.#rows.set(purchaseKey(row), row);
  }

  get rows(): readonly Purchase[] {
    return [...this.#rows.values()];
  }
}

/** Ways to break a delivery; each must close the gate. */
export const MISTAKES = ['impossible date', 'repeated key', 'unknown site', 'no units', 'negative price', 'too few fields', 'no UTF-8', 'text for a number', 'no rows in the window'] as const;

/** The day's file, broken in one way if asked. */
export function deliveryText(rows: readonly Purchase[], day: number, chance: Chance, mistake?: (typeof MISTAKES)[number]): Buffer {
  const within = rows.filter((row) => row.day > day - WINDOW_DAYS && row.day <= day);
  const given = mistake === 'no rows in the window' ? rows.filter((row) => row.day <= day - WINDOW_DAYS) : rows;
  const lines = given.map((row) => lineOf(row, chance));
  const victim = within[chance.below(within.length)]!;
  const broken: Record<string, string> = {
    'impossible date': lineOf(victim, chance).replace(/^[^,]+/, chance.pick(['31/02/2026', '29/2/2026', '0/1/2026', '1/13/2026', '2026-01-02', ''])),
    'repeated key': lineOf({ ...victim, units: victim.units + (chance.below(2) === 0 ? 0n : 5n) }, chance),
    'unknown site': lineOf({ ...victim, site: 'CHILE', user: 99 }, chance),
    'no units': lineOf({ ...victim, user: 98, units: 0n }, chance),
    'negative price': lineOf({ ...victim, user: 97, cents: -5n }, chance),
    'too few fields': lineOf(victim, chance).replace(/,[^,]+$/, ''),
    'no UTF-8': lineOf({ ...victim, user: 96, site: 'BRA\u00ff' }, chance),
    'text for a number': lineOf({ ...victim, user: 95 }, chance).replace(/,[^,]+$/, ',much'),
  };
  const added = mistake === undefined ? undefined : broken[mistake];
  if (added !== undefined) lines.splice(chance.below(lines.length + 1), 0, added);
  return Buffer.from(['date,site,user_id,crypto,price,units', ...lines, ''].join('\n'), mistake === 'no UTF-8' ? 'latin1' : 'utf8');
}

function lineOf({ day, site, user, crypto, cents, units }: Purchase, chance: Chance): string {
  const date = new Date(day * DAY_MS);
  const two = (value: number): string => (chance.below(2) === 0 ? String(value) : String(value).padStart(2, '0'));
  return [`${two(date.getUTCDate())}/${two(date.getUTCMonth() + 1)}/${date.getUTCFullYear()}`, site, user, crypto, decimal(cents, 2), decimal(units, 8)].join(',');
}

function decimal(value: bigint, scale: number): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** A row of production as the definition has it; money in the units that tables hold. */
export interface ProductionRow {
  readonly cents: number;
  readonly units: number;
  readonly isActive: boolean;
}

/** Production by its definition: nothing but a map. */
export class NaiveProduction {
  readonly rows = new Map<string, ProductionRow>();

  /** What a delivery that every check passes does. */
  load(delivered: readonly Purchase[], day: number): void {
    const within = delivered.filter((row) => row.day > day - WINDOW_DAYS && row.day <= day);
    const keys = new Set(within.map(purchaseKey));
    for (const [key, row] of this.rows) {
      const ofDay = Number(key.split('/')[0]);
      if (ofDay > day - WINDOW_DAYS && ofDay <= day && !keys.has(key)) this.rows.set(key, { ...row, isActive: false });
    }
    for (const row of within) this.rows.set(purchaseKey(row), { cents: Number(row.cents), units: Number(row.units), isActive: true });
  }

  /** Rows as lines of text, sorted. */
  get lines(): string[] {
    return [...this.rows].map(([key, { cents, units, isActive }]) => `${key} ${cents} ${units} ${isActive}`).sort();
  }
}

/** Lines of the same form from rows read back from the table. */
export function linesOfTable(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => `${Number(row['date']) / DAY_MS}/${String(row['site'])}/${String(row['user_id'])}/${String(row['crypto'])} ${String(row['price'])} ${String(row['units'])} ${String(row['is_active'])}`).sort();
}

