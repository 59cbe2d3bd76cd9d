// Invariant I1: the speed layer's features equal the batch layer's at the same offset, every feature of every entity, to the last bit.
// Method: synthetic logs of the three sources, the timed ones with records out of order and late, cut into log batches at random. The
// speed side runs `SourceProcessor` over the batches; the batch side lands the same topic and asks SQL over silver cut at the same
// offset, at random offsets and as-of times; what the speed layer put out (scores, transitions) is held against SQL as well. The same again
// with feature definitions made up at random. Seeds are printed; SEED=… repeats a run.
import { afterAll, describe, expect, it } from 'vitest';
import { unpackTexts, type RecordBatch } from '#tideline/platform';
import {
  decodeTransition, FeatureFormulas, generate, PartialReader, partialsSql, recordFeaturesSql, SourceProcessor, tableNames, type Source,
} from '#tideline/retention';
import { appendText, BatchWorld, sourceNamed, textOf } from '../../apps/batch-layer/src/batch-fixtures.ts';
import { comparePartition, LayerComparison } from '../../apps/batch-layer/src/compare-layers.ts';
import { valueAt } from '#tideline/lake';
import { drawFeatures, type DrawnFrom } from '../../libs/retention/src/features/random-features.ts';
import { chooseSeed, seeded } from '../../libs/streaming/src/fixtures.ts';

type Draw = () => number;
const SCHEMA_ID = 0;

const worlds: BatchWorld[] = [];
afterAll(async () => {
  for (const world of worlds) await world.close();
});

const pick = <T>(draw: Draw, items: readonly T[]): T => items[Math.floor(draw() * items.length)]!;

/** Moves lines about: most stay near their place, a few come much later than they should, which makes them late. */
function disorder(lines: readonly string[], draw: Draw): string[] {
  const places = lines.map((line, place) => ({ line, place: place + (draw() < 0.02 ? draw() * lines.length : draw() < 0.3 ? draw() * 20 : 0) }));
  return places.sort((a, b) => a.place - b.place).map(({ line }) => line);
}

/** Lines of a retail log in the order of their time: the generator writes invoices in the order of their numbers. */
const byTime = (lines: readonly string[]): string[] => [...lines].sort((a, b) => (/\d{4}-\d\d-\d\d \d\d:\d\d/.exec(a)?.[0] ?? '').localeCompare(/\d{4}-\d\d-\d\d \d\d:\d\d/.exec(b)?.[0] ?? ''));

/** A synthetic log of the source on a topic, in batches cut at random, landed. */
async function worldOf(source: Source, rows: number, seed: number, draw: Draw): Promise<BatchWorld> {
  const world = new BatchWorld();
  worlds.push(world);
  const lines = textOf(generate(source.name, { seed, rows })).trimEnd().split('\n');
  const header = source.format.header ? [lines.shift()!] : [];
  let rest = source.time === undefined ? lines : disorder(source.name === 'online-retail' ? byTime(lines) : lines, draw);
  for (let file = 0; rest.length > 0; file++) {
    const count = 1 + Math.floor(draw() * rows * 0.4);
    await appendText(world, source, `${[...header, ...rest.slice(0, count)].join('\n')}\n`, { fileId: `file-${file}`, chunkRows: 1 + Math.floor(draw() * 300) });
    rest = rest.slice(count);
    if (draw() < 0.5) await (await world.layer()).land(source);
  }
  await (await world.layer()).land(source);
  await (await world.sql()).bind(world.lake.table(tableNames(source).silver));
  return world;
}

