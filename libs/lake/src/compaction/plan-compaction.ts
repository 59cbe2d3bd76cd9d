import type { DataFile } from '../table/snapshot.ts';

export interface CompactionTarget {
  /** Size that files should have. */
  readonly targetBytes: number;
  /** Fewer small files than this beside each other are left alone. */
  readonly minFiles: number;
}

/** Files to rewrite together, in table order. */
export interface CompactionGroup {
  readonly files: readonly DataFile[];
  readonly byteCount: number;
  readonly rowCount: number;
}

/**
 * Which files to merge: runs of neighbours (in commit order, so that rows of one time stay together) that are each below three
 * quarters of the target, cut so that a group fills about one file. Files near the target are never touched again.
 */
export function planCompaction(files: readonly DataFile[], { targetBytes, minFiles }: CompactionTarget): CompactionGroup[] {
  const groups: CompactionGroup[] = [];
  let run: DataFile[] = [];
  let byteCount = 0;
  const close = (): void => {
    if (run.length >= Math.max(2, minFiles)) groups.push({ files: run, byteCount, rowCount: run.reduce((sum, file) => sum + file.rowCount, 0) });
    run = [];
    byteCount = 0;
  };
  for (const file of files) {
    if (file.byteCount >= targetBytes * 0.75) {
      close();
      continue;
    }
    if (byteCount + file.byteCount > targetBytes && run.length > 0) close();
    run.push(file);
    byteCount += file.byteCount;
  }
  close();
  return groups;
}
