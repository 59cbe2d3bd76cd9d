// What a replay promises: every line on the log exactly once, whatever ends it in between, and no line of a file that does not fit.
import { existsSync, mkdtempSync, rmSync, writeFileSync, appendFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryEventLog, readTextFolders, UnreliableSchemaRegistry, type EventLog, type SchemaRegistry } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow, type Source } from '#tideline/retention';
import { chooseSeed, Fate, fatefulLog, Killed, seeded, SimulatedClock } from '../../../libs/streaming/src/fixtures.ts';
import { fileIdOf } from './file-identity.ts';
import { replayFile, type ReplayOptions, type ReplaySummary } from './replay.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const shared = [process.env['TIDELINE_SHARED'] ?? '', join(root, '..', 'shared'), join(root, '..', '..', 'shared')].find((path) => path !== '' && existsSync(path));
const sources = sourcesOrThrow(await readTextFolders(join(root, 'sources'), SOURCE_FILE_NAMES));
const source = sources.find(({ name }) => name === 'user-behavior')!;

const registry: SchemaRegistry = {
  register: async () => 3,
  schemaById: async () => ({ schema: '', type: 'AVRO' }),
  close: async () => undefined,
};

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'tideline-replay-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Lines of clicks in the format of the source, seconds apart, about one in twenty broken. */
function clicks(seed: number, rows: number, broken = 0.05): string {
  const random = seeded(seed);
  let second = 1_511_658_000;
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    if (random() < 0.3) second += Math.floor(random() * 20);
    const behavior = ['pv', 'cart', 'fav', 'buy'][Math.floor(random() * 4)];
    const line = `${Math.floor(random() * 50)},${Math.floor(random() * 1000)},${Math.floor(random() * 30)},${behavior},${second}`;
    lines.push(random() < broken ? line.replace(/,/, ';') : line);
  }
  return `${lines.join('\n')}\n`;
}

function fileWith(content: string | Uint8Array, name = 'clicks.csv'): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function replay(log: EventLog, path: string, more: Partial<ReplayOptions> = {}): Promise<ReplaySummary> {
  return replayFile({ source, path, log, registry, clock: new SimulatedClock(), lockFolder: join(folder, 'locks'), chunkRows: 50, ...more });
}

/** Everything on the log that is promised to repeat: batch borders, keys, values, identities. */
async function contents(log: EventLog, of: Source = source): Promise<unknown> {
  const found: unknown[] = [];
  for (const topic of [`raw.${of.name}`, 'dead-letter']) {
    for (let partition = 0; partition < (topic === 'dead-letter' ? 1 : of.deployment.partitions); partition++) {
      for (const batch of await log.read(topic, partition, 0)) {
        const { baseOffset, count, keys, values, headers } = batch;
        found.push({ topic, partition, baseOffset, count, keys: Buffer.from(keys).toString('hex'), values: Buffer.from(values).toString('hex'), headers });
      }
    }
  }
  return found;
}

async function recordCount(log: EventLog, of: Source = source): Promise<number> {
  let count = 0;
  for (let partition = 0; partition < of.deployment.partitions; partition++) count += (await log.offsets(`raw.${of.name}`, partition)).end;
  return count;
}

describe('counting', () => {
  test('read = accepted + rejected, on the log as in the summary', async () => {
    const log = new MemoryEventLog();
    const summary = await replay(log, fileWith(clicks(1, 1_000)));
    expect(summary).toMatchObject({ source: 'user-behavior', read: 1_000, ended: 'complete', resumedFrom: 0 });
    expect(summary.accepted + summary.rejected).toBe(1_000);
    expect(summary.rejected).toBeGreaterThan(10);
    expect(Object.values(summary.rejectedBy).reduce((a, b) => a + b)).toBe(summary.rejected);
    expect(await recordCount(log)).toBe(summary.accepted);
    expect((await log.offsets('dead-letter', 0)).end).toBe(summary.rejected);
  });

  test('an empty file and one without a newline at its end', async () => {
    expect(await replay(new MemoryEventLog(), fileWith(clicks(2, 10, 0).trimEnd()))).toMatchObject({ read: 10, accepted: 10 });
  });

  const real = shared === undefined ? undefined : join(shared, 'data', 'user-behavior', 'user-behavior-110300.csv.gz');
  if (real === undefined || !existsSync(real)) console.warn('skipped: the real clicks are not here (shared/data/user-behavior)');
  test.skipIf(real === undefined || !existsSync(real))('the real clicks, compressed: 110,300 rows', async () => {
    const log = new MemoryEventLog();
    const summary = await replay(log, real!, { chunkRows: 5_000 });
    expect(summary).toMatchObject({ read: 110_300, ended: 'complete' });
    expect(await recordCount(log)).toBe(summary.accepted);
    expect(summary.accepted + summary.rejected).toBe(110_300);
  });
});

