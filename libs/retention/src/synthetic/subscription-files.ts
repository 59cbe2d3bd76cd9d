import { SeededRandom } from './seeded-random.ts';

const DAY_S = 86_400;
const COUNTRIES = ['AR', 'BR', 'MX', 'CL', 'CO', 'ES', 'US'];
const CHANNELS = ['search', 'social', 'friend', 'advert', 'newsletter'];
const COURSES = 40;
/** Users signed up on a day of the 120 before the events begin. */
const SIGNUP_DAYS = 120;

interface User {
  readonly id: string;
  readonly signupDay: number;
  readonly plan: 'free' | 'basic' | 'premium';
  readonly country: string;
  readonly channel: string;
  readonly engagement: number;
  /** Day on which the user is gone; after the last for those who stay. */
  readonly goneOn: number;
  /** Draws for what the user does, apart from everybody else's. */
  readonly random: SeededRandom;
}

interface Event {
  readonly second: number;
  readonly user: User;
  readonly type: string;
  readonly course: string;
  readonly minutes: string;
  readonly score: string;
  readonly amount: string;
}

/** How many users, over how many days from when (ms, a midnight in UTC). */
export interface SubscriptionShape {
  readonly seed: number;
  readonly entities: number;
  readonly days: number;
  readonly startMs: number;
}

/** Lines of `users.csv`, header first: what each user is. */
export function* userLines(shape: SubscriptionShape): Iterable<string> {
  yield 'user_id,signup_date,plan,is_paid,country,marketing_source,engagement_score\n';
  for (const user of usersOf(shape)) {
    const signup = new Date(shape.startMs + user.signupDay * DAY_S * 1000).toISOString().slice(0, 10);
    yield `${user.id},${signup},${user.plan},${user.plan !== 'free'},${user.country},${user.channel},${user.engagement.toFixed(4)}\n`;
  }
}

/** Lines of `events.csv`, header first, in order of time: what users do until they are gone, engaged ones more than others. */
export function* eventLines(shape: SubscriptionShape): Iterable<string> {
  yield 'event_id,user_id,event_time,event_type,course_id,watch_minutes,quiz_score,amount\n';
  const users = usersOf(shape);
  let count = 0;
  for (let day = 0; day < shape.days; day++) {
    const dayMs = shape.startMs + day * DAY_S * 1000;
    const dayOfMonth = new Date(dayMs).getUTCDate();
    const events = users.flatMap((user) => day < user.goneOn ? eventsOf(user, dayOfMonth) : []);
    // Equal seconds keep the order of the users: sorting is stable.
    events.sort((a, b) => a.second - b.second);
    for (const { second, user, type, course, minutes, score, amount } of events) {
      const time = new Date(dayMs + second * 1000).toISOString().slice(0, 19);
      yield `event-${++count},${user.id},${time}Z,${type},${course},${minutes},${score},${amount}\n`;
    }
  }
}

function usersOf({ seed, entities, days }: SubscriptionShape): User[] {
  const random = new SeededRandom(seed, 0);
  return Array.from({ length: entities }, (_, index) => {
    const isPaid = random.chance(0.35);
    const engagement = betaTwoTwoAndHalf(random.uniform());
    const churns = Math.min(0.95, 0.35 * (isPaid ? 0.75 : 1) * (0.4 + 1.4 * (1 - engagement) ** 1.6));
    const isGoing = random.chance(churns);
    const goneOn = Math.floor(days / 4) + random.below(days - Math.floor(days / 4));
    return {
      id: `user-${index + 1}`,
      signupDay: -random.below(SIGNUP_DAYS),
      plan: isPaid ? random.chance(0.5) ? 'basic' : 'premium' : 'free',
      country: COUNTRIES[random.below(COUNTRIES.length)],
      channel: CHANNELS[random.below(CHANNELS.length)],
      engagement,
      goneOn: isGoing ? goneOn : days + 1,
      random: new SeededRandom(seed, index + 1),
    };
  });
}

function eventsOf(user: User, dayOfMonth: number): Event[] {
  const { random, engagement } = user;
  const events: Event[] = [];
  const add = (type: string, values: Partial<Pick<Event, 'course' | 'minutes' | 'score' | 'amount'>> = {}): void => {
    events.push({ second: random.below(DAY_S), user, type, course: '', minutes: '', score: '', amount: '', ...values });
  };
  if (random.chance(0.15 + 0.8 * engagement)) {
    for (let session = 1 + random.below(3); session > 0; session--) {
      const course = `course-${1 + random.below(COURSES)}`;
      add('login');
      // A gamma of shape 2 is the sum of two exponentials.
      if (random.chance(0.5 + 0.4 * engagement)) add('video_watch', { course, minutes: (random.exponential(8 + 10 * engagement) + random.exponential(8 + 10 * engagement)).toFixed(1) });
      if (random.chance(0.25 + 0.35 * engagement)) add('quiz_attempt', { course, score: Math.min(100, Math.max(0, 55 + 30 * engagement + 15 * random.normal())).toFixed(2) });
      if (random.chance(0.05)) add('course_enroll', { course });
    }
  }
  if (user.plan !== 'free' && dayOfMonth <= 3 && random.chance(1 / 3)) {
    add(random.chance(0.93) ? 'payment_success' : 'payment_failed', { amount: user.plan === 'premium' ? '19.99' : '9.99' });
  }
  if (random.chance(0.005)) add('support_ticket');
  return events;
}

/** The quantile of Beta(2, 2.5): with u = 1 - x its distribution has the closed form u^2.5 (1 / 2.5 - u / 3.5) over its value at 1. */
function betaTwoTwoAndHalf(probability: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const u = (low + high) / 2;
    const above = (u * u * Math.sqrt(u) * (1 / 2.5 - u / 3.5)) / (1 / 2.5 - 1 / 3.5);
    if (above < 1 - probability) low = u;
    else high = u;
  }
  return 1 - (low + high) / 2;
}
