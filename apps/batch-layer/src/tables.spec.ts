// Goal: sources of several tables have one truth in stream and lake, whatever the order in which their files were replayed. Method: the synthetic
// subscription goes on the log (users first, events first, interleaved), is landed and asked by SQL as of every day; a processor reads the same
// topic and is asked at the same borders, through saved and restored states; a naive twin from the definitions stands beside both.
import { describe, expect, it } from 'vitest';
import { valueAt } from '#tideline/lake';
import { FeatureFormulas, generate, generateTables, labelsSql, PartialReader, partialsSql, SourceProcessor, tableNames, type Source } from '#tideline/retention';
import { replayAsOf } from './as-of-replay.ts';
import { appendText, BatchWorld, readTable, saveStates, sourceNamed, textOf } from './batch-fixtures.ts';
import { bindSilver } from './silver-view.ts';
import { verifySource } from './verify.ts';

const subscription = sourceNamed('subscription');
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const SEED = 42;
const DAYS = 50;
const files = generateTables('subscription', { seed: SEED, entities: 25, days: DAYS }).map(({ table, blocks }) => ({ table, text: textOf(blocks) }));
const textOfTable = (table: string): string => files.find((file) => file.table === table)!.text;

type Order = 'users first' | 'events first' | 'interleaved';

/** A file's lines in pieces, each with the header. */
function pieces(text: string, count: number): string[] {
  const [header, ...lines] = text.trimEnd().split('\n');
  const size = Math.ceil(lines.length / count);
  return Array.from({ length: count }, (_, k) => `${[header, ...lines.slice(k * size, (k + 1) * size)].join('\n')}\n`);
}

async function replayed(order: Order): Promise<BatchWorld> {
  const world = new BatchWorld();
  const put = async (table: string, text: string, fileId = table): Promise<unknown> => appendText(world, subscription, text, { table, fileId, chunkRows: 30 });
  if (order === 'users first') {
    await put('users', textOfTable('users'));
    await put('events', textOfTable('events'));
  } else if (order === 'events first') {
    await put('events', textOfTable('events'));
    await put('users', textOfTable('users'));
  } else {
    const [users, events] = [pieces(textOfTable('users'), 4), pieces(textOfTable('events'), 4)];
    for (let k = 0; k < 4; k++) {
      await put('events', events[k]!, `events-${k}`);
      await put('users', users[k]!, `users-${k}`);
    }
  }
  await (await world.layer()).land(subscription);
  await bindSilver(subscription, world.lake, await world.sql());
  return world;
}

type Frame = Map<string, number[]>;

async function batchFrame(world: BatchWorld, source: Source, asOfMs: number): Promise<Frame> {
  const formulas = new FeatureFormulas(source);
  const partials = new Float64Array(formulas.aggregates.length);
  const texts: (string | null)[] = [];
  const out = new Float64Array(formulas.names.length);
  const frame: Frame = new Map();
  for await (const batch of (await world.sql()).batches(partialsSql(source, tableNames(source).silver, asOfMs))) {
    const reader = new PartialReader(source, batch);
    for (let row = 0; row < batch.rowCount; row++) {
      reader.read(row, partials, texts);
      formulas.finish(partials, texts, asOfMs, out);
      frame.set(String(valueAt(batch.columns[batch.names.indexOf('entity')]!, row)), [...out]);
    }
  }
  return frame;
}

/** What one pass over silver gives as of each border. */
async function replayFrames(world: BatchWorld, source: Source, borders: readonly number[]): Promise<{ features: Frame; labels: Map<string, number> }[]> {
  const frames: { features: Frame; labels: Map<string, number> }[] = [];
  for await (const { entities, features, label, rowCount } of replayAsOf(source, await world.sql(), borders, new Set(borders))) {
    const rows = Array.from({ length: rowCount }, (_, row) => String(valueAt(entities, row)));
    frames.push({
      features: new Map(rows.map((entity, row) => [entity, features.map((column) => column.nulls?.[row] === 1 ? NaN : column.values[row]!)])),
      labels: new Map(rows.map((entity, row) => [entity, label!.values[row]!])),
    });
  }
  return frames;
}

/** What the stream says of everybody at each border, asked as soon as the watermark has passed it, from states that were saved and restored on the way. */
async function streamFrames(world: BatchWorld, borders: readonly number[]): Promise<Frame[]> {
  const codec = await world.codec(subscription);
  const frames: Frame[] = borders.map(() => new Map());
  for (let partition = 0; partition < subscription.deployment.partitions; partition++) {
    let processor = new SourceProcessor(subscription, { partition, codec, transitionSchemaId: 0 });
    let asked = 0;
    const ask = (untilMs: number): void => {
      for (; asked < borders.length && borders[asked]! <= untilMs; asked++) {
        for (const entity of processor.entities()) {
          if (!processor.isInPopulation(entity, borders[asked]!)) continue;
          const out = new Float64Array(processor.featureNames.length);
          processor.valueAsOf(entity, borders[asked]!, out);
          frames[asked]!.set(entity, [...out]);
        }
      }
    };
    for (let offset = 0, count = 0; ; count++) {
      const [batch] = await world.log.read(`raw.${subscription.name}`, partition, offset, { maxBytes: 1 });
      if (batch === undefined) break;
      processor.process(batch, false);
      offset = batch.baseOffset + batch.count;
      if (count % 7 === 3) {
        const saved = processor.snapshot();
        processor = new SourceProcessor(subscription, { partition, codec, transitionSchemaId: 0 });
        processor.restore(saved);
        expect(Buffer.from(processor.snapshot()).equals(saved)).toBe(true);
      }
      // Late records may still come up to the watermark; the generator's are in order, so borders behind it are settled.
      ask(processor.watermarkMs);
    }
    ask(Infinity);
  }
  return frames;
}

