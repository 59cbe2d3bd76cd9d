import { EventQueue } from './event-queue.ts';
import { SeededRandom } from './seeded-random.ts';

const DAY_S = 86_400;
const OPENING_S = 8 * 3_600;
const OPEN_S = 10 * 3_600;
/** Lines of a mean order, and lines per customer over the whole time, measured. */
const LINES_PER_ORDER = 20;
const LINES_PER_CUSTOMER = 71;
const GUEST_SHARE = 0.25;
const CANCELLATION_CHANCE = 0.22;

/** One invoice of the simulation; `weight` is how many lines it would have by itself. */
export interface Invoice {
  readonly timeS: number;
  /** Index of the customer, or -1 for a guest. */
  readonly customer: number;
  readonly cancels: boolean;
  readonly weight: number;
}

/**
 * When customers of a shop order: each has a mean gap between orders and a chance never to come back after one, drawn once; gaps are sums
 * of two exponentials, so that a silence of several gaps means something. Guests order beside them, some orders are cancelled later.
 */
export class RetailInvoices {
  private readonly random: SeededRandom;
  private readonly queue = new EventQueue();
  private readonly gapS: Float64Array;
  private readonly dropping: Float64Array;
  private readonly guestGapS: number;
  private readonly endS: number;

  constructor(seed: number, rows: number, startS: number, durationS: number) {
    const random = new SeededRandom(seed, 1);
    const customers = Math.max(1, Math.round((rows * (1 - GUEST_SHARE)) / LINES_PER_CUSTOMER));
    this.random = random;
    this.endS = startS + durationS;
    this.gapS = new Float64Array(customers);
    this.dropping = new Float64Array(customers);
    for (let customer = 0; customer < customers; customer++) {
      this.gapS[customer] = 50 * DAY_S * Math.exp(0.75 * random.normal());
      this.dropping[customer] = 1 / (1 + Math.exp(2 + 0.9 * random.normal()));
      const isOld = random.chance(0.4);
      const first = startS + (isOld ? Math.min(1, random.uniform() * 0.25) : random.uniform()) * durationS;
      this.queue.put(first, 2 * customer);
    }
    this.guestGapS = durationS / Math.max(1, (rows * GUEST_SHARE) / LINES_PER_ORDER);
    this.queue.put(startS + random.exponential(this.guestGapS), -1);
  }

  /** The next invoice by time, or undefined at the end. */
  next(): Invoice | undefined {
    const { random } = this;
    const timeS = this.queue.nextTime;
    if (timeS >= this.endS) return undefined;
    const event = this.queue.take();
    const openTimeS = openingTime(timeS);
    if (event === -1) {
      this.queue.put(timeS + random.exponential(this.guestGapS), -1);
      return { timeS: openTimeS, customer: -1, cancels: false, weight: 1 + random.exponential(LINES_PER_ORDER - 1) };
    }
    const customer = event >> 1;
    if ((event & 1) === 1) return { timeS: openTimeS, customer, cancels: true, weight: 1 + random.exponential(1.4) };
    const weight = 1 + random.exponential(LINES_PER_ORDER - 1);
    if (random.chance(CANCELLATION_CHANCE)) this.queue.put(timeS + random.exponential(12 * DAY_S), event + 1);
    const half = this.gapS[customer] / 2;
    const gap = random.exponential(half) + random.exponential(half);
    if (!random.chance(this.dropping[customer])) this.queue.put(timeS + gap, event);
    return { timeS: openTimeS, customer, cancels: false, weight };
  }
}

/** Squeezes a day into the shop's opening hours, whole minutes, without changing the order. */
function openingTime(timeS: number): number {
  const day = Math.floor(timeS / DAY_S) * DAY_S;
  return day + Math.floor((OPENING_S + ((timeS - day) / DAY_S) * OPEN_S) / 60) * 60;
}