/** Batch's features of every entity as of a time, from one partition's rows below an offset. */
async function batchFeatures(source: Source, world: BatchWorld, partition: number, end: number, asOfMs: number): Promise<Map<string, number[]>> {
  const cut = `(SELECT * FROM ${tableNames(source).silver} WHERE _partition = ${partition} AND _offset < ${end})`;
  const formulas = new FeatureFormulas(source);
  const partials = new Float64Array(formulas.aggregates.length);
  const texts: (string | null)[] = [];
  const out = new Float64Array(formulas.names.length);
  const found = new Map<string, number[]>();
  for await (const batch of (await world.sql()).batches(partialsSql(source, cut, asOfMs))) {
    const reader = new PartialReader(source, batch);
    for (let row = 0; row < batch.rowCount; row++) {
      reader.read(row, partials, texts);
      formulas.finish(partials, texts, asOfMs, out);
      found.set(String(valueAt(batch.columns[batch.names.indexOf('entity')]!, row)), [...out]);
    }
  }
  return found;
}

function expectEqualFeatures(source: Source, speed: ReadonlyMap<string, readonly number[]>, batch: ReadonlyMap<string, readonly number[]>, told: string): void {
  expect([...speed.keys()].sort(), told).toEqual([...batch.keys()].sort());
  const names = source.features.features.map(({ name }) => name);
  for (const [entity, values] of batch) {
    const own = speed.get(entity)!;
    // Comparing whole vectors first keeps the usual case fast.
    if (values.every((value, k) => value === own[k] || (Number.isNaN(value) && Number.isNaN(own[k])))) continue;
    expect(Object.fromEntries(names.map((name, k) => [name, own[k]])), `${entity}, ${told}`).toEqual(Object.fromEntries(names.map((name, k) => [name, values[k]])));
  }
}

async function batchesOf(world: BatchWorld, source: Source, partition: number): Promise<readonly RecordBatch[]> {
  const { log } = world;
  const topic = `raw.${source.name}`;
  const found: RecordBatch[] = [];
  const { end } = await log.offsets(topic, partition);
  for (let offset = 0; offset < end; ) {
    const batches = await log.read(topic, partition, offset);
    found.push(...batches);
    offset = batches.at(-1)!.baseOffset + batches.at(-1)!.count;
  }
  return found;
}

/** Compares one partition at a few random batch borders; gives how many entities were compared. */
async function compareTimed(source: Source, world: BatchWorld, partition: number, draw: Draw, borders: number): Promise<number> {
  const processor = new SourceProcessor(source, { partition, codec: await world.codec(source), transitionSchemaId: SCHEMA_ID });
  const tileMs = source.tileMs!;
  const batches = await batchesOf(world, source, partition);
  const chosen = new Set(Array.from({ length: borders }, () => Math.floor(draw() * batches.length)).concat(batches.length - 1));
  const values = new Float64Array(source.features.features.length);
  let compared = 0;
  for (const [index, batch] of batches.entries()) {
    const { appends } = processor.process(batch, chosen.has(index));
    if (!chosen.has(index)) continue;
    const end = batch.baseOffset + batch.count;
    // Any border that a score or a state may still ask for: from the watermark's tile to just after the newest record.
    const firstTile = Math.floor(processor.watermarkMs / tileMs);
    const lastTile = Math.floor((processor.watermarkMs + source.latenessMs) / tileMs) + 1;
    for (const tile of new Set([firstTile, lastTile, firstTile + Math.floor(draw() * (lastTile - firstTile + 1))])) {
      const asOfMs = tile * tileMs;
      const told = `${source.name} partition ${partition} offset ${end} as of ${new Date(asOfMs).toISOString()}`;
      const expected = await batchFeatures(source, world, partition, end, asOfMs);
      const speed = new Map<string, number[]>();
      for (const entity of processor.entities()) {
        if (processor.isInPopulation(entity, asOfMs) && processor.valueAsOf(entity, asOfMs, values)) speed.set(entity, [...values]);
      }
      expectEqualFeatures(source, speed, expected, told);
      compared += expected.size;
    }
    compared += await compareScores(source, world, partition, end, appends, draw);
  }
  return compared;
}

interface LiveScore { readonly entity: string; readonly featureTime: string; readonly state: readonly (number | null)[]; readonly reward: number | null; readonly origin: { readonly offset: string } }

/**
 * Live scores of one batch carry the state as of their feature time: it is batch's, for entities of the population then. A score of the
 * entity's own record stands at the end of the batch; one of a rescored population stands before the record that moved the time on.
 */