interface Event { user: string; ms: number; type: string; minutes: number | null; score: number | null }

/** Straight from the definitions: some features and the label of a user as of a time. */
function naive(userLine: string, events: readonly Event[], asOfMs: number): Record<string, number> {
  const [user, signup, plan, isPaid, , , engagement] = userLine.split(',');
  const own = events.filter((event) => event.user === user);
  const isActive = ({ type }: Event): boolean => ['login', 'course_enroll', 'video_watch', 'quiz_attempt'].includes(type);
  const within = (days: number): Event[] => own.filter(({ ms }) => ms < asOfMs && ms >= asOfMs - days * DAY_MS);
  const dayOf = (ms: number): number => Math.floor(ms / DAY_MS);
  const past = own.filter((event) => isActive(event) && event.ms < asOfMs);
  const sinceSignup = (asOfMs - Date.parse(signup!)) / DAY_MS;
  const quizzes = within(14).filter(({ type }) => type === 'quiz_attempt');
  return {
    active_days_7d: new Set(within(7).filter(isActive).map(({ ms }) => dayOf(ms))).size,
    events_30d: within(30).length,
    watch_minutes_30d: within(30).reduce((sum, { minutes }) => sum + Math.round((minutes ?? 0) * 10), 0) / 10,
    quiz_mean_14d: quizzes.length === 0 ? 0 : quizzes.reduce((sum, { score }) => sum + Math.round((score ?? 0) * 100), 0) / 100 / quizzes.length,
    tickets_7d: within(7).filter(({ type }) => type === 'support_ticket').length,
    days_since_signup: sinceSignup,
    days_since_last_activity: past.length === 0 ? Math.min(sinceSignup, (asOfMs - START_MS) / DAY_MS) : asOfMs / DAY_MS - 1 - Math.max(...past.map(({ ms }) => dayOf(ms))),
    is_paying: isPaid === 'true' ? 1 : 0,
    plan_level: { free: 0, basic: 1, premium: 2 }[plan!]!,
    engagement_score_now: Number(engagement),
    label: own.some((event) => isActive(event) && event.ms >= asOfMs && event.ms < asOfMs + 30 * DAY_MS) ? 0 : 1,
  };
}

function eventsIn(text: string): Event[] {
  return text.trimEnd().split('\n').slice(1).map((line) => {
    const [, user, time, type, , minutes, score] = line.split(',');
    return { user: user!, ms: Date.parse(time!), type: type!, minutes: minutes === '' ? null : Number(minutes), score: score === '' ? null : Number(score) };
  });
}

