// Exactly once, embedded, with real processes. Method: ingestor and speed layer replay a synthetic log undisturbed; then again in
// another folder, killed with SIGKILL twenty times at seeded points and started again each time. What they leave behind must be the
// same: every topic's batches with keys, values and headers, and the final state of every partition, byte for byte.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createEstimator, Random } from '#tideline/learning';
import { FileEventLog, FileObjectStore, openExperimentTracker, packTexts, readTextFolders, type EventLog } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import { decodeCheckpoint } from '#tideline/streaming';
import { chooseSeed, seeded } from '../../libs/streaming/src/fixtures.ts';
import { House, isBuilt, root } from './processes.ts';

const SOURCE = 'user-behavior';
const source = sourcesOrThrow(await readTextFolders(join(root, 'sources'), SOURCE_FILE_NAMES)).find(({ name }) => name === SOURCE)!;
const ROWS = 60_000;
const KILLS = 20;
const PATIENCE_MS = 100_000;
/** Checkpoints so often that most restarts begin at one. */
const SPEED_LAYER = { SPEED_LAYER_CHECKPOINT_RECORDS: '2500' };

/** Once an app has come so far (rows or records), and a little later. */
interface Kill {
  readonly at: number;
  readonly delayMs: number;
}

const folder = mkdtempSync(join(tmpdir(), 'tideline-kill-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Clicks of some thousand users in event-time order with gaps, latecomers and broken lines; synthetic. */
function syntheticClicks(seed: number): string {
  const random = seeded(seed);
  const lines: string[] = [];
  let second = 1_511_658_000;
  for (let row = 0; row < ROWS; row++) {
    if (random() < 0.06) second += 1 + Math.floor(random() * 4);
    const late = random() < 0.002 ? 3_600 : random() < 0.02 ? 60 : 0;
    const behavior = ['pv', 'pv', 'pv', 'pv', 'cart', 'fav', 'buy'][Math.floor(random() * 7)];
    const line = `${Math.floor(random() ** 2 * 8_000)},${Math.floor(random() * 50_000)},${Math.floor(random() * 300)},${behavior},${second - late}`;
    lines.push(random() < 0.003 ? line.slice(0, 12) : line);
  }
  return `${lines.join('\n')}\n`;
}

/** Registers a small fitted model, so that scores have probabilities and reasons; gives the message that announces it. */
async function championOf(common: string, seed: number): Promise<string> {
  const { features } = source.models;
  const random = seeded(seed);
  const rowCount = 200;
  const X = Float64Array.from({ length: rowCount * features.length }, () => random() * 10);
  const y = Float64Array.from({ length: rowCount }, (_, row) => (X[row * features.length] + random() > 5 ? 1 : 0));
  const estimator = createEstimator({ kind: 'logistic-regression', task: 'classification', parameters: { l2: 1 }, prepare: [{ step: 'standardize', except: [] }] });
  const fitted = await estimator.fit({ rowCount, columnCount: features.length, X, y, featureNames: features }, { random: new Random(seed) });
  const tracker = await openExperimentTracker(`file:${join(common, 'mlruns')}`);
  const run = await tracker.startRun((await tracker.ensureExperiment(SOURCE)).id, 'synthetic');
  await tracker.putArtifact(run.id, 'model/model.bin', fitted.save());
  const { version } = await tracker.registerVersion(`churn-${SOURCE}`, run.id, 'model');
  await tracker.close();
  return JSON.stringify({ source: SOURCE, kind: 'model', name: `churn-${SOURCE}`, version, runId: run.id, artifactPath: 'model', alias: 'champion' });
}

async function announce(house: House, champion: string): Promise<void> {
  const log = new FileEventLog(join(house.folder, 'log'), { app: 'trainer' });
  await log.ensureTopics({ 'model-updates': { partitions: 1, shared: true } });
  const writer = await log.openWriter('trainer');
  await writer.commit({ appends: [{ topic: 'model-updates', records: packTexts([{ key: SOURCE, value: champion, timestampMs: 0 }]) }] });
  await writer.close();
  await log.close();
}

interface Progress {
  readonly rows: number;
  readonly replayed: boolean;
  readonly processed: number;
  readonly end: number;
}

async function progressOf(log: EventLog): Promise<Progress> {
  const topics = await log.describeTopics();
  const raw = topics.find(({ topic }) => topic === `raw.${SOURCE}`);
  if (raw === undefined) return { rows: 0, replayed: false, processed: 0, end: 0 };
  const replay = raw.groups.find(({ group }) => group.startsWith('replay-'));
  const committed = replay === undefined ? undefined : await log.committed(replay.group, raw.topic, 0);
  const facts = committed === undefined ? { rows: 0, finished: false } : (JSON.parse(committed.metadata) as { rows: number; finished: boolean });
  const processed = raw.groups.filter(({ group }) => group === 'speed-layer').reduce((sum, { offset }) => sum + offset, 0);
  return { rows: facts.rows, replayed: facts.finished, processed, end: raw.partitions.reduce((sum, { end }) => sum + end, 0) };
}

/** Whether a process that was started again holds the whole state again, so that its last checkpoint covers everything. */
function isRecovered(house: House, restarted: boolean): boolean {
  const follows = house.said('speed-layer', /follows the raw topics/) > 0;
  return follows && (!restarted || house.said('speed-layer', new RegExp(`raw.${SOURCE}/\\d recovered`)) === 4);
}

/** Runs both apps until everything is replayed and processed and `disturb`, called every few milliseconds, says that it is through. */
async function runHouse(house: House, replays: string, disturb: (progress: Progress) => Promise<boolean>): Promise<void> {
  const log = new FileEventLog(join(house.folder, 'log'), { app: 'watcher' });
  house.start('ingestor', { INGESTOR_REPLAYS: replays });
  house.start('speed-layer', SPEED_LAYER);
  const deadline = Date.now() + PATIENCE_MS;
  try {
    for (;;) {
      const progress = await progressOf(log);
      const isThrough = await disturb(progress);
      if (isThrough && progress.replayed && progress.processed === progress.end && isRecovered(house, house.starts('speed-layer') > 1)) break;
      if (Date.now() > deadline) throw new Error(`not done: ${JSON.stringify(progress)}\n${house.lines.slice(-20).join('\n')}`);
      for (const app of ['ingestor', 'speed-layer']) {
        if (!house.isRunning(app)) throw new Error(`${app} ended by itself\n${house.lines.slice(-20).join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    expect(await house.end('ingestor', 'SIGTERM'), house.lines.slice(-5).join('\n')).toBe(0);
    expect(await house.end('speed-layer', 'SIGTERM'), house.lines.slice(-5).join('\n')).toBe(0);
  } finally {
    await house.endAll();
    await log.close();
  }
}

/** Everything that must be equal, as text short enough to compare and to read. */
async function leftBehind(house: House): Promise<Record<string, unknown>> {
  const log = new FileEventLog(join(house.folder, 'log'), { app: 'watcher' });
  const store = await FileObjectStore.open(join(house.folder, 'lake'));
  const found: Record<string, unknown> = {};
  for (const { topic, partitions } of await log.describeTopics()) {
    for (const { partition, end } of partitions) {
      const hash = createHash('sha256');
      let batches = 0;
      for (let offset = 0; offset < end; ) {
        for (const batch of await log.read(topic, partition, offset)) {
          const { baseOffset, count, keys, keyOffsets, values, valueOffsets, headers } = batch;
          hash.update(JSON.stringify([baseOffset, count, headers.map(({ name, values: column }) => [name, typeof column === 'string' ? column : [...column]])]));
          for (const part of [keys, values]) hash.update(part);
          for (const part of [keyOffsets, valueOffsets]) hash.update(JSON.stringify([...part]));
          batches++;
          offset = baseOffset + count;
        }
      }
      found[`${topic}/${partition}`] = { end, batches, sha256: hash.digest('hex') };
    }
  }
  const newest = new Map<string, { offset: number; key: string }>();
  for await (const { key } of store.list('gold/_checkpoints/')) {
    const [, prefix, offset] = /^(.*)\/(\d+)\.bin$/.exec(key)!;
    if (Number(offset) >= (newest.get(prefix)?.offset ?? 0)) newest.set(prefix, { offset: Number(offset), key });
  }
  for (const { key, offset } of newest.values()) {
    const decoded = decodeCheckpoint(await store.get(key));
    if ('problem' in decoded) throw new Error(`${key}: ${decoded.problem}`);
    const { state } = decoded.checkpoint;
    found[key] = { offset, bytes: state.length, sha256: createHash('sha256').update(state).digest('hex') };
  }
  await log.close();
  return found;
}

async function aScore(house: House): Promise<unknown> {
  const log = new FileEventLog(join(house.folder, 'log'), { app: 'watcher' });
  const [batch] = await log.read('churn-scores', 0, 0, { maxBytes: 1 });
  await log.close();
  return JSON.parse(Buffer.from(batch.values.subarray(0, batch.valueOffsets[1])).toString('utf8'));
}

if (!isBuilt()) console.warn('skipped: killed processes need the built apps; `npm run build` makes them');
const seed = chooseSeed();
test.skipIf(!isBuilt())(`killed twenty times at random points, the apps leave behind what undisturbed ones do, SEED=${seed}`, { timeout: 2 * PATIENCE_MS }, async () => {
  const file = join(folder, 'synthetic-clicks.csv');
  writeFileSync(file, syntheticClicks(seed));
  // Paced, so that both apps are in the middle of their work most of the time; the pace cuts chunks of 1,000 rows.
  const replays = JSON.stringify([{ file, source: SOURCE, rate: '20000/s' }]);

  const champion = await championOf(folder, seed);
  const undisturbed = new House(join(folder, 'undisturbed'), folder);
  await announce(undisturbed, champion);
  await runHouse(undisturbed, replays, async () => true);
  const expected = await leftBehind(undisturbed);
  // The comparison means something: every kind of output and every partition's state is there.
  const topics = ['raw', 'transitions', 'late'].map((kind) => `${kind}.${SOURCE}/0`);
  for (const name of [...topics, 'churn-scores/0', 'dead-letter/0']) expect((expected[name] as { end: number }).end, name).toBeGreaterThan(0);
  expect(Object.keys(expected).filter((name) => name.includes(`_checkpoints/speed-layer/raw.${SOURCE}/`))).toHaveLength(4);
  expect(await aScore(undisturbed)).toMatchObject({ source: SOURCE, churnProbability: expect.any(Number), model: { version: '1' } });

  const random = seeded(seed);
  const plans = { ingestor: [] as Kill[], 'speed-layer': [] as Kill[] };
  for (let kill = 0; kill < KILLS; kill++) plans[random() < 0.5 ? 'ingestor' : 'speed-layer'].push({ at: Math.floor(random() * ROWS * 0.95), delayMs: random() * 40 });
  for (const plan of Object.values(plans)) plan.sort((a, b) => a.at - b.at);
  const disturbed = new House(join(folder, 'disturbed'), folder);
  await announce(disturbed, champion);
  await runHouse(disturbed, replays, async ({ rows, processed }) => {
    for (const [app, done] of [['ingestor', rows], ['speed-layer', processed]] as const) {
      if (plans[app].length === 0 || done < plans[app][0].at) continue;
      await new Promise((resolve) => setTimeout(resolve, plans[app].shift()!.delayMs));
      await disturbed.end(app, 'SIGKILL');
      disturbed.start(app, app === 'ingestor' ? { INGESTOR_REPLAYS: replays } : SPEED_LAYER);
      return false;
    }
    return plans.ingestor.length === 0 && plans['speed-layer'].length === 0;
  });
  expect(await leftBehind(disturbed), `SEED=${seed}`).toEqual(expected);
});
