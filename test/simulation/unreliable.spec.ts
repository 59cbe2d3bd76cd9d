// The invariants I1 to I6 on doors that are unreliable in every way. Method: ingestor, speed layer, batch layer and trainer work on a small
// synthetic log in memory, undisturbed; then again for each of 200 seeds (every fifth with gold, training and a second champion), with calls
// that fail before or after their effect, hang, or take effect after the caller gave up, and with apps that die at random calls and begin
// anew. What is left behind must be the undisturbed run's. The seed decides everything but the interleaving; SEED=… repeats one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lake, Sql, valueAt } from '#tideline/lake';
import { createEstimator, Random } from '#tideline/learning';
import { unpackTexts } from '#tideline/platform';
import { FeatureFormulas, generate, PartialReader, partialsSql, tableNames, type Source } from '#tideline/retention';
import { readTable, sourceNamed, textOf } from '../../apps/batch-layer/src/batch-fixtures.ts';
import { seeded } from '../../libs/streaming/src/fixtures.ts';
import { CurrentStore, told, UnreliableWorld, type Input } from './unreliable-world.ts';

const SEEDS = 200;
/** Building gold and learning take most of the time: every fifth seed goes that far, the others end with what is scored and landed. */
const isWhole = (seed: number): boolean => seed % 5 === 0;
const BLOCK = 20;
const folder = mkdtempSync(join(tmpdir(), 'tideline-unreliable-'));
const current = new CurrentStore();
let sql: Sql;

/** Small sources with everything that can go wrong: rescoring, late records, refused rows, two models. */
function smallSource(name: 'user-behavior' | 'alibaba'): Source {
  return sourceNamed(name, (file, text) => {
    if (file === 'deployment.yaml' && name === 'user-behavior') return `${text.replace('partitions: 4', 'partitions: 2').replace(/gate: .*/, GATE)}rescore_every: 20m\n`;
    if (file === 'deployment.yaml') return text.replace(/gate: .*/, GATE);
    if (file === 'models.yaml') return text.replace(/ {2}boosting: .*\n/, '').replace('every: 10m', 'every: 30m').replace('gap_rows: 1000', 'gap_rows: 10');
    return text;
  });
}
const GATE = 'gate: { metric: rocAuc, at_least: 0.0, max_drop: 1.0, beats_baseline: false }';

async function inputOf(source: Source, rows: number): Promise<Input> {
  const random = seeded(7);
  const lines = textOf(generate(source.name, { seed: 7, rows, durationMs: 5 * 3_600_000 })).trimEnd().split('\n');
  for (let row = 20; row < lines.length; row += 45) lines[row] = lines[row]!.slice(0, 9);
  // Some come a little later than they should, a few so late that they are late.
  if (source.time !== undefined) for (let row = 10; row < lines.length - 60; row += 17) lines.splice(row + (row % 3 === 0 ? 50 : 3), 0, lines.splice(row, 1)[0]!);
  const cut = Math.floor(lines.length * 0.7);
  const files = [lines.slice(0, cut), lines.slice(cut)].map((part, k) => {
    const path = join(folder, `${source.name}-${k}.log`);
    writeFileSync(path, `${part.join('\n')}\n`);
    return path;
  });
  const { features } = source.models;
  const X = Float32Array.from({ length: 100 * features.length }, () => random() * 10);
  const y = Float64Array.from({ length: 100 }, (_, row) => (X[row * features.length]! > 5 ? 1 : 0));
  const estimator = createEstimator({ kind: 'logistic-regression', task: 'classification', parameters: { l2: 1 }, prepare: [{ step: 'standardize', except: [] }] });
  const fitted = await estimator.fit({ rowCount: 100, columnCount: features.length, X, y, featureNames: features }, { random: new Random(7) });
  return { source, files: [files[0]!, files[1]!], champion: fitted.save(), folder };
}

type LeftBehind = Record<string, unknown>;
/** What the undisturbed run leaves behind, half way and at its end. */
const inputs = new Map<string, { input: Input; halfWay: LeftBehind; expected: LeftBehind }>();
let calm: UnreliableWorld;

beforeAll(async () => {
  sql = await Sql.open(current.shown, { threads: 1 });
  for (const [source, rows] of [[smallSource('alibaba'), 150], [smallSource('user-behavior'), 330]] as const) {
    const input = await inputOf(source, rows);
    calm = new UnreliableWorld(input, sql, current);
    await calm.begin();
    const halfWay = await calm.leftBehind();
    expect(await calm.verify()).toEqual([]);
    await calm.goOn();
    expect(await calm.verify()).toEqual([]);
    inputs.set(source.name, { input, halfWay, expected: await calm.leftBehind() });
  }
});