describe('resuming', () => {
  const interruptedByKills = async (seed: number, more: Partial<ReplayOptions>): Promise<void> => {
    const random = seeded(seed);
    const path = fileWith(clicks(seed, 700));
    const undisturbed = new MemoryEventLog();
    const expected = await replay(undisturbed, path, more);
    const log = new MemoryEventLog();
    for (let kills = 0; ; ) {
      const fate = new Fate(random, { failureRate: random() < 0.5 ? 0 : 0.2, killAt: kills < 8 ? 1 + Math.floor(random() * 30) : Infinity });
      try {
        const { read, accepted, rejected, rejectedBy, bytes } = await replay(fatefulLog(log, fate), path, more);
        expect({ read, accepted, rejected, rejectedBy, bytes }, `seed ${seed}`).toEqual({
          read: expected.read, accepted: expected.accepted, rejected: expected.rejected, rejectedBy: expected.rejectedBy, bytes: expected.bytes,
        });
        break;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        kills++;
      }
    }
    expect(await contents(log), `seed ${seed}`).toEqual(await contents(undisturbed));
  };

  const seed = chooseSeed();

  test(`killed and failing at random points: the log is that of an undisturbed replay, SEED=${seed}`, { timeout: 60_000 }, async () => {
    for (let round = 0; round < 6; round++) await interruptedByKills(seed + round, {});
    for (let round = 0; round < 3; round++) await interruptedByKills(seed + round, { pace: { kind: 'speed', factor: 300 } });
    for (let round = 0; round < 3; round++) await interruptedByKills(seed + round, { pace: { kind: 'rate', rowsPerSecond: 400 } });
  });

  test('outlives a schema registry that is away for a moment, and says so', async () => {
    const away = new UnreliableSchemaRegistry(registry, { seed: 2, failBefore: 0.8 });
    const warnings: string[] = [];
    const summary = await replay(new MemoryEventLog(), fileWith(clicks(6, 100)), { registry: away, onWarning: (message) => warnings.push(message) });
    expect(summary).toMatchObject({ ended: 'complete', read: 100 });
    expect(warnings.join()).toContain('registering the schema');
  });

  test('stops at a chunk border when told to, and goes on there', async () => {
    const log = new MemoryEventLog();
    const path = fileWith(clicks(3, 500));
    const stop = new AbortController();
    const first = await replay(log, path, { signal: stop.signal, onProgress: ({ read }) => void (read >= 200 && stop.abort()) });
    expect(first).toMatchObject({ read: 200, ended: 'stopped' });
    expect(await replay(log, path, { stopAfter: 120 })).toMatchObject({ read: 350, ended: 'stopped', resumedFrom: first.bytes });
    expect(await replay(log, path)).toMatchObject({ read: 500, ended: 'complete' });
    const undisturbed = new MemoryEventLog();
    await replay(undisturbed, path);
    expect(await contents(log)).toEqual(await contents(undisturbed));
  });

  test('a finished file says so with its totals; one that grew goes on', async () => {
    const log = new MemoryEventLog();
    const path = fileWith(clicks(4, 100));
    const first = await replay(log, path);
    expect(await replay(log, path)).toMatchObject({ ended: 'already-complete', read: 100, accepted: first.accepted, bytes: first.bytes });
    appendFileSync(path, clicks(5, 60));
    expect(await replay(log, path)).toMatchObject({ ended: 'complete', read: 160, resumedFrom: first.bytes });
    expect(await recordCount(log)).toBe((await replay(log, path)).accepted);
  });

  test('a file that shrank or was replaced is refused, and taken with --from-start under another loop number', async () => {
    const log = new MemoryEventLog();
    const path = fileWith(clicks(6, 100));
    await replay(log, path);
    for (const other of [clicks(6, 50), clicks(7, 200)]) {
      writeFileSync(path, other);
      await expect(replay(log, path)).rejects.toMatchObject({ name: 'ReplayRefused', reason: 'file-changed' });
      await expect(replay(log, path)).rejects.toThrow('--from-start');
    }
    expect(await replay(log, path, { fromStart: true })).toMatchObject({ read: 200, ended: 'complete', resumedFrom: 0 });
    const [last] = (await log.read('raw.user-behavior', 0, 0)).slice(-1);
    expect(last.headers.find(({ name }) => name === 'loop')?.values).toBe('1');
    expect(await replay(log, path)).toMatchObject({ ended: 'already-complete', read: 200 });
  });

  test('loops until told to stop; the counts go on and every pass has its number', async () => {
    const log = new MemoryEventLog();
    const path = fileWith(clicks(8, 100, 0));
    const stop = new AbortController();
    const summary = await replay(log, path, { loop: true, signal: stop.signal, onProgress: ({ read }) => void (read >= 250 && stop.abort()) });
    expect(summary).toMatchObject({ read: 250, ended: 'stopped' });
    expect(await replay(log, path)).toMatchObject({ read: 300, ended: 'complete' });
    const loops = (await log.read('raw.user-behavior', 0, 0)).map(({ headers }) => headers.find(({ name }) => name === 'loop')?.values);
    expect([...new Set(loops)]).toEqual(['0', '1', '2']);
  });
});

