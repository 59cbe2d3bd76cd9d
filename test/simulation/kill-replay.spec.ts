// Exactly once, embedded, with real processes. Method: ingestor and speed layer replay a synthetic log and are killed with SIGKILL twenty times at
// seeded points; what they leave is held against the lines of the file and against one undisturbed pass in this process: every topic's batches
// with keys, values and headers, and the state of every partition. Then the same comparison must say no to whatever is planted.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTextFolders, type EventLog, type PackedRecords, type ReadOptions, type RecordBatch } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import { chooseSeed } from '../../libs/streaming/src/fixtures.ts';
import { checkProof, embeddedStand, isBuilt, isEqual, prove, type AppName, type ProofRun } from '../../tools/prove/index.ts';

const ROWS = 40_000;
const KILLS = 20;
const APPS: readonly AppName[] = ['ingestor', 'speed-layer'];
const seed = chooseSeed();
const folder = mkdtempSync(join(tmpdir(), 'tideline-kill-'));
const built = isBuilt(APPS);
if (!built) console.warn('skipped: killed processes need the built apps; `npm run build` makes them');

describe.skipIf(!built)(`killed twenty times at random points, the apps leave what undisturbed ones do (SEED=${seed})`, () => {
  /** A small one to plant things in. */
  let run: ProofRun;

  beforeAll(async () => {
    run = await proveIn('small', 4_000, 0);
  }, 120_000);
  afterAll(async () => {
    await run?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('everything is equal, and there was something to compare', { timeout: 320_000 }, async () => {
    const { proof, close } = await proveIn('killed', ROWS, KILLS);
    await close();
    expect(proof.checks.filter((check) => !isEqual(check)), `SEED=${seed}`).toEqual([]);
    expect(proof.ok).toBe(true);
    expect(proof.kills).toHaveLength(KILLS);
    expect(proof.restarts).toEqual([]);
    for (const { what, expected, found } of proof.checks) {
      expect(found, what).toBe(expected);
      expect(expected, what).toBeGreaterThan(0);
    }
    const scores = proof.checks.find(({ what }) => what === 'churn-scores')!;
    expect(scores.expected).toBeLessThan(proof.counts.accepted);
  });

  const tampered: readonly [string, string, string, (batch: RecordBatch) => RecordBatch, Readonly<Record<string, number>>][] = [
    ['a record is lost', 'raw.user-behavior', 'lines of the file = records in raw.user-behavior', (batch) => pick(batch, rowsBut(batch, 3)), { lost: 1, doubled: 0 }],
    ['a record is there twice', 'raw.user-behavior', 'lines of the file = records in raw.user-behavior', (batch) => pick(batch, [0, 0, ...rowsBut(batch, 0)]), { lost: 0, doubled: 1 }],
    ['a record names another byte', 'raw.user-behavior', 'lines of the file = records in raw.user-behavior', shiftOffset, { lost: 1, doubled: 1 }],
    ['two records are in another order', 'raw.user-behavior', 'raw.user-behavior: batches of an undisturbed replay', (batch) => pick(batch, [1, 0, ...rowsBut(batch, 0, 1)]), { lost: 0, doubled: 0, different: 1 }],
    ['a score is there twice', 'churn-scores', 'churn-scores', (batch) => pick(batch, [0, ...rowsBut(batch)]), { lost: 0, doubled: 1 }],
    ['a score is another one', 'churn-scores', 'churn-scores', changeScore, { lost: 0, doubled: 0, different: 1 }],
    ['a transition is lost', 'transitions.user-behavior', 'transitions.user-behavior', (batch) => pick(batch, rowsBut(batch, 0)), { lost: 1 }],
    ['a dead letter is lost', 'dead-letter', 'lines made to be no records = dead letters', (batch) => pick(batch, rowsBut(batch, 0)), { lost: 1 }],
  ];

  it.each(tampered)('says no when %s', async (_, topic, what, tamper, counts) => {
    const checks = await checkProof(run.truth, { ...run.doors, log: tamperedLog(run.doors.log, topic, tamper) }, () => undefined);
    const check = checks.find((candidate) => candidate.what === what)!;
    expect(check).toMatchObject(counts);
    expect(isEqual(check)).toBe(false);
    expect(check.first).toMatch(/expected .*, found /);
  }, 60_000);
});

async function proveIn(name: string, rows: number, kills: number): Promise<ProofRun> {
  const source = sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES)).find((candidate) => candidate.name === 'user-behavior')!;
  return prove({
    source, file: undefined, rows, seed, kills, serverKills: 0, serverDownMs: 0, apps: APPS, speedLayers: 1, rowsPerSecond: 20_000, folder: join(folder, name),
    stand: embeddedStand(join(folder, name, 'doors')), patienceMs: 220_000, signal: new AbortController().signal, note: () => undefined,
  });
}

/** The log as it is, but for one batch of a topic: the first with a few records. */
function tamperedLog(log: EventLog, topic: string, tamper: (batch: RecordBatch) => RecordBatch): EventLog {
  let place: string | undefined;
  const read = async (from: string, partition: number, offset: number, options?: ReadOptions): Promise<readonly RecordBatch[]> => {
    const batches = await log.read(from, partition, offset, options);
    if (from !== topic) return batches;
    return batches.map((batch) => {
      const here = `${partition}/${batch.baseOffset}`;
      if (batch.count < 5 && topic !== 'dead-letter') return batch;
      place ??= here;
      return place === here ? tamper(batch) : batch;
    });
  };
  return new Proxy(log, { get: (target, name) => (name === 'read' ? read : bound(target, name)) });
}

function bound(target: EventLog, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === 'function' ? (value.bind(target) as unknown) : value;
}

const rowsBut = ({ count }: RecordBatch, ...without: readonly number[]): number[] => Array.from({ length: count }, (_, row) => row).filter((row) => !without.includes(row));

/** A batch of these rows of a batch. */
function pick(batch: RecordBatch, rows: readonly number[]): RecordBatch {
  const part = (bytes: Uint8Array, offsets: Uint32Array, row: number): Uint8Array => bytes.subarray(offsets[row], offsets[row + 1]);
  const keys = rows.map((row) => part(batch.keys, batch.keyOffsets, row));
  const values = rows.map((row) => part(batch.values, batch.valueOffsets, row));
  const headers = batch.headers.map(({ name, values: column }) => ({ name, values: typeof column === 'string' ? column : Float64Array.from(rows, (row) => column[row]!) }));
  return {
    ...batch, count: rows.length, headers, keys: Buffer.concat(keys), keyOffsets: offsetsOf(keys), values: Buffer.concat(values), valueOffsets: offsetsOf(values),
    timestamps: Float64Array.from(rows, (row) => batch.timestamps[row]!),
  };
}

function offsetsOf(parts: readonly Uint8Array[]): PackedRecords['keyOffsets'] {
  const offsets = new Uint32Array(parts.length + 1);
  parts.forEach((bytes, i) => (offsets[i + 1] = offsets[i]! + bytes.length));
  return offsets;
}

function shiftOffset(batch: RecordBatch): RecordBatch {
  const shifted = pick(batch, rowsBut(batch));
  (shifted.headers.find(({ name }) => name === 'offset')!.values as Float64Array)[2]! += 1;
  return shifted;
}

function changeScore(batch: RecordBatch): RecordBatch {
  const changed = pick(batch, rowsBut(batch));
  const at = Buffer.from(changed.values.buffer, changed.values.byteOffset, changed.values.byteLength).indexOf('"reward":') + '"reward":'.length;
  changed.values[at] = changed.values[at] === 0x31 ? 0x30 : 0x31;
  return changed;
}
