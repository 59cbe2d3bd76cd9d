import type { ObjectStore } from '#tideline/platform';
import { ParquetFile } from '../parquet/parquet-file.ts';
import type { DataFile, Snapshot } from './snapshot.ts';
import type { Table } from './table.ts';

export interface TableCheck {
  readonly table: string;
  readonly version: number | undefined;
  readonly fileCount: number;
  readonly rowCount: number;
  /** What is wrong, one sentence each; empty for a sound table. */
  readonly problems: readonly string[];
}

/**
 * Whether a table's current snapshot is what its metadata says: every file there with its size, a readable footer and its row count;
 * totals that add up; offsets of the kept snapshots that join. With `readFile` every value of every file is read as well. Aborting the signal ends it
 * with the signal's reason.
 */
export async function checkTable(
  store: ObjectStore,
  table: Table,
  readFile?: (file: DataFile) => Promise<number>,
  signal?: AbortSignal,
): Promise<TableCheck> {
  const snapshot = await table.current();
  const problems: string[] = [];
  const files = snapshot === undefined ? [] : await table.files(snapshot);
  for (const file of files) {
    signal?.throwIfAborted();
    const problem = await fileProblem(store, file, readFile);
    // A file whose reading was interrupted is not a bad one.
    signal?.throwIfAborted();
    if (problem !== undefined) problems.push(`${file.key}: ${problem}`);
  }
  const rowCount = files.reduce((sum, file) => sum + file.rowCount, 0);
  if (snapshot !== undefined) problems.push(...totalProblems(snapshot, files, rowCount), ...offsetProblems(await table.snapshots()));
  return { table: table.name, version: snapshot?.version, fileCount: files.length, rowCount, problems };
}

async function fileProblem(store: ObjectStore, file: DataFile, readFile?: (file: DataFile) => Promise<number>): Promise<string | undefined> {
  try {
    const info = await store.head(file.key);
    if (info === undefined) return 'expected the file, found none';
    if (info.byteCount !== file.byteCount) return `expected ${file.byteCount} bytes, found ${info.byteCount}`;
    const parquet = await ParquetFile.open({ byteLength: info.byteCount, read: (start, end) => store.get(file.key, { start, end }) });
    if (parquet.rowCount !== file.rowCount) return `expected ${file.rowCount} rows, found ${parquet.rowCount} in its footer`;
    const read = await readFile?.(file);
    return read === undefined || read === file.rowCount ? undefined : `expected ${file.rowCount} rows, read ${read}`;
  } catch (error) {
    return `expected a readable Parquet file, found: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function totalProblems(snapshot: Snapshot, files: readonly DataFile[], rowCount: number): string[] {
  const problems: string[] = [];
  if (snapshot.rowCount !== rowCount) problems.push(`version ${snapshot.version}: expected ${snapshot.rowCount} rows, found ${rowCount} in its files`);
  if (snapshot.fileCount !== files.length) problems.push(`version ${snapshot.version}: expected ${snapshot.fileCount} files, found ${files.length}`);
  return problems;
}

// Appends only ever lengthen a range at its end, and replacements leave it.
function offsetProblems(newestFirst: readonly Snapshot[]): string[] {
  const problems: string[] = [];
  newestFirst.forEach((snapshot, index) => {
    const parent = newestFirst[index + 1];
    if (parent === undefined || snapshot.operation === 'overwrite') return;
    for (const [partition, [start, end]] of Object.entries(parent.offsets)) {
      const now = snapshot.offsets[partition];
      if (now === undefined || now[0] !== start || now[1] < end || (snapshot.operation === 'replace' && now[1] !== end)) {
        problems.push(`version ${snapshot.version}: expected offsets of partition ${partition} to go on from [${start}, ${end}), found [${now?.join(', ') ?? ''})`);
      }
    }
  });
  return problems;
}
