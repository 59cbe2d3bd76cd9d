// Goal: with several event tables and versions of snapshot rows, in any order on the log, the stream's state, one pass over silver and a statement
// for each as-of time say what the definitions say. Method: seeded random rows (out of order, late, nulls, versions of one moment), appended table by
// table or mixed; a naive twin keeps everything and filters.
import { describe, expect, it } from 'vitest';
import { valueAt } from '#tideline/lake';
import { FeatureFormulas, parseSource, PartialReader, partialsSql, SourceProcessor, tableNames, type Source } from '#tideline/retention';
import { replayAsOf } from './as-of-replay.ts';
import { appendText, BatchWorld } from './batch-fixtures.ts';
import { bindSilver } from './silver-view.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const file = (path: string, text: string): { path: string; text: string } => ({ path, text });
const format = '{ kind: delimited, separator: \',\', header: true, time_format: unix-millis }';
const parsed = parseSource({
  schema: file('schema.yaml', `source: shop
entity: customer
time: happened_at
tile: 1d
lateness: 1d
tables:
  people:
    kind: snapshot
    valid_from: since
    format: ${format}
    columns: { customer: { type: int }, since: { type: timestamp }, city: { type: string, nullable: true } }
  traits:
    kind: snapshot
    format: ${format}
    columns: { customer: { type: int }, level: { type: 'decimal(5,2)', nullable: true } }
  orders:
    kind: events
    format: ${format}
    columns: { customer: { type: int }, happened_at: { type: timestamp }, paid: { type: 'decimal(9,2)' } }
  calls:
    kind: events
    lateness: 2h
    format: ${format}
    columns: { customer: { type: int }, happened_at: { type: timestamp }, minutes: { type: int, nullable: true } }
`),
  features: file('features.yaml', `population: { from: people }
aggregates:
  orders_3d: { count: true, from: orders, window: 3d }
  paid_3d: { sum: paid, where: paid > 5, window: 3d }
  talked: { sum: minutes, window: 2d }
  talks: { distinct: minutes, window: 3d }
  mean_talk: { mean: minutes, window: 3d }
  rounds: { sessions: 6h, from: calls, window: 3d }
  town: { last: city, from: people }
  rank: { last: level, from: traits }
  last_call: { last: happened_at, from: calls }
  last_paid: { last: paid, from: orders, where: paid > 5 }
features:
  orders: orders_3d
  paid: paid_3d
  talk: talked
  different_talks: talks
  from_here: case town when 'here' then 1 when 'there' then 2 else 0 end
  level_now: rank
  silence: days_between(last_call, as_of)
  paid_last: last_paid
  talk_mean: mean_talk
  call_rounds: rounds
reward: coalesce(cast(paid as double), 0.0)
action: _table
`),
  models: file('models.yaml', 'target: churn\ntask: classification\nlabel: { absence_of: any, from: orders, within: 3d }\nas_of: { every: 1d, anchor: 2026-01-01, history: 1d }\nfeatures: [orders, talk]\nmodels:\n  baseline: { kind: one-feature, feature: orders }\n'),
  deployment: file('deployment.yaml', 'partitions: 1\ngate: { metric: rocAuc, at_least: 0.5 }\n'),
});
const shop = parsed.source as Source;

interface Row { table: string; customer: number; ms: number; cents?: number; minutes?: number | null; city?: string | null; level?: number | null }

