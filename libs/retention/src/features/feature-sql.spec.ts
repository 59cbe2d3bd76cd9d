import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { DuckDBInstance, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededDraw } from '../expressions/random-expression.ts';
import { batchesOf, processorOf } from '../decisions/processor-fixtures.ts';
import type { Column, ColumnBatch } from '../records/columns.ts';
import { parseSource } from '../sources/parse-source.ts';
import type { Source } from '../sources/source.ts';
import { labelsSql, partialsSql, populationSql, recordFeaturesSql, rewardScale, visitCountsSql } from './feature-sql.ts';
import { aggregateOf } from './aggregate.ts';
import { FeatureFormulas, partialDivisors, PartialReader } from './finish-features.ts';
import type { NaiveRecord } from './naive-windows.ts';
import { drawFeatures, type DrawnFrom } from './random-features.ts';
import { windowRange } from './window-range.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');
const SHARED = [process.env['TIDELINE_SHARED'] ?? '', resolve(ROOT, '../shared'), resolve(ROOT, '../../shared')].find((path) => path !== '' && existsSync(path));

function readSource(name: string, edit: (file: string, text: string) => string = (_, text) => text): Source {
  const file = (part: string) => ({ path: `sources/${name}/${part}.yaml`, text: edit(part, readFileSync(`${ROOT}/sources/${name}/${part}.yaml`, 'utf8')) });
  const { source, problems } = parseSource({ schema: file('schema'), features: file('features'), models: file('models'), deployment: file('deployment') });
  if (source === undefined) throw new Error(JSON.stringify(problems, undefined, 1));
  return source;
}

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run("SET threads = 2; SET TimeZone = 'UTC'");
});
afterAll(() => { connection.closeSync(); });

/** A query's rows as numbers, texts and nulls. */
async function rowsOf(sql: string): Promise<(number | string | boolean | null)[][]> {
  const reader = await connection.runAndReadAll(sql);
  return reader.getRows().map((row) => row.map((value: DuckDBValue) => (typeof value === 'bigint' ? Number(value) : value as number | string | boolean | null)));
}

async function batchOf(sql: string): Promise<ColumnBatch> {
  const reader = await connection.runAndReadAll(sql);
  const names = reader.columnNames();
  const columns = reader.getColumns().map((cells): Column => {
    const nulls = Uint8Array.from(cells, (cell) => (cell === null ? 1 : 0));
    if (!cells.some((cell) => typeof cell === 'string')) return { type: { name: 'double' }, values: Float64Array.from(cells, (cell) => Number(cell ?? 0)), nulls };
    const parts = cells.map((cell) => Buffer.from((cell ?? '') as string, 'utf8'));
    const offsets = new Int32Array(cells.length + 1);
    parts.forEach((part, row) => { offsets[row + 1] = offsets[row] + part.length; });
    return { type: { name: 'string' }, values: new Uint8Array(Buffer.concat(parts)), offsets, nulls };
  });
  return { rowCount: reader.currentRowCount, names, columns };
}

/** Feature vectors of a query's rows, by entity. */
function featuresOf(source: Source, batch: ColumnBatch, asOfMs: number): Map<string, Float64Array> {
  const formulas = new FeatureFormulas(source);
  const reader = new PartialReader(source, batch);
  const partials = new Float64Array(formulas.aggregates.length);
  const texts: (string | null)[] = [];
  const entity = batch.columns[batch.names.indexOf('entity')];
  const vectors = new Map<string, Float64Array>();
  for (let row = 0; row < batch.rowCount; row++) {
    reader.read(row, partials, texts);
    const out = new Float64Array(formulas.names.length);
    formulas.finish(partials, texts, asOfMs, out);
    vectors.set(Buffer.from((entity.values as Uint8Array).subarray(entity.offsets?.[row], entity.offsets?.[row + 1])).toString(), out);
  }
  return vectors;
}

interface Event { entity: number; time: number; n: number; price: number | null; note: string | null; flag: boolean; late: boolean; offset: number }