async function compareScores(source: Source, world: BatchWorld, partition: number, end: number, appends: ReturnType<SourceProcessor['process']>['appends'], draw: Draw): Promise<number> {
  const scores = appends.filter(({ topic }) => topic === 'churn-scores').flatMap(({ records }) => unpackTexts(records)).map(({ value }) => JSON.parse(value) as LiveScore);
  if (scores.length === 0) return 0;
  const cutOf = (score: LiveScore): number => (score.reward === null ? Number(score.origin.offset) : end);
  const chosen = pick(draw, scores);
  const expected = await batchFeatures(source, world, partition, cutOf(chosen), Date.parse(chosen.featureTime));
  const positions = source.features.state.map((name) => source.features.features.findIndex((feature) => feature.name === name));
  let compared = 0;
  for (const score of scores.filter((candidate) => candidate.featureTime === chosen.featureTime && cutOf(candidate) === cutOf(chosen))) {
    const values = expected.get(score.entity);
    if (values === undefined) continue;
    const state = positions.map((k) => (Number.isFinite(values[k]) ? values[k]! : null));
    expect(score.state, `score of ${score.entity} at ${chosen.featureTime}, partition ${partition} below offset ${cutOf(chosen)}`).toEqual(state);
    compared++;
  }
  return compared;
}

/** Every transition's state is batch's row of the same record; and the state after a random border is what a next record would see. */
async function compareSequenced(source: Source, world: BatchWorld, draw: Draw, borders: number): Promise<number> {
  const partition = 0;
  const processor = new SourceProcessor(source, { partition, codec: await world.codec(source), transitionSchemaId: SCHEMA_ID });
  const batches = await batchesOf(world, source, partition);
  const chosen = new Set(Array.from({ length: borders }, () => Math.floor(draw() * batches.length)));
  const states: number[][] = [];
  for (const [index, batch] of batches.entries()) {
    const { appends } = processor.process(batch, true);
    for (const { records } of appends.filter(({ topic }) => topic === `transitions.${source.name}`)) {
      for (let k = 0; k < records.count; k++) states.push([...decodeTransition(records.values.subarray(records.valueOffsets[k], records.valueOffsets[k + 1])).state]);
    }
    if (!chosen.has(index)) continue;
    const comparison = new LayerComparison(source);
    await comparePartition(source, await world.sql(), processor, partition, batch.baseOffset + batch.count, comparison);
    expect(comparison.problems()).toEqual([]);
    expect(comparison.entityCount).toBe(processor.entityCount);
  }
  const formulas = new FeatureFormulas(source);
  const positions = source.features.state.map((name) => formulas.names.indexOf(name));
  const partials = new Float64Array(formulas.aggregates.length);
  const texts: (string | null)[] = [];
  const record = new Float64Array(formulas.record.length);
  const out = new Float64Array(formulas.names.length);
  let offset = 0;
  for await (const batch of (await world.sql()).batches(recordFeaturesSql(source, tableNames(source).silver))) {
    const reader = new PartialReader(source, batch, formulas);
    for (let row = 0; row < batch.rowCount; row++) {
      reader.read(row, partials, texts, record);
      formulas.finish(partials, texts, NaN, out, record);
      expect(states[offset], `record ${offset}`).toEqual(positions.map((k) => out[k]));
      offset++;
    }
  }
  expect(states).toHaveLength(offset);
  return offset;
}

const none = { numbers: [], squared: [], texts: [], conditions: [] };
const tile = (written: string, ms: number, ...gaps: readonly [string, number][]): DrawnFrom['tile'] => ({ written, ms, gaps: gaps.map(([text, gapMs]) => ({ written: text, ms: gapMs })) });

