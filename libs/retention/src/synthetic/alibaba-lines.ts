import type { LineWriter } from './line-writer.ts';
import { writeTrimmed } from './line-writer.ts';
import { writeInteger } from '../records/integer-text.ts';
import { SeededRandom } from './seeded-random.ts';

const COMMA = 44;
const SEMICOLON = 59;
const ZERO = 48;
const NEWLINE = 10;
const PAGES = 12;
const ITEMS = 50;
const AGES = [1, 2, 4, 7, 12, 22, 26, 18, 8];
const GENDERS = [4, 34, 62];
const POWERS = [2, 4, 9, 17, 25, 22, 14, 7];
const PRICE_STEPS = 4096;

/**
 * Pages of up to 50 items in the observed layout of the Alibaba log. What there is to learn: the chance that a page is the last of its
 * visit rises with the page, falls with the mean predicted click-through rate and rises with prices and with the segment's own
 * impatience; short pages end visits more often; clicks follow the click-through rate and the purchasing power, purchases the
 * conversion rate.
 */
export class AlibabaLines implements LineWriter {
  readonly header = '';
  readonly lineBytesAtMost = 3000;
  private readonly random: SeededRandom;
  private readonly ages = cumulative(AGES);
  private readonly genders = cumulative(GENDERS);
  private readonly powers = cumulative(POWERS);
  private readonly pagesBySegment: readonly Float64Array[];
  private readonly impatience: Float64Array;
  private readonly priceQuantiles: Int32Array;
  private readonly positions = new Uint8Array(ITEMS);
  private readonly ctr = new Int32Array(ITEMS);
  private readonly cvr = new Int32Array(ITEMS);
  private readonly price = new Int32Array(ITEMS);
  private readonly clicked = new Uint8Array(ITEMS);
  private readonly carted = new Uint8Array(ITEMS);
  private readonly favourited = new Uint8Array(ITEMS);
  private readonly paid = new Int32Array(ITEMS);

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    const traits = new SeededRandom(seed, 1);
    const segments = AGES.length * GENDERS.length * POWERS.length;
    this.impatience = Float64Array.from({ length: segments }, () => 0.45 * traits.normal());
    this.pagesBySegment = Array.from(this.impatience, (impatience) => {
      // Pages are seen as often as visits of average taste reach them.
      const reached = [1];
      for (let page = 1; page < PAGES; page++) reached.push(reached[page - 1] * (1 - logistic(leaveScore(page - 1, impatience))));
      return cumulative(reached);
    });
    this.priceQuantiles = Int32Array.from({ length: PRICE_STEPS }, (_, step) => {
      const centred = (step + 0.5) / PRICE_STEPS;
      // The logistic quantile stands in for the normal one: prices in cents, the middle half between 27 and 165 Yuan.
      return Math.max(10, Math.round(10 * Math.exp(4.2 + 0.82 * Math.log(centred / (1 - centred))))) * 10;
    });
  }

  write(target: Uint8Array, start: number): number {
    const { random } = this;
    const age = pick(this.ages, random.uniform());
    const gender = pick(this.genders, random.uniform());
    const power = pick(this.powers, random.uniform());
    const segment = (age * GENDERS.length + gender) * POWERS.length + power;
    const page = pick(this.pagesBySegment[segment], random.uniform());
    const hour = pick(HOURS, random.uniform());
    const count = random.chance(0.4) ? ITEMS : 5 + random.below(ITEMS - 5);
    const taste = 0.4 + 1.6 * random.uniform();
    const priceLevel = 0.5 + random.uniform() * (0.6 + 0.15 * power);
    this.shuffle();
    this.drawItems(count, taste, priceLevel, power);
    const score =
      leaveScore(page, this.impatience[segment]) - 1.3 * (taste - 1.2) + 0.9 * (priceLevel - 1.1) + (1.2 * (38 - count)) / ITEMS;
    const last = page === PAGES - 1 ? random.chance(0.9) : random.chance(logistic(score));
    let position = writeInteger(age, target, start);
    target[position++] = SEMICOLON;
    target[position++] = ZERO + gender;
    target[position++] = SEMICOLON;
    target[position++] = ZERO + power;
    target[position++] = SEMICOLON;
    position = writeInteger(page, target, position);
    target[position++] = SEMICOLON;
    position = writeInteger(hour, target, position);
    target[position++] = SEMICOLON;
    position = this.writeLists(target, position, count, page);
    target[position++] = last ? ZERO + 1 : ZERO;
    target[position++] = NEWLINE;
    return position;
  }

  private shuffle(): void {
    const { positions, random } = this;
    for (let index = 0; index < ITEMS; index++) positions[index] = index;
    for (let index = ITEMS - 1; index > 0; index--) {
      const other = random.below(index + 1);
      const held = positions[index];
      positions[index] = positions[other];
      positions[other] = held;
    }
  }

  private drawItems(count: number, taste: number, priceLevel: number, power: number): void {
    const { random, ctr, cvr, price, clicked, carted, favourited, paid } = this;
    const clickFactor = 1e-6 * (0.5 + power / 7);
    for (let item = 0; item < count; item++) {
      const bits = random.bits();
      const unscored = (bits & 15) === 0;
      ctr[item] = unscored ? 0 : Math.round(taste * (9_000 + 42_000 * ((bits >>> 8) * 2 ** -24)));
      const appeal = random.uniform();
      cvr[item] = unscored ? 0 : Math.round(250_000 * appeal * appeal * appeal * appeal);
      const drawn = random.bits();
      const cents = Math.round(this.priceQuantiles[(drawn >>> 8) & (PRICE_STEPS - 1)] * priceLevel * 0.1) * 10;
      price[item] = Math.max(10, cents) + ((drawn & 15) === 0 ? (drawn >>> 24) % 10 : 0);
      const isClicked = random.chance(ctr[item] * clickFactor);
      clicked[item] = isClicked ? 1 : 0;
      carted[item] = isClicked && random.chance(0.12) ? 1 : 0;
      favourited[item] = random.chance(isClicked ? 0.08 : 0.002) ? 1 : 0;
      paid[item] = isClicked && random.chance(cvr[item] * 1e-6) ? price[item] : 0;
    }
  }

  private writeLists(target: Uint8Array, start: number, count: number, page: number): number {
    const { random, positions } = this;
    let position = start;
    for (let item = 0; item < count; item++) {
      position = writeInteger(page * ITEMS + positions[item], target, position);
      target[position++] = COMMA;
    }
    position = pad(target, position, count);
    position = writeRates(this.ctr, 6, target, position, count);
    position = writeRates(this.cvr, 6, target, position, count);
    position = writeRates(this.price, 2, target, position, count);
    position = writeFlags(this.clicked, target, position, count);
    position = writeFlags(this.carted, target, position, count);
    position = writeFlags(this.favourited, target, position, count);
    position = writeRates(this.paid, 2, target, position, count);
    for (let item = 0; item < count; item++) {
      const bits = random.bits();
      target[position++] = ZERO + ((bits & 15) < 11 ? 0 : (bits >>> 8) % 5);
      target[position++] = COMMA;
    }
    return pad(target, position, count);
  }
}