const EVENTS_SCHEMA = `
source: events
format: { kind: delimited, separator: ',', time_format: unix-millis }
columns:
  user_id: { type: bigint }
  at: { type: timestamp }
  n: { type: int, range: [-100, 100] }
  price: { type: 'decimal(12,3)', nullable: true }
  note: { type: string, nullable: true }
  flag: { type: boolean }
entity: user_id
time: at
tile: 1h
lateness: 2h`;
const EVENTS_FEATURES = `
conditions: { big: n > 3, noted: note like 'a%' }
population: { where: n >= 0, window: 10h }
aggregates:
  all_12h: { count: true, window: 12h }
  big_5h: { count: true, where: big, window: 5h }
  n_5h: { sum: n, window: 5h }
  price_12h: { sum: price, where: big, window: 12h }
  flags: { sum: flag, window: 10h }
  first_at: { min: at, window: 10h }
  last_at: { max: at, where: noted, window: 5h }
  least_price: { min: price, window: 12h }
  most_n: { max: n, window: 5h }
  notes: { distinct: note, window: 12h, limit: 100 }
  last_note: { last: note, window: 12h }
  last_price: { last: price, where: big, window: 12h }
features: { total: price_12h / all_12h, silence: "days_between(last_at, as_of)", noted: case when last_note = 'ab' then 1 else 0 end, least: least_price }
state: [total]
reward: price
action: n`;
const EVENTS_MODELS = `
target: churn
task: classification
label: { absence_of: big, within: 6h }
as_of: { every: 1h, anchor: 2020-01-01, history: 1h }
features: [total, silence]
models: { one: { kind: one-feature, feature: total } }`;

const eventsWith = (features: string, models = EVENTS_MODELS): ReturnType<typeof parseSource> => parseSource({
  schema: { path: 'schema.yaml', text: EVENTS_SCHEMA }, features: { path: 'features.yaml', text: features },
  models: { path: 'models.yaml', text: models }, deployment: { path: 'deployment.yaml', text: 'partitions: 1\ngate: { metric: rocAuc, at_least: 0.5 }' },
});
const EVENTS = eventsWith(EVENTS_FEATURES);

const HOUR = 3_600_000;
const START = Date.UTC(2020, 0, 1);

function randomEvents(seed: number, count: number): Event[] {
  const draw = seededDraw(seed);
  return Array.from({ length: count }, (_, offset) => ({
    entity: Math.floor(draw() * 12), time: START + Math.floor(draw() * 24) * HOUR + (draw() < 0.3 ? 0 : Math.floor(draw() * HOUR)), n: Math.floor(draw() * 10) - 2,
    price: draw() < 0.2 ? null : Math.floor(draw() * 1e9) / 1000, note: draw() < 0.2 ? null : ['a', 'ab', 'b', ''][Math.floor(draw() * 4)], flag: draw() < 0.5,
    late: draw() < 0.1, offset,
  }));
}

/** The aggregates of EVENTS_FEATURES from their definition, one pass over all records for each: finished values in file order. */
function naiveAggregates(all: readonly Event[], asOf: number): (number | string | null)[] {
  const within = (hours: number, where: (event: Event) => boolean = () => true): Event[] => all.filter((event) => !event.late && event.time < asOf && event.time >= asOf - hours * HOUR && where(event));
  const big = (event: Event): boolean => event.n > 3;
  const some = (values: (number | null)[], pick: (...values: number[]) => number): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : pick(...known);
  };
  const mills = (events: Event[]): number => events.reduce((sum, event) => sum + Math.round((event.price ?? 0) * 1000), 0) / 1000;
  const last = <T>(events: Event[], of: (event: Event) => T | null): T | null => events.filter((event) => of(event) !== null)
    .sort((a, b) => a.time - b.time || a.offset - b.offset).map(of).at(-1) ?? null;
  return [
    within(12).length, within(5, big).length, within(5).reduce((sum, event) => sum + event.n, 0), mills(within(12, big)), within(10, (event) => event.flag).length,
    some(within(10).map((event) => event.time), Math.min), some(within(5, (event) => event.note?.startsWith('a') === true).map((event) => event.time), Math.max),
    some(within(12).map((event) => event.price), Math.min), some(within(5).map((event) => event.n), Math.max),
    new Set(within(12).map((event) => event.note).filter((note) => note !== null)).size, last(within(12), (event) => event.note), last(within(12, big), (event) => event.price),
  ];
}

const DRAWN_FROM: DrawnFrom = {
  numbers: [{ name: 'n', unit: 1 }, { name: 'price', unit: 1000 }], squared: [{ name: 'n', unit: 1 }, { name: 'flag', unit: 1 }],
  texts: [{ name: 'note', like: 'ab' }], conditions: ['big', 'noted'], longest: 12,
  tile: { written: 'h', ms: HOUR, gaps: [{ written: '1ms', ms: 1 }, { written: '10m', ms: HOUR / 6 }, { written: '1h', ms: HOUR }, { written: '150m', ms: 2.5 * HOUR }] },
};

