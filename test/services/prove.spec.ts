// Exactly once on real servers. Method: servers of the test's own (Kafka, registry, MinIO, MLflow); a synthetic log is replayed through all apps, two of
// them speed layers that share the work; apps are killed thirty times and every server five times at seeded moments of the work. What is left is
// held against the lines of the file and one undisturbed pass, by our doors and by other programs (Kafka's console consumer, pyarrow). Then once more on
// three brokers, of which each in its turn is lost for a while.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTextFolders } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow } from '#tideline/retention';
import { chooseSeed } from '../../libs/streaming/src/fixtures.ts';
import { isBuilt, isEqual, prove, PROVED_APPS, serversStand, type Proof } from '../../tools/prove/index.ts';
import { testInstances } from '../../tools/services/index.ts';

const built = isBuilt(PROVED_APPS);
if (!built) console.warn('skipped: killed processes need the built apps; `npm run build` makes them');
const seed = chooseSeed();
const TEN_MINUTES_MS = 600_000;

interface Attack {
  readonly brokers: 1 | 3;
  readonly rows: number;
  readonly kills: number;
  readonly serverKills: number;
  readonly serverDownMs: number;
}

async function proveOnServers({ brokers, rows, ...attack }: Attack): Promise<Proof> {
  const source = sourcesOrThrow(await readTextFolders('sources', SOURCE_FILE_NAMES)).find(({ name }) => name === 'user-behavior')!;
  mkdirSync(testInstances, { recursive: true });
  const folder = mkdtempSync(join(testInstances, 'prove-'));
  const stand = await serversStand(folder, brokers, () => undefined);
  try {
    const { proof, close } = await prove({
      source, file: undefined, rows, seed, ...attack, apps: PROVED_APPS, speedLayers: 2, rowsPerSecond: 200, stand, folder,
      patienceMs: 2 * TEN_MINUTES_MS, signal: new AbortController().signal, note: (text) => console.log(text),
    });
    await close();
    return proof;
  } finally {
    await stand.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function expectEqual(proof: Proof, kills: number): void {
  expect(proof.checks.filter((check) => !isEqual(check)), `SEED=${seed}`).toEqual([]);
  expect(proof.ok).toBe(true);
  expect(proof.kills).toHaveLength(kills);
  expect(proof.checks.filter(({ what }) => /kafka-console-consumer|pyarrow/.test(what)).map(({ expected }) => expected > 0)).toEqual([true, true, true, true, true]);
}

const killsOf = ({ kills }: Proof, target: string): number => kills.filter((kill) => kill.target.startsWith(target)).length;

test.skipIf(!built)(`thirty kills of apps and five of each server lose nothing and double nothing (SEED=${seed})`, { timeout: 3 * TEN_MINUTES_MS }, async () => {
  const proof = await proveOnServers({ brokers: 1, rows: 20_000, kills: 30, serverKills: 5, serverDownMs: 2_000 });
  expectEqual(proof, 50);
  for (const app of PROVED_APPS) expect(killsOf(proof, app), app).toBeGreaterThanOrEqual(6);
  for (const server of ['kafka-1', 'registry', 'minio', 'mlflow']) expect(killsOf(proof, server), server).toBe(5);
});

test.skipIf(!built)(`three brokers do without any one of them (SEED=${seed})`, { timeout: 3 * TEN_MINUTES_MS }, async () => {
  const proof = await proveOnServers({ brokers: 3, rows: 12_000, kills: 5, serverKills: 1, serverDownMs: 20_000 });
  expectEqual(proof, 11);
  for (const broker of ['kafka-1', 'kafka-2', 'kafka-3']) expect(killsOf(proof, broker), broker).toBe(1);
});
