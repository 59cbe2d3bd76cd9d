import { writeInteger } from '../records/integer-text.ts';
import { EventQueue } from './event-queue.ts';
import type { LineWriter } from './line-writer.ts';
import { writeText } from './line-writer.ts';
import { SeededRandom } from './seeded-random.ts';

const COMMA = 44;
const NEWLINE = 10;
const MINUTE_S = 60;
/** Events that one new user brings while the log lasts, measured; it sets how many users a number of rows needs. */
const EVENTS_PER_USER = 7.3;
/** The simulation starts this long before the log does, so that the log begins in full swing. */
const WARM_UP_S = 60 * MINUTE_S;
const LARGEST_PRIME = 2_147_483_647;
const CATEGORIES = 9_439;

interface Shopper {
  readonly id: number;
  /** Mean seconds between two events of a session. */
  readonly gapS: number;
  /** Chance to leave after an event. */
  readonly leaving: number;
  readonly returning: number;
  item: number;
  category: number;
}

/**
 * Clicks of shoppers, sorted by time. Every shopper has a pace and a patience of their own and leaves after each event with some
 * chance; some come back. A long silence therefore means that the shopper has probably left, a slow shopper's less than a quick one's.
 */
export class UserBehaviorLines implements LineWriter {
  readonly header = '';
  readonly lineBytesAtMost = 80;
  private readonly random: SeededRandom;
  private readonly queue = new EventQueue();
  private readonly shoppers: (Shopper | undefined)[] = [];
  private readonly freeSlots: number[] = [];
  private readonly startS: number;
  private readonly arrivalGapS: number;
  private arrivals = 0;
  private nextArrivalS: number;
  private left: number;

  constructor(seed: number, rows: number, startMs: number, durationMs: number) {
    this.random = new SeededRandom(seed);
    this.left = rows;
    this.startS = Math.floor(startMs / 1000);
    this.arrivalGapS = durationMs / 1000 / Math.max(1, rows / EVENTS_PER_USER);
    this.nextArrivalS = this.startS - WARM_UP_S;
  }

  write(target: Uint8Array, start: number): number {
    if (this.left === 0) return -1;
    for (;;) {
      const timeS = Math.min(this.queue.nextTime, this.nextArrivalS);
      const slot = this.nextArrivalS <= this.queue.nextTime ? this.arrive() : this.queue.take();
      const shopper = this.shoppers[slot]!;
      const behavior = this.act(shopper);
      const id = shopper.item;
      const { category } = shopper;
      this.goOn(slot, shopper, timeS, behavior === 'buy');
      if (timeS < this.startS) continue;
      this.left--;
      let position = writeInteger(shopper.id, target, start);
      target[position++] = COMMA;
      position = writeInteger(id, target, position);
      target[position++] = COMMA;
      position = writeInteger(category, target, position);
      target[position++] = COMMA;
      position = writeText(behavior, target, position);
      target[position++] = COMMA;
      position = writeInteger(Math.floor(timeS), target, position);
      target[position++] = NEWLINE;
      return position;
    }
  }

  private arrive(): number {
    const { random } = this;
    // Multiplying by a unit of the prime field gives each arrival a number of its own that says nothing about its order.
    const id = 1 + ((++this.arrivals * 48_271) % LARGEST_PRIME);
    const eager = random.normal();
    const shopper: Shopper = {
      id,
      gapS: 75 * Math.exp(0.8 * random.normal()),
      leaving: 1 / (1 + Math.exp(1.1 + 1.0 * eager)),
      returning: 1 / (1 + Math.exp(0.9 - 0.8 * eager)),
      item: this.newItem(),
      category: 0,
    };
    shopper.category = categoryOf(shopper.item);
    const slot = this.freeSlots.pop() ?? this.shoppers.length;
    this.shoppers[slot] = shopper;
    this.nextArrivalS = this.startS - WARM_UP_S + (this.arrivals + random.uniform()) * this.arrivalGapS;
    return slot;
  }

  private act(shopper: Shopper): string {
    const drawn = this.random.uniform();
    if (drawn < 0.89) {
      if (this.random.chance(0.8)) {
        shopper.item = this.newItem();
        shopper.category = categoryOf(shopper.item);
      }
      return 'pv';
    }
    return drawn < 0.945 ? 'cart' : drawn < 0.975 ? 'fav' : 'buy';
  }

  /** Decides when the shopper acts next, if at all. */
  private goOn(slot: number, shopper: Shopper, timeS: number, bought: boolean): void {
    const { random } = this;
    const leaves = random.chance(bought ? Math.min(0.95, shopper.leaving * 1.8) : shopper.leaving);
    if (!leaves) this.queue.put(timeS + 1 + random.exponential(shopper.gapS), slot);
    else if (random.chance(shopper.returning)) this.queue.put(timeS + 12 * MINUTE_S + random.exponential(55 * MINUTE_S), slot);
    else {
      this.shoppers[slot] = undefined;
      this.freeSlots.push(slot);
    }
  }

  private newItem(): number {
    const popularity = this.random.uniform();
    return 1 + Math.floor(5_160_000 * popularity * popularity);
  }
}

function categoryOf(item: number): number {
  return 2_000 + ((item * 7_919) % CATEGORIES) * 497;
}