describe('a source of several tables', () => {
  it.each(['users first', 'events first', 'interleaved'] as const)('gives the same features in stream and batch, to the bit, for every user and day (%s)', async (order) => {
    const world = await replayed(order);
    try {
      // Users that come after the events are unknown before: then only the end can be compared.
      const borders = order === 'users first' ? Array.from({ length: DAYS - 1 }, (_, k) => START_MS + (k + 1) * DAY_MS) : [START_MS + DAYS * DAY_MS];
      const stream = await streamFrames(world, borders);
      const grid = await replayFrames(world, subscription, borders);
      for (const [k, border] of borders.entries()) {
        const at = `as of ${new Date(border).toISOString()}, seed ${SEED}`;
        expect(grid[k]!.features.size, at).toBe(25);
        expect(Object.fromEntries(stream[k]!), at).toEqual(Object.fromEntries(grid[k]!.features));
        // A statement for each as-of time costs more than all of them in one pass: some are asked of it too.
        if (k % 12 !== 0) continue;
        expect(Object.fromEntries(await batchFrame(world, subscription, border)), at).toEqual(Object.fromEntries(grid[k]!.features));
        const labels = await (await world.sql()).rows(labelsSql(subscription, tableNames(subscription).silver, border));
        expect(new Map(labels.map((row) => [String(row['entity']), Number(row['label'])])), at).toEqual(grid[k]!.labels);
      }
    } finally {
      await world.close();
    }
  }, 60_000);

  it.each(['online-retail', 'user-behavior'])('differential: one pass gives %s what a statement for each as-of time gives', async (name) => {
    const world = new BatchWorld();
    try {
      const source = sourceNamed(name);
      const startMs = Date.UTC(2017, 10, 26);
      await appendText(world, source, textOf(generate(name, { seed: SEED, rows: 3_000, startMs, durationMs: name === 'online-retail' ? 300 * DAY_MS : DAY_MS / 6 })));
      await (await world.layer()).land(source);
      await bindSilver(source, world.lake, await world.sql());
      const everyMs = name === 'online-retail' ? 60 * DAY_MS : DAY_MS / 48;
      const borders = [1, 2, 3, 5].map((k) => startMs + k * everyMs);
      const grid = await replayFrames(world, source, borders);
      for (const [k, border] of borders.entries()) {
        expect(grid[k]!.features.size).toBeGreaterThan(10);
        expect(grid[k]!.features).toEqual(await batchFrame(world, source, border));
        const labels = await (await world.sql()).rows(labelsSql(source, tableNames(source).silver, border));
        expect(new Map(labels.map((row) => [String(row['entity']), Number(row['label'])]))).toEqual(grid[k]!.labels);
      }
    } finally {
      await world.close();
    }
  }, 60_000);

  it('oracle: features and labels are what their definitions say', async () => {
    const world = await replayed('interleaved');
    try {
      const events = eventsIn(textOfTable('events'));
      const users = textOfTable('users').trimEnd().split('\n').slice(1);
      const names = new FeatureFormulas(subscription).names;
      for (const day of [1, 6, 17, 20]) {
        const asOfMs = START_MS + day * DAY_MS;
        const batch = await batchFrame(world, subscription, asOfMs);
        const labels = new Map((await (await world.sql()).rows(labelsSql(subscription, tableNames(subscription).silver, asOfMs))).map((row) => [String(row['entity']), Number(row['label'])]));
        for (const line of users) {
          const expected = naive(line, events, asOfMs);
          const found = batch.get(line.split(',')[0]!)!;
          for (const [name, value] of Object.entries(expected)) {
            expect(name === 'label' ? labels.get(line.split(',')[0]!) : found[names.indexOf(name)], `${name} of ${line} on day ${day}`).toBe(value);
          }
        }
      }
    } finally {
      await world.close();
    }
  }, 60_000);

  it('keeps each table in silver with its own columns, and reconciles', async () => {
    const world = await replayed('events first');
    try {
      const [user] = await readTable(world.store, world.lake.table('silver.subscription_users'));
      expect(Object.keys(user!)).toEqual(['user_id', 'signup_date', 'plan', 'is_paid', 'country', 'marketing_source', 'engagement_score',
        '_file', '_loop', '_byte_offset', '_topic', '_partition', '_offset', '_arrived_at', '_late']);
      const [event] = await readTable(world.store, world.lake.table('silver.subscription_events'));
      expect(Object.keys(event!)).toContain('event_day');
      expect(Object.keys(event!)).not.toContain('plan');
      const [users, events] = ['users', 'events'].map((table) => world.lake.table(`silver.subscription_${table}`));
      expect((await users!.current())!.offsets).toEqual((await events!.current())!.offsets);
      await saveStates(world, subscription);
      const verification = await verifySource(subscription, await world.doors());
      expect(verification.problems).toEqual([]);
      expect(verification.counts.silver).toBe(files.reduce((sum, { text }) => sum + text.trimEnd().split('\n').length - 1, 0));
      expect(verification.features.every(({ different, entities }) => different === 0 && entities === 25)).toBe(true);
    } finally {
      await world.close();
    }
  }, 60_000);

  it('refuses rows by the rules of their own table', async () => {
    const world = new BatchWorld();
    try {
      const users = 'user_id,signup_date,plan,is_paid,country,marketing_source,engagement_score\nu1,2026-01-01,gold,true,AR,search,0.5\nu2,2026-01-01,free,false,,search,0.5\nu3,2026-01-01,free,no,AR,search,0.5\nu4,2026-01-01,free,false,AR,search,0.5\n';
      const done = await appendText(world, subscription, users, { table: 'users' });
      expect(done).toEqual({ rows: 4, accepted: 1, rejected: 3 });
      const events = 'event_id,user_id,event_time,event_type,course_id,watch_minutes,quiz_score,amount\n1,u4,2026-02-01T00:00:00Z,payment_success,,,,\n2,u4,2026-02-01T00:00:00Z,payment_success,,,,9.99\n3,u4,2026-02-31T00:00:00Z,login,,,,\n';
      expect(await appendText(world, subscription, events, { table: 'events', fileId: 'file-2' })).toEqual({ rows: 3, accepted: 1, rejected: 2 });
      await (await world.layer()).land(subscription);
      const rejects = await readTable(world.store, world.lake.table('silver.subscription_rejects'));
      expect(rejects.map((row) => row['reason']).sort()).toEqual(['bad-timestamp', 'missing-country', 'not-allowed', 'not-allowed', 'payment-without-amount']);
    } finally {
      await world.close();
    }
  });
});