afterAll(async () => {
  await sql.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the undisturbed run', () => {
  it('has everything that a disturbed one could lose', () => {
    for (const [name, { expected }] of inputs) {
      for (const topic of [`raw.${name}/0`, `transitions.${name}/0`, 'churn-scores/0', 'dead-letter/0']) expect((expected[topic] as { records: number }).records, topic).toBeGreaterThan(2);
      expect(expected['trained'], name).toBe(true);
    }
    expect((inputs.get('user-behavior')!.expected['late.user-behavior/0'] as { records: number }).records).toBeGreaterThan(0);
  });

  it('I2: every record has one row in silver and at most one score of its own', async () => {
    const { source } = inputs.get('user-behavior')!.input;
    const rows = await readTable(calm.inner.store, new Lake(calm.inner.store).table(tableNames(source).silver));
    const identities = rows.map((row) => `${row['_file']}/${row['_loop']}/${row['_byte_offset']}`);
    expect(new Set(identities).size).toBe(identities.length);
    const scores: string[] = [];
    for (let partition = 0; partition < 2; partition++) {
      for (const batch of await calm.inner.log.read('churn-scores', partition, 0, { maxBytes: Infinity })) {
        for (const { value } of unpackTexts(batch)) {
          const { entity, featureTime, origin, reward, model } = JSON.parse(value) as Record<string, unknown>;
          scores.push(JSON.stringify([entity, featureTime, origin, reward === null, model]));
        }
      }
    }
    expect(scores.length).toBeGreaterThan(100);
    expect(new Set(scores).size).toBe(scores.length);
  });

  it('I4: a training row is what silver gives when nothing from its decision time on is there', async () => {
    const { source } = inputs.get('user-behavior')!.input;
    const lake = new Lake(calm.inner.store);
    const training = await readTable(calm.inner.store, lake.table(tableNames(source).training));
    expect(training.length).toBeGreaterThan(30);
    // The frame was built before the second log arrived.
    const silver = lake.table(tableNames(source).silver);
    await sql.bind(silver);
    const formulas = new FeatureFormulas(source);
    const [partials, texts, out] = [new Float64Array(formulas.aggregates.length), [] as (string | null)[], new Float64Array(formulas.names.length)];
    for (const asOf of new Set(training.map((row) => Number(row['as_of'])))) {
      const known = `(SELECT * FROM ${silver.name} WHERE epoch_ms(event_time) < ${asOf} AND _file = (SELECT _file FROM ${silver.name} ORDER BY _partition, _offset LIMIT 1))`;
      const found: string[] = [];
      for await (const batch of sql.batches(partialsSql(source, known, asOf))) {
        const reader = new PartialReader(source, batch);
        for (let row = 0; row < batch.rowCount; row++) {
          reader.read(row, partials, texts);
          formulas.finish(partials, texts, asOf, out);
          found.push(JSON.stringify([valueAt(batch.columns[batch.names.indexOf('entity')]!, row), ...out]));
        }
      }
      const own = training.filter((row) => Number(row['as_of']) === asOf).map((row) => JSON.stringify([row['entity'], ...formulas.names.map((name) => row[name] ?? null)]));
      expect(own.sort()).toEqual(found.sort());
    }
  });
});

async function disturbed(seed: number): Promise<UnreliableWorld> {
  const name = seed % 2 === 0 ? 'alibaba' : 'user-behavior';
  const { input, halfWay, expected } = inputs.get(name)!;
  const draw = seeded(seed);
  const world = new UnreliableWorld(input, sql, current, { seed, draw, rate: 0.02 + draw() * 0.13 });
  try {
    await world.begin();
    if (isWhole(seed)) await world.goOn();
    expect(await world.leftBehind()).toEqual(isWhole(seed) ? expected : halfWay);
    // States and silver are the undisturbed run's, byte for byte, so I1 holds as it does there; asking again costs most where it says least.
    if (isWhole(seed)) expect(await world.verify()).toEqual([]);
  } catch (error) {
    throw new Error(`SEED=${seed} (${name}, ${world.faults} faults, ${world.deaths} deaths, ${world.failures} failures): ${told(error)}`, { cause: error });
  }
  return world;
}

const only = process.env['SEED'];
const blocks = only === undefined ? Array.from({ length: SEEDS / BLOCK }, (_, k) => Array.from({ length: BLOCK }, (_unused, i) => k * BLOCK + i + 1)) : [[Number(only)]];

describe('disturbed runs (I1 to I6)', () => {
  it.each(blocks.map((seeds) => ({ seeds, first: seeds[0], last: seeds.at(-1) })))('leave behind what the undisturbed one did, seeds $first to $last', async ({ seeds }) => {
    const worlds: UnreliableWorld[] = [];
    for (const seed of seeds) worlds.push(await disturbed(seed));
    if (worlds.length < BLOCK) return;
    const sum = (of: (world: UnreliableWorld) => number): number => worlds.reduce((total, world) => total + of(world), 0);
    // Faults that never happen prove nothing.
    expect(sum(({ faults }) => faults)).toBeGreaterThan(BLOCK * 5);
    expect(sum(({ deaths }) => deaths)).toBeGreaterThan(BLOCK * 2);
    expect(sum(({ snapshotsRead }) => snapshotsRead)).toBeGreaterThan(BLOCK);
  }, 300_000);
});
