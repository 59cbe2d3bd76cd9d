import { SeededRandom } from './seeded-random.ts';

const DAY_MS = 86_400_000;
const SEGMENTS = ['Instore', 'Utilities', 'Transport', 'TopUps', 'Transfers'];
const CITIES = ['Buenos Aires', 'Cordoba', 'Rosario', 'Mendoza', 'La Plata', 'Salta'];
const CARDS = ['BLACK', 'GOLD', 'PLATINUM', 'CLASSIC'];
const INVESTMENTS = ['Investing', 'Pending', 'Eligible', 'Warmup'];
const FIRST_CUSTOMER = 1001;
const MONTH_DAYS = 30;

/** How many customers, over how many days from when (ms, a midnight in UTC). */
export interface PaymentsShape {
  readonly seed: number;
  readonly entities: number;
  readonly days: number;
  readonly startMs: number;
}

interface Customer {
  readonly id: number;
  readonly age: number;
  readonly gender: 'F' | 'M';
  readonly card: string;
  readonly city: string;
  /** Payments a day while the customer stays. */
  readonly rate: number;
  readonly isInvesting: boolean;
  /** Day on which the customer is gone; after the last for those who stay. */
  readonly goneOn: number;
}

function customersOf({ seed, entities, days }: PaymentsShape): Customer[] {
  const random = new SeededRandom(seed, 0);
  return Array.from({ length: entities }, (_, index) => {
    const rate = Math.min(0.6, random.exponential(0.08) + 0.005);
    const isInvesting = random.chance(0.35);
    const isGoing = random.chance(Math.max(0.05, 0.5 - rate * 3 - (isInvesting ? 0.15 : 0)));
    return {
      id: FIRST_CUSTOMER + index, rate, isInvesting, age: 18 + random.below(60), gender: random.chance(0.5) ? 'F' : 'M', card: CARDS[random.below(CARDS.length)],
      city: CITIES[random.below(CITIES.length)], goneOn: isGoing ? Math.floor(days / 4) + random.below(days) : days + 1,
    };
  });
}

const dateOf = ({ startMs }: PaymentsShape, day: number): string => new Date(startMs + day * DAY_MS).toISOString().slice(0, 10);

/** Lines of PAYMENTS.csv, header first, by day. */
export function* paymentLines(shape: PaymentsShape): Iterable<string> {
  yield 'FECHA,CUS_CUST_ID_SEL,CUS_CUST_ID_BUY,SPENT,TPV_SEGMENT_DETAIL,DESCUENTO\n';
  const random = new SeededRandom(shape.seed, 1);
  const customers = customersOf(shape);
  for (let day = 0; day < shape.days; day++) {
    for (const { id, rate, goneOn } of customers) {
      if (day >= goneOn || !random.chance(rate)) continue;
      const discount = random.chance(0.6) ? '0.00' : (random.below(30) / 100).toFixed(2);
      yield `${dateOf(shape, day)},SELLER_${1 + random.below(200)},${id},${(5 + random.exponential(90)).toFixed(2)},${SEGMENTS[random.below(SEGMENTS.length)]},${discount}\n`;
    }
  }
}

/** Lines of DEMOGRAFICOS.csv, header first: a row a customer. */
export function* demographicLines(shape: PaymentsShape): Iterable<string> {
  yield 'CUS_CUST_ID_BUY,AGE,GENDER,CARD_TYPE,CITY\n';
  for (const { id, age, gender, card, city } of customersOf(shape)) yield `${id},${age},${gender},${card},${city}\n`;
}

/** Lines of DINERO_CUENTA.csv, header first: a row a customer. */
export function* accountLines(shape: PaymentsShape): Iterable<string> {
  yield 'CUS_CUST_ID_BUY,PLATA_CUENTA_1,PLATA_CUENTA_2,INVERSION\n';
  const random = new SeededRandom(shape.seed, 2);
  for (const { id, isInvesting } of customersOf(shape)) {
    const balance = random.exponential(isInvesting ? 900 : 300);
    yield `${id},${balance.toFixed(2)},${(balance * (0.7 + 0.6 * random.uniform())).toFixed(2)},${isInvesting ? INVESTMENTS[0] : INVESTMENTS[1 + random.below(3)]}\n`;
  }
}

/** Lines of ACTIVE_USER.csv, header first: a row for each month in which a customer was there, by month. */
export function* activeUserLines(shape: PaymentsShape): Iterable<string> {
  yield 'CUS_CUST_ID_BUY,MAU_MP_1,MAU_ML_1,MAU_ML_2,last_login_mp_date_1\n';
  yield* monthly(shape, 3, ({ id, rate }, lastDay, random) => {
    const actives = (scale: number): number => Math.round(random.exponential(rate * scale));
    return `${id},${1 + actives(60)},${actives(40)},${actives(40)},${dateOf(shape, lastDay)}\n`;
  });
}

/** Lines of MARKETPLACE_DATA.csv, header first: as `activeUserLines`, for the few who buy there. */
export function* marketplaceLines(shape: PaymentsShape): Iterable<string> {
  yield 'CUS_CUST_ID_BUY,SPENT_ML,RECENCY_ML,FREQUENCY_ML\n';
  yield* monthly(shape, 4, ({ id, rate }, lastDay, random) =>
    random.chance(0.6) ? '' : `${id},${(random.exponential(1500 * rate) + 10).toFixed(2)},${dateOf(shape, lastDay)},${1 + Math.round(random.exponential(rate * 20))}\n`);
}

function* monthly(shape: PaymentsShape, stream: number, line: (customer: Customer, lastDay: number, random: SeededRandom) => string): Iterable<string> {
  const random = new SeededRandom(shape.seed, stream);
  const customers = customersOf(shape);
  for (let month = 0; month * MONTH_DAYS < shape.days; month++) {
    for (const customer of customers) {
      const end = Math.min((month + 1) * MONTH_DAYS, customer.goneOn, shape.days);
      if (end > month * MONTH_DAYS) yield line(customer, end - 1 - random.below(Math.min(10, end - month * MONTH_DAYS)), random);
    }
  }
}