/** Events in the order of a log: mostly rising, some late, some twice. */
function randomLog(draw: () => number, count: number): Event[] {
  let newest = START;
  const events: Event[] = [];
  while (events.length < count) {
    // On whole minutes mostly, so that times meet and gaps are hit exactly.
    const step = draw() < 0.7 ? HOUR / 12 : 1;
    const time = step * Math.round((newest + (draw() < 0.2 ? -draw() * 4 * HOUR : draw() < 0.3 ? 0 : draw() * HOUR * 0.3)) / step);
    const late = events.length > 0 && time < newest - 2 * HOUR;
    newest = events.length > 0 ? Math.max(newest, time) : time;
    const event = {
      entity: Math.floor(draw() * 5), time, n: Math.floor(draw() * 10) - 2, price: draw() < 0.2 ? null : Math.floor(draw() * 1e6) / 1000,
      note: draw() < 0.2 ? null : ['a', 'ab', 'b'][Math.floor(draw() * 3)], flag: draw() < 0.5, late,
    };
    for (let copies = draw() < 0.1 ? 2 : 1; copies > 0; copies--) events.push({ ...event, offset: events.length });
  }
  return events;
}

const csvOf = (events: readonly Event[]): Uint8Array =>
  Buffer.from(['user_id,at,n,price,note,flag', ...events.map(({ entity, time, n, price, note, flag }) => [entity, time, n, price?.toFixed(3) ?? '', note ?? '', flag].join(','))].map((line) => `${line}\n`).join(''));

const asNaive = ({ entity, time, n, price, note, flag }: Event): NaiveRecord => ({
  entity: String(entity), timeMs: time, columns: { at: time, n, price: price === null ? null : Math.round(price * 1000), note, flag: flag ? 1 : 0 },
  holds: new Set([...(n > 3 ? ['big'] : []), ...(note?.startsWith('a') === true ? ['noted'] : [])]),
});

/** A table of DuckDB with silver's columns. */
async function tableOf(name: string, events: readonly Event[]): Promise<void> {
  const text = (value: string | null): string => value === null ? 'NULL' : `'${value}'`;
  await connection.run(`CREATE OR REPLACE TABLE ${name} AS SELECT CAST(a AS BIGINT) AS user_id, make_timestamp(CAST(b AS BIGINT) * 1000) AS "at", CAST(c AS INTEGER) AS n, CAST(d AS DECIMAL(12,3)) AS price,
    CAST(e AS VARCHAR) AS note, f AS flag, g AS _late, 0 AS _partition, CAST(h AS BIGINT) AS _offset FROM (VALUES
    ${events.map((event) => `(${event.entity}, ${event.time}, ${event.n}, ${event.price === null ? 'NULL' : `'${event.price.toFixed(3)}'`}, ${text(event.note)}, ${event.flag}, ${event.late}, ${event.offset})`).join(',\n')}) t(a,b,c,d,e,f,g,h)`);
}

/** Features from partials of the plain algebra, one a tile, the tiles of each window merged. */
function mergedFeatures(source: Source, records: readonly NaiveRecord[], entity: string, asOfMs: number): Float64Array {
  const formulas = new FeatureFormulas(source);
  const divisors = partialDivisors(source);
  const condition = (where: string): string => Object.entries(source.features.conditions).find(([, sql]) => sql === where)?.[0] ?? expect.fail(`expected a condition, found ${where}`);
  const texts: (string | null)[] = [];
  const partials = Float64Array.from(source.features.aggregates, (definition, k) => {
    const { of, where, sessionMs } = definition;
    const aggregate = aggregateOf(definition);
    const { startMs, endMs } = windowRange(definition, asOfMs);
    const tiles = new Map<number, unknown>();
    records.forEach((record, sequence) => {
      const value = of === undefined ? 0 : record.columns[of];
      if (record.entity !== entity || record.timeMs < startMs || record.timeMs >= endMs || (value === null && sessionMs === undefined)) return;
      if (where !== undefined && !record.holds.has(condition(where))) return;
      const tile = Math.floor(record.timeMs / HOUR);
      tiles.set(tile, aggregate.add(tiles.get(tile) ?? aggregate.empty(), { timeMs: record.timeMs, sequence, value }));
    });
    const value = aggregate.finish([...tiles.values()].reduce((a, b) => aggregate.merge(a, b), aggregate.empty()));
    texts[k] = typeof value === 'string' ? value : null;
    return typeof value === 'number' ? value / divisors[k] : NaN;
  });
  const out = new Float64Array(formulas.names.length);
  formulas.finish(partials, texts, asOfMs, out);
  return out;
}