/** Relative traffic by hour of the day. */
const HOURS = cumulative([30, 18, 10, 7, 6, 8, 14, 25, 38, 48, 56, 58, 60, 57, 55, 56, 58, 60, 66, 78, 92, 98, 84, 55]);

function leaveScore(page: number, impatience: number): number {
  return -2.1 + 0.21 * page + impatience;
}

function logistic(score: number): number {
  return 1 / (1 + Math.exp(-score));
}

function cumulative(weights: readonly number[]): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return Float64Array.from(weights, (weight) => (sum += weight / total));
}

function pick(cumulated: Float64Array, uniform: number): number {
  let index = 0;
  while (index < cumulated.length - 1 && uniform >= cumulated[index]) index++;
  return index;
}

function writeRates(values: Int32Array, scale: number, target: Uint8Array, start: number, count: number): number {
  let position = start;
  for (let item = 0; item < count; item++) {
    position = writeTrimmed(values[item], scale, target, position);
    target[position++] = COMMA;
  }
  return pad(target, position, count);
}

function writeFlags(values: Uint8Array, target: Uint8Array, start: number, count: number): number {
  let position = start;
  for (let item = 0; item < count; item++) {
    target[position++] = ZERO + values[item];
    target[position++] = COMMA;
  }
  return pad(target, position, count);
}

/** Bare zeros up to the fixed length, then the field's end in place of the last comma. */
function pad(target: Uint8Array, start: number, count: number): number {
  let position = start;
  for (let item = count; item < ITEMS; item++) {
    target[position++] = ZERO;
    target[position++] = COMMA;
  }
  target[position - 1] = SEMICOLON;
  return position;
}