/** What definitions are drawn of, by source. */
const drawnFrom: Readonly<Record<string, DrawnFrom>> = {
  'user-behavior': {
    ...none, numbers: [{ name: 'item_id', unit: 1 }, { name: 'category_id', unit: 1 }, { name: 'is_buy', unit: 1 }], texts: [{ name: 'behavior', like: 'cart' }],
    conditions: ['view', 'intent', 'buy'], longest: 90, tile: tile('m', 60_000, ['20s', 20_000], ['1m', 60_000]),
  },
  'online-retail': {
    ...none, numbers: [{ name: 'quantity', unit: 1 }, { name: 'amount', unit: 1000 }, { name: 'unit_price', unit: 1000 }], texts: [{ name: 'country', like: 'France' }, { name: 'stock_code', like: '85123A' }],
    conditions: ['purchase', 'cancellation'], longest: 400, tile: tile('d', 86_400_000, ['30m', 1_800_000], ['1d', 86_400_000]),
  },
  alibaba: {
    ...none, numbers: [{ name: 'clicks', unit: 1 }, { name: 'spending', unit: 100 }, { name: 'item_count', unit: 1 }], squared: [{ name: 'page_id', unit: 1 }, { name: 'is_last_page', unit: 1 }],
    conditions: ['busy'], longest: 30, tile: undefined,
  },
};

/** A source whose features are drawn: kinds, columns, conditions, windows and forms. */
function redefined(name: string, draw: Draw): Source {
  const from = drawnFrom[name]!;
  const { aggregates, features, names } = drawFeatures(draw, 5, from);
  const window = `${1 + Math.floor(draw() ** 2 * from.longest)}${from.tile?.written ?? ''}`;
  const tail = (text: string): string => text.slice(text.indexOf('\nreward:') + 1);
  const head = (text: string): string => (from.tile === undefined ? 'conditions:\n  busy: clicks > 0\n' : text.slice(0, text.indexOf('aggregates:')).replace(/population: .*/, `population: { window: ${window} }`));
  return sourceNamed(name, (file, text) => {
    if (file === 'features.yaml') return `${head(text)}aggregates:\n${aggregates}\nfeatures:\n${features}\nstate: [${names.join(', ')}]\n${tail(text)}`;
    if (file === 'models.yaml') return `${text.slice(0, text.indexOf('features:'))}features: [${names.join(', ')}]\nmodels:\n  alone: { kind: one-feature, feature: ${names[0]} }\n`;
    // The suite of the training table names features that are gone.
    if (file === 'checks.yaml') return text.slice(0, text.indexOf('\ntraining:') + 1) || text;
    return text;
  });
}

const seed = chooseSeed();

describe(`skew: speed equals batch at the same offset (I1), SEED=${seed}`, () => {
  it.each(['user-behavior', 'online-retail'])('differential: %s, out of order and late', async (name) => {
    const draw = seeded(seed);
    const source = sourceNamed(name);
    const world = await worldOf(source, 4_000, seed, draw);
    const [late] = await world.query(`SELECT CAST(count(*) AS INTEGER) AS n FROM ${tableNames(source).silver} WHERE _late`);
    expect(late!['n']).toBeGreaterThan(0);
    let compared = 0;
    for (let partition = 0; partition < source.deployment.partitions; partition++) compared += await compareTimed(source, world, partition, draw, 3);
    expect(compared).toBeGreaterThan(150);
  });

  it('differential: alibaba, the last 500 records of each segment', async () => {
    const draw = seeded(seed);
    const source = sourceNamed('alibaba');
    const world = await worldOf(source, 1_500, seed, draw);
    expect(await compareSequenced(source, world, draw, 2)).toBe(1_500);
  });

  it.each(['user-behavior', 'online-retail', 'alibaba'])('differential: %s with definitions made up at random', async (name) => {
    const draw = seeded(seed + 1);
    for (let round = 0; round < (name === 'user-behavior' ? 2 : 3); round++) {
      const source = redefined(name, draw);
      const world = await worldOf(source, name === 'alibaba' ? 400 : 1_200, seed + round, draw);
      if (source.time === undefined) await compareSequenced(source, world, draw, 1);
      else for (let partition = 0; partition < source.deployment.partitions; partition++) await compareTimed(source, world, partition, draw, 1);
    }
  });
});