const SEED = process.env['SEED'] === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(process.env['SEED']);

describe('feature SQL', () => {
  it(`oracle, differential: random definitions over random logs are the same in the stream, from merged tiles, by definition and in SQL, SEED=${SEED}`, async () => {
    const draw = seededDraw(SEED);
    let compared = 0;
    for (let round = 0; round < 12; round++) {
      const drawn = drawFeatures(draw, 8, DRAWN_FROM);
      const features = `conditions: { big: n > 3, noted: note like 'a%' }\npopulation: { where: n >= 0, window: 10h }\naggregates:\n${drawn.aggregates}\nfeatures:\n${drawn.features}\nstate: [${drawn.names[0]}]\nreward: n\naction: n`;
      const { source, problems } = eventsWith(features, EVENTS_MODELS.replace('[total, silence]', `[${drawn.names[0]}]`).replace('feature: total', `feature: ${drawn.names[0]}`));
      if (source === undefined) throw new Error(`${JSON.stringify(problems)} in\n${features}`);
      const events = randomLog(draw, 150);
      let processor = processorOf(source);
      for (const batch of batchesOf(source, [csvOf(events)], 1 + Math.floor(draw() * 60))) {
        processor.process(batch, draw() < 0.5);
        const saved = processor.snapshot();
        if (draw() < 0.5) continue;
        processor = processorOf(source);
        processor.restore(saved);
        expect(Buffer.from(processor.snapshot()).equals(saved)).toBe(true);
      }
      await tableOf('drawn', events);
      const records = events.filter(({ late }) => !late).map(asNaive);
      const firstTile = Math.floor(processor.watermarkMs / HOUR);
      for (const asOf of [firstTile, firstTile + 1 + Math.floor(draw() * 2), firstTile + 3 + Math.floor(draw() * 6)].map((tile) => tile * HOUR)) {
        const vectors = featuresOf(source, await batchOf(partialsSql(source, 'drawn', asOf)), asOf);
        expect(vectors.size).toBe(['0', '1', '2', '3', '4'].filter((entity) => processor.isInPopulation(entity, asOf)).length);
        for (const [entity, sql] of vectors) {
          const stream = new Float64Array(drawn.names.length);
          processor.valueAsOf(entity, asOf, stream);
          const naive = drawn.expected(records, entity, asOf);
          const tiles = mergedFeatures(source, records, entity, asOf);
          drawn.names.forEach((name, k) => {
            const same = [stream[k], tiles[k], sql[k]].every((value) => value === naive[k] || (Number.isNaN(value) && Number.isNaN(naive[k])));
            if (!same) expect.fail(`SEED=${SEED} round ${round}, ${name} of ${entity} as of ${new Date(asOf).toISOString()}: expected ${naive[k]}, found ${stream[k]} in the stream, ${tiles[k]} from tiles, ${sql[k]} in SQL\n${features}`);
            compared++;
          });
        }
      }
    }
    expect(compared).toBeGreaterThan(600);
  });

  it('oracle: partials, population and labels equal those computed from the definition', async () => {
    const source = EVENTS.source as Source;
    expect(EVENTS.problems).toEqual([]);
    const events = randomEvents(7, 600);
    const text = (value: string | null): string => value === null ? 'NULL' : `'${value}'`;
    await connection.run(`CREATE TABLE events AS SELECT CAST(a AS BIGINT) AS user_id, make_timestamp(CAST(b AS BIGINT) * 1000) AS "at", CAST(c AS INTEGER) AS n, CAST(d AS DECIMAL(12,3)) AS price,
      CAST(e AS VARCHAR) AS note, f AS flag, g AS _late, 0 AS _partition, CAST(h AS BIGINT) AS _offset FROM (VALUES
      ${events.map((event) => `(${event.entity}, ${event.time}, ${event.n}, ${event.price === null ? 'NULL' : `'${event.price.toFixed(3)}'`}, ${text(event.note)}, ${event.flag}, ${event.late}, ${event.offset})`).join(',\n')}) t(a,b,c,d,e,f,g,h)`);
    const divisors = partialDivisors(source);
    let compared = 0;
    for (const asOf of [START, START + 3 * HOUR, START + 11 * HOUR, START + 18 * HOUR, START + 24 * HOUR, START + 30 * HOUR]) {
      const seen = (event: Event): boolean => !event.late && event.time < asOf && event.time >= asOf - 10 * HOUR && event.n >= 0;
      const entities = [...new Set(events.filter(seen).map((event) => event.entity))].sort((a, b) => (String(a) < String(b) ? -1 : 1));
      const expected = entities.map((entity) => [String(entity), ...naiveAggregates(events.filter((event) => event.entity === entity), asOf)]);
      const rows = await rowsOf(partialsSql(source, 'events', asOf));
      expect(rows.map((row) => row.map((value, k) => (typeof value === 'number' && k > 0 ? value / divisors[k - 1] : value)))).toEqual(expected);
      expect((await rowsOf(populationSql(source, 'events', asOf))).flat()).toEqual(entities.map(String));
      const returns = (entity: number): boolean => events.some((event) => event.entity === entity && !event.late && event.n > 3 && event.time >= asOf && event.time < asOf + 6 * HOUR);
      expect(await rowsOf(labelsSql(source, 'events', asOf))).toEqual(entities.map((entity) => [String(entity), returns(entity) ? 0 : 1]));
      compared += rows.length;
    }
    expect(compared).toBeGreaterThan(40);
  });

  it('oracle: features of records and visit counts of a source without time equal those computed from the definition', async () => {
    const source = readSource('alibaba', (_, text) => text.replaceAll('500 records', '5 records'));
    const draw = seededDraw(11);
    const records = Array.from({ length: 300 }, (_, offset) => ({
      age: Math.floor(draw() * 2), page: Math.floor(draw() * 4), items: Array.from({ length: 1 + Math.floor(draw() * 4) }, () => Math.floor(draw() * 1e6)),
      clicks: Math.floor(draw() * 3), paid: Math.floor(draw() * 1e4), last: draw() < 0.3 ? 1 : 0, offset,
    }));
    const list = (items: number[], scale: number): string => `[${items.map((item) => (item / 10 ** scale).toFixed(scale)).join(', ')}]`;
    await connection.run(`CREATE TABLE alibaba AS SELECT CAST(a AS VARCHAR) || '-1-3' AS segment, CAST(p AS INTEGER) AS page_id, 12 AS hour, CAST(len(i) AS INTEGER) AS item_count, CAST(c AS INTEGER) AS clicks,
      CAST(s AS DECIMAL(12,2)) AS spending, CAST(s + c * 0.5 AS DECIMAL(13,2)) AS reward, CAST(3.0 / 7 AS DOUBLE) AS purchase_power_scaled, CAST(i AS DECIMAL(7,6)[]) AS item_ctr,
      CAST(i AS DECIMAL(7,6)[]) AS item_cvr, CAST(i AS DECIMAL(9,2)[]) AS item_price, CAST(l AS INTEGER) AS is_last_page, false AS _late, 0 AS _partition, CAST(o AS BIGINT) AS _offset FROM (VALUES
      ${records.map((r) => `(${r.age}, ${r.page}, ${list(r.items, 6)}, ${r.clicks}, ${(r.paid / 100).toFixed(2)}, ${r.last}, ${r.offset})`).join(',\n')}) t(a, p, i, c, s, l, o)`);
    const batch = await batchOf(recordFeaturesSql(source, 'alibaba'));
    expect(batch.rowCount).toBe(records.length);
    const formulas = new FeatureFormulas(source);
    const reader = new PartialReader(source, batch, formulas);
    const [partials, slots, out] = [new Float64Array(5), new Float64Array(formulas.record.length), new Float64Array(formulas.names.length)];
    records.forEach((record, row) => {
      const before = records.slice(0, row).filter((other) => other.age === record.age).slice(-5);
      const total = (of: (r: typeof record) => number): number => before.reduce((sum, other) => sum + of(other), 0);
      const mean = (scale: number): number => record.items.map((item) => Math.round(item / 10 ** (6 - scale))).reduce((a, b) => a + b, 0) / 10 ** scale / record.items.length;
      const price = record.items.map((item) => Math.round(item / 1e4) / 100);
      const ratio = (a: number, b: number): number => b === 0 ? NaN : a / b;
      reader.read(row, partials, [], slots);
      formulas.finish(partials, [], 0, out, slots);
      expect([...out]).toEqual([3 / 7, record.page, 12, record.items.length, mean(6), mean(6), mean(2), Math.min(...price), Math.max(...price),
        ratio(total((r) => r.last), before.length), ratio(total((r) => r.clicks), total((r) => r.items.length)), ratio(total((r) => r.paid) / 100, before.length)]);
    });
    expect(rewardScale(source)).toBe(2);
    const expected = [...Map.groupBy(records, (r) => `${r.age}-1-3 ${r.page}`)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, group]) => [
      ...key.split(' ').map((part, k) => (k === 0 ? part : Number(part))), group.length, group.filter((r) => r.last === 1).length, group.reduce((sum, r) => sum + r.paid + 50 * r.clicks, 0)]);
    expect(await rowsOf(visitCountsSql(source, 'alibaba'))).toEqual(expected);
  });

  it('renders for Spark what differs there', () => {
    const added = 'aggregates:\n  before: { lag: clicks, records: 2, window: 5 records }\n  opened: { first: clicks, window: 5 records, offset: 1 records }';
    const source = readSource('alibaba', (file, text) => (file === 'features' ? text.replace('aggregates:', added) : text));
    expect(recordFeaturesSql(source, 'silver', 'spark')).toContain('nth_value(CAST(`clicks` AS BIGINT), 2) IGNORE NULLS OVER w5r AS `before`');
    expect(recordFeaturesSql(source, 'silver', 'spark')).toContain('first_value(CAST(`clicks` AS BIGINT)) IGNORE NULLS OVER w5_1 AS `opened`');
    const { source: timed } = eventsWith(EVENTS_FEATURES.replace('aggregates:', 'aggregates:\n  before: { lag: n, records: 2, window: 5h }\n  visit: { duration: true, session: 10m, window: 5h }'));
    const sql = partialsSql(timed as Source, 'silver', START, 'spark');
    expect(sql).toContain("get(sort_array(collect_list(named_struct('o0', `at`, 'o1', `_partition`, 'o2', `_offset`, 'v', `n`))");
    expect(sql).not.toMatch(/epoch_ms|"/);
  });

  const retail = SHARED === undefined ? '' : `${SHARED}/data/online-retail/online-retail.csv.gz`;
  const absent = !existsSync(retail);
  it.skipIf(absent)(`differential: the 18 features and the label of 3,362 real customers equal pandas${absent ? ' (skipped: ../shared is absent)' : ''}`, async () => {
    const source = readSource('online-retail');
    await connection.run(`CREATE TABLE retail AS SELECT InvoiceNo AS invoice_no, StockCode AS stock_code, Description AS description, Quantity AS quantity, InvoiceDate AS invoice_date,
      UnitPrice AS unit_price, CAST(CustomerID AS INTEGER) AS customer_id, Country AS country, CAST(Quantity * UnitPrice AS DECIMAL(14,3)) AS amount,
      false AS _late, 0 AS _partition, row_number() OVER () AS _offset
      FROM read_csv('${retail}', columns = {InvoiceNo: 'VARCHAR', StockCode: 'VARCHAR', Description: 'VARCHAR', Quantity: 'INTEGER', InvoiceDate: 'TIMESTAMP',
        UnitPrice: 'DECIMAL(10,3)', CustomerID: 'DOUBLE', Country: 'VARCHAR'}, header = true) WHERE CustomerID IS NOT NULL`);
    const asOf = Date.UTC(2011, 8, 9);
    const vectors = featuresOf(source, await batchOf(partialsSql(source, 'retail', asOf)), asOf);
    const labels = new Map((await rowsOf(labelsSql(source, 'retail', asOf))).map(([entity, label]) => [entity, label]));
    const lines = readFileSync(`${SHARED}/peers/retail_features_20110909.csv`, 'utf8').trim().split('\n').map((line) => line.split(','));
    expect(lines[0].slice(1, -1)).toEqual(source.features.features.map((feature) => feature.name));
    expect(vectors.size).toBe(lines.length - 1);
    let worst = 0;
    for (const [entity, ...cells] of lines.slice(1)) {
      const vector = vectors.get(entity) ?? expect.fail(`expected customer ${entity}`);
      const expected = cells.slice(0, -1).map(Number);
      expected.forEach((value, k) => {
        const difference = Math.abs(vector[k] - value) / Math.max(1, Math.abs(value));
        if (!(difference <= 1e-9)) expect.fail(`customer ${entity}, ${source.features.features[k].name}: expected ${value}, found ${vector[k]}`);
        worst = Math.max(worst, difference);
      });
      expect(labels.get(entity)).toBe(Number(cells.at(-1)));
    }
    expect(worst).toBeLessThan(1e-9);
  });
});