/** A small generator of its own: the same numbers for the same seed. */
function drawer(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function randomRows(draw: (below: number) => number): Row[] {
  const rows: Row[] = [];
  const clock: Record<string, number> = { orders: 0, calls: 0 };
  for (let left = 40 + draw(120); left > 0; left--) {
    const table = ['people', 'traits', 'orders', 'orders', 'calls', 'calls'][draw(6)]!;
    const customer = 1 + draw(4);
    if (table === 'people') rows.push({ table, customer, ms: START_MS + draw(9) * DAY_MS + [0, 0, 1, 5_000_000][draw(4)]!, city: ['here', 'there', null][draw(3)]! });
    else if (table === 'traits') rows.push({ table, customer, ms: -Infinity, level: [null, 125, 250][draw(3)]! });
    else {
      clock[table]! += draw(8 * 3_600_000);
      // Some go back: within the lateness, on a border, or beyond it.
      const ms = Math.max(0, clock[table]! - [0, 0, 0, 3_600_000, DAY_MS, 2 * DAY_MS][draw(6)]!);
      rows.push({ table, customer, ms: START_MS + (draw(9) === 0 ? Math.floor(ms / DAY_MS) * DAY_MS : ms), ...(table === 'orders' ? { cents: draw(1200) } : { minutes: draw(5) === 0 ? null : draw(6) }) });
    }
  }
  return rows;
}

function textOf(table: string, rows: readonly Row[]): string {
  const cell = (value: number | string | null | undefined): string => value === null || value === undefined ? '' : String(value);
  const lines = rows.map(({ customer, ms, cents, minutes, city, level }) => ({
    people: `${customer},${ms},${cell(city)}`, traits: `${customer},${level === null ? '' : (level! / 100).toFixed(2)}`,
    orders: `${customer},${ms},${((cents ?? 0) / 100).toFixed(2)}`, calls: `${customer},${ms},${cell(minutes)}`,
  })[table]!);
  const header = { people: 'customer,since,city', traits: 'customer,level', orders: 'customer,happened_at,paid', calls: 'customer,happened_at,minutes' }[table]!;
  return `${[header, ...lines].join('\n')}\n`;
}

/** Rows that are not late, in the order of the log. */
function onTime(rows: readonly Row[]): Row[] {
  const newest: Record<string, number> = {};
  return rows.filter(({ table, ms }) => {
    const lateness = { orders: DAY_MS, calls: 7_200_000 }[table];
    if (lateness === undefined) return true;
    if (ms < (newest[table] ?? -Infinity) - lateness) return false;
    newest[table] = Math.max(newest[table] ?? -Infinity, ms);
    return true;
  });
}

function naive(rows: readonly Row[], customer: number, asOfMs: number): (number | null)[] | undefined {
  const own = rows.filter((row) => row.customer === customer);
  const newest = (table: string, holds: (row: Row) => boolean): Row | undefined =>
    own.filter((row) => row.table === table && holds(row)).reduce<Row | undefined>((best, row) => best === undefined || row.ms >= best.ms ? row : best, undefined);
  const person = newest('people', ({ ms }) => ms <= asOfMs);
  if (person === undefined) return undefined;
  const within = (table: string, days: number): Row[] => own.filter((row) => row.table === table && row.ms < asOfMs && row.ms >= asOfMs - days * DAY_MS);
  const call = newest('calls', ({ ms }) => ms < asOfMs);
  const paid = newest('orders', ({ ms, cents }) => ms < asOfMs && cents! > 500);
  const trait = newest('traits', () => true);
  const talks = within('calls', 3).flatMap(({ minutes }) => minutes === null ? [] : [minutes!]);
  const times = within('calls', 3).map(({ ms }) => ms).sort((a, b) => a - b);
  return [
    within('orders', 3).length, within('orders', 3).reduce((sum, { cents }) => sum + (cents! > 500 ? cents! : 0), 0) / 100,
    within('calls', 2).reduce((sum, { minutes }) => sum + (minutes ?? 0), 0), new Set(within('calls', 3).flatMap(({ minutes }) => minutes === null ? [] : [minutes])).size,
    person.city === 'here' ? 1 : person.city === 'there' ? 2 : 0, trait === undefined || trait.level === null ? null : trait.level! / 100,
    call === undefined ? null : (asOfMs - call.ms) / DAY_MS, paid === undefined ? null : paid.cents! / 100,
    talks.length === 0 ? null : talks.reduce((sum, minutes) => sum + minutes, 0) / talks.length, times.filter((ms, k) => k === 0 || ms - times[k - 1]! > 6 * 3_600_000).length,
  ];
}

type Frame = Record<string, (number | null)[]>;
const plain = (values: Iterable<number>): (number | null)[] => [...values].map((value) => Number.isNaN(value) ? null : value);

async function statementFrame(world: BatchWorld, asOfMs: number): Promise<Frame> {
  const formulas = new FeatureFormulas(shop);
  const partials = new Float64Array(formulas.aggregates.length);
  const [texts, out, frame] = [[] as (string | null)[], new Float64Array(formulas.names.length), {} as Frame];
  for await (const batch of (await world.sql()).batches(partialsSql(shop, tableNames(shop).silver, asOfMs))) {
    const reader = new PartialReader(shop, batch);
    for (let row = 0; row < batch.rowCount; row++) {
      reader.read(row, partials, texts);
      formulas.finish(partials, texts, asOfMs, out);
      frame[String(valueAt(batch.columns[batch.names.indexOf('entity')]!, row))] = plain(out);
    }
  }
  return frame;
}

async function streamFrame(world: BatchWorld, asOfMs: number): Promise<Frame> {
  let processor = new SourceProcessor(shop, { partition: 0, codec: await world.codec(shop), transitionSchemaId: 0 });
  for (let offset = 0, count = 0; ; count++) {
    const [batch] = await world.log.read('raw.shop', 0, offset, { maxBytes: 1 });
    if (batch === undefined) break;
    processor.process(batch, true);
    offset = batch.baseOffset + batch.count;
    if (count % 3 !== 1) continue;
    const saved = processor.snapshot();
    processor = new SourceProcessor(shop, { partition: 0, codec: await world.codec(shop), transitionSchemaId: 0 });
    processor.restore(saved);
    expect(Buffer.from(processor.snapshot()).equals(saved)).toBe(true);
  }
  const frame: Frame = {};
  for (const entity of processor.entities()) {
    const out = new Float64Array(processor.featureNames.length);
    if (processor.isInPopulation(entity, asOfMs) && processor.valueAsOf(entity, asOfMs, out)) frame[entity] = plain(out);
  }
  return frame;
}

describe('tables of random rows', () => {
  it.each([1, 2, 3, 4])('oracle: stream, pass and statement are the definition (seed %i)', async (seed) => {
    expect(parsed.problems).toEqual([]);
    const draw = drawer(seed);
    const rows = randomRows(draw);
    // Whole tables one after the other, as files are replayed, or mixed as they come.
    const isMixed = seed % 2 === 0;
    const order = isMixed ? rows : ['orders', 'people', 'calls', 'traits'].flatMap((table) => rows.filter((row) => row.table === table));
    const world = new BatchWorld();
    try {
      for (let start = 0, k = 0; start < order.length; k++) {
        const { table } = order[start]!;
        let end = start;
        while (end < order.length && order[end]!.table === table) end++;
        await appendText(world, shop, textOf(table, order.slice(start, end)), { table, fileId: `file-${k}`, chunkRows: 1 + draw(30) });
        start = end;
      }
      await (await world.layer()).land(shop);
      await bindSilver(shop, world.lake, await world.sql());
      const kept = onTime(order);
      const newestMs = Math.max(...order.filter(({ table }) => table === 'orders' || table === 'calls').map(({ ms }) => ms));
      const lastBorder = (Math.floor(newestMs / DAY_MS) + 1) * DAY_MS;
      const borders = [-4, -2, -1, 0, 1].map((days) => lastBorder + days * DAY_MS);
      const passes: Frame[] = [];
      for await (const { entities, features, rowCount } of replayAsOf(shop, await world.sql(), borders, new Set())) {
        passes.push(Object.fromEntries(Array.from({ length: rowCount }, (_, row) => [String(valueAt(entities, row)), features.map((column) => column.nulls?.[row] === 1 ? null : column.values[row]!)])));
      }
      for (const [k, border] of borders.entries()) {
        const expected = Object.fromEntries([1, 2, 3, 4].flatMap((customer) => {
          const values = naive(kept, customer, border);
          return values === undefined ? [] : [[String(customer), values]];
        }));
        const at = `seed ${seed}, as of ${new Date(border).toISOString()}`;
        expect(passes[k], at).toEqual(expected);
        expect(await statementFrame(world, border), at).toEqual(expected);
        if (border >= lastBorder) expect(await streamFrame(world, border), at).toEqual(expected);
      }
    } finally {
      await world.close();
    }
  }, 60_000);

  it('makes no row late because of another table, and counts those that are late in their own', async () => {
    const world = new BatchWorld();
    try {
      const order = (day: number): Row => ({ table: 'orders', customer: 1, ms: START_MS + day * DAY_MS, cents: 100 });
      const call = (day: number): Row => ({ table: 'calls', customer: 1, ms: START_MS + day * DAY_MS, minutes: 1 });
      await appendText(world, shop, textOf('orders', [order(0), order(40), order(10)]), { table: 'orders', fileId: 'a' });
      await appendText(world, shop, textOf('calls', [call(0), call(1), call(40), call(39)]), { table: 'calls', fileId: 'b' });
      const landing = await (await world.layer()).land(shop);
      expect(landing).toMatchObject({ silverRows: 7, lateRows: 2 });
      const late = await world.query('SELECT (SELECT count(*) FROM silver.shop_orders WHERE _late) AS orders, (SELECT count(*) FROM silver.shop_calls WHERE _late) AS calls', 'silver.shop_orders', 'silver.shop_calls');
      expect(late).toEqual([{ orders: 1, calls: 1 }]);
      // Another landing goes on from each table's own maximum.
      await appendText(world, shop, textOf('orders', [order(30), order(41)]), { table: 'orders', fileId: 'c' });
      expect(await (await world.layer()).land(shop)).toMatchObject({ silverRows: 2, lateRows: 1 });
    } finally {
      await world.close();
    }
  });
});
