// Goal: invariant I5 (a snapshot is visible wholly or not at all) and exactly-once appends under faults.
// Method: writers of one table on a store that fails before or after calls; each killed and begun again at random. Every writer
// lands numbered rows with their offsets, as a job does: read what is covered, write files, commit. Meanwhile a reader, on the
// same bad store, checks every snapshot that it sees. The seed decides everything but the interleaving, and is in the test's name.
import { describe, expect, it } from 'vitest';
import { isPlatformError, MemoryObjectStore, UnreliableObjectStore, type ObjectStore } from '#tideline/platform';
import { batchFromRows } from '../columns/column-from-values.ts';
import type { ColumnDefinition } from '../columns/table-schema.ts';
import { ParquetFile } from '../parquet/parquet-file.ts';
import { CommitConflict } from './commit-conflict.ts';
import { Lake } from './lake.ts';
import { nextOffset } from './offset-ranges.ts';
import type { Snapshot } from './snapshot.ts';
import type { Table } from './table.ts';

const columns: ColumnDefinition[] = [
  { name: 'writer', type: { name: 'int' }, nullable: false },
  { name: 'offset', type: { name: 'bigint' }, nullable: false },
];
const writers = 3;
const rowsEach = 60;

function randomOf(seed: number): () => number {
  let state = seed;
  return () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0), state / 2 ** 32);
}

async function rowsOf(store: ObjectStore, table: Table, snapshot: Snapshot): Promise<number[][]> {
  const seen: number[][] = Array.from({ length: writers }, () => []);
  const schema = await table.schema(snapshot);
  for (const file of await table.files(snapshot)) {
    const parquet = await ParquetFile.open({ byteLength: file.byteCount, read: (start, end) => store.get(file.key, { start, end }) });
    const batch = await parquet.read(schema.columns);
    for (let i = 0; i < batch.rowCount; i++) seen[batch.columns[0]!.values[i]!]!.push(batch.columns[1]!.values[i]!);
  }
  return seen;
}

// What a snapshot claims to cover is exactly what its files hold.
async function checkWhole(store: ObjectStore, table: Table, snapshot: Snapshot): Promise<void> {
  const seen = await rowsOf(store, table, snapshot);
  seen.forEach((offsets, writer) => {
    const end = nextOffset(snapshot.offsets, writer);
    expect(offsets.sort((a, b) => a - b)).toEqual(Array.from({ length: end }, (_, offset) => offset));
  });
  expect(snapshot.rowCount).toBe(seen.flat().length);
}

async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isPlatformError(error)) throw error;
    }
  }
}

describe('Table simulation', () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it(`keeps snapshots whole and offsets once with faults and kills, seed ${seed}`, async () => {
      const inner = new MemoryObjectStore();
      let ids = 0;
      const random = randomOf(seed);
      const openTable = (): Table => {
        const unreliable = new UnreliableObjectStore(inner, { seed: Math.floor(random() * 1e9), failBefore: 0.04, failAfter: 0.04, answerLate: 0.1, lateMsMax: 1 });
        return new Lake(unreliable, { now: () => 0, newId: () => `i${ids++}` }).table('silver.numbers');
      };
      await patiently(() => openTable().ensure(columns));

      const reader = new Lake(inner).table('silver.numbers');
      const life = async (writer: number): Promise<boolean> => {
        const table = openTable();
        const start = nextOffset((await table.current())?.offsets, writer);
        if (start === rowsEach) return true;
        const end = Math.min(rowsEach, start + 1 + Math.floor(random() * 12));
        const out = await table.writer({ targetBytes: random() < 0.3 ? 1 : 1e6, pageRows: 1 });
        for (let offset = start; offset < end; offset++) await out.write(batchFromRows(columns, [{ writer, offset }]));
        // A kill here or at any failed call leaves files and manifests that no snapshot names.
        if (random() < 0.1) return false;
        const files = await out.finish();
        if (random() < 0.1) return false;
        const snapshot = await table.append(files, { offsets: { [writer]: [start, end] } });
        // What a commit returns is what everybody else sees of it.
        expect(await reader.snapshot(snapshot.version)).toEqual(snapshot);
        return false;
      };
      const livesOf = async (writer: number): Promise<void> => {
        for (let done = false; !done; ) done = await life(writer).catch((error: unknown) => refuseOthers(error));
      };
      // A rival claims the same offsets: one of the two must lose each time.
      const jobs = [0, 1, 2, 0].map(livesOf);
      const compactor = async (): Promise<void> => {
        const table = openTable();
        const files = (await table.files()).slice(0, 4);
        if (files.length < 2) return;
        const out = await table.writer();
        for (const file of files) {
          const parquet = await ParquetFile.open({ byteLength: file.byteCount, read: (start, end) => inner.get(file.key, { start, end }) });
          await out.write(await parquet.read((await table.schema()).columns));
        }
        await table.replace(files, await out.finish());
      };
      let working = true;
      const watch = (async () => {
        while (working) {
          await compactor().catch(refuseOthers);
          const table = openTable();
          const snapshot = await patiently(() => table.current());
          if (snapshot !== undefined) await patiently(() => checkWhole(inner, table, snapshot));
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      })();
      await Promise.all(jobs);
      working = false;
      await watch;

      const table = new Lake(inner, { newId: () => `i${ids++}` }).table('silver.numbers');
      const last = await table.current();
      expect(last?.rowCount).toBe(writers * rowsEach);
      for (const snapshot of await table.snapshots(Infinity)) await checkWhole(inner, table, snapshot);
    });
  }
});

function refuseOthers(error: unknown): false {
  if (isPlatformError(error) || error instanceof CommitConflict) return false;
  throw error;
}