describe('refusing', () => {
  test('a second replay of the same file at the same time, but not of another', async () => {
    const log = new MemoryEventLog();
    const path = fileWith(clicks(9, 300));
    const stop = new AbortController();
    const begun = Promise.withResolvers<void>();
    const first = replay(log, path, { loop: true, signal: stop.signal, onProgress: () => begun.resolve() });
    await begun.promise;
    await expect(replay(log, path)).rejects.toMatchObject({ code: 'LOCKED' });
    expect(await replay(log, fileWith(clicks(10, 100), 'other.csv'))).toMatchObject({ ended: 'complete' });
    stop.abort();
    expect(await first).toMatchObject({ ended: 'stopped' });
  });

  test('a truncated gzip: whole chunks stay, the error says where, the repaired file goes on', async () => {
    const log = new MemoryEventLog();
    const whole = gzipSync(clicks(11, 2_000));
    const path = fileWith(whole.subarray(0, Math.floor(whole.length * 0.7)), 'clicks.csv.gz');
    await expect(replay(log, path)).rejects.toMatchObject({ code: 'CORRUPT' });
    const reached = JSON.parse((await log.committed(`replay-${fileIdOf(path)}`, 'raw.user-behavior', 0))!.metadata) as { rows: number };
    expect(reached.rows).toBeGreaterThan(0);
    writeFileSync(path, whole);
    expect(await replay(log, path)).toMatchObject({ ended: 'complete', read: 2_000 });
    const undisturbed = new MemoryEventLog();
    await replay(undisturbed, path);
    expect(await contents(log)).toEqual(await contents(undisturbed));
  });

  test('a file of another format, before anything of it is on the log', async () => {
    const log = new MemoryEventLog();
    const path = fileWith('a line\nof prose\n'.repeat(50));
    await expect(replay(log, path)).rejects.toMatchObject({ name: 'ReplayRefused', reason: 'wrong-layout' });
    expect(await recordCount(log)).toBe(0);
    expect((await log.offsets('dead-letter', 0)).end).toBe(0);
    expect(await log.committed(`replay-${fileIdOf(path)}`, 'raw.user-behavior', 0)).toBeUndefined();
  });

  const pages = shared === undefined ? undefined : join(shared, 'data', 'alibaba', 'www-data-head10.txt');
  if (pages === undefined || !existsSync(pages)) console.warn('skipped: the ten real pages are not here (shared/data/alibaba)');
  test.skipIf(pages === undefined || !existsSync(pages))('the ten real pages in the layout of the readme; in their own they are taken', async () => {
    const alibaba = sources.find(({ name }) => name === 'alibaba')!;
    const documented = { ...alibaba, format: { ...alibaba.format, layout: 'documented' } };
    await expect(replay(new MemoryEventLog(), pages!, { source: documented })).rejects.toThrow(/layout "documented".*"observed"/s);
    expect(await replay(new MemoryEventLog(), pages!, { source: alibaba })).toMatchObject({ read: 10, accepted: 10, rejected: 0 });
  });

  test('options that do not fit', async () => {
    const alibaba = sources.find(({ name }) => name === 'alibaba')!;
    const path = fileWith(clicks(12, 10));
    await expect(replay(new MemoryEventLog(), path, { source: alibaba, pace: { kind: 'speed', factor: 60 } })).rejects.toThrow('no time column');
    await expect(replay(new MemoryEventLog(), path, { chunkRows: 0 })).rejects.toThrow('at least 1');
    await expect(replay(new MemoryEventLog(), path, { source: sources.find(({ name }) => name === 'ledger')! })).rejects.toThrow('which is loaded by whole deliveries');
    await expect(replay(new MemoryEventLog(), join(folder, 'nowhere.csv'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
