import assert from 'node:assert/strict';
import type { Sql } from '../sql/sql.ts';
import { CommitConflict } from '../table/commit-conflict.ts';
import type { DataFileOptions } from '../table/data-file-writer.ts';
import type { Snapshot } from '../table/snapshot.ts';
import type { Table } from '../table/table.ts';
import type { CompactionGroup } from './plan-compaction.ts';

export interface CompactionOptions extends DataFileOptions {
  /** Columns (SQL) by which each group's rows are sorted; without, they keep the files' order. */
  readonly orderBy?: string;
  readonly summary?: Readonly<Record<string, string>>;
}

/**
 * Rewrites each group of a plan and publishes the replacement, group by group. Appends meanwhile don't disturb it; `CommitConflict`
 * when another commit removed one of its files. Rows in equal rows out, or nothing is published.
 */
export async function compact(table: Table, plan: readonly CompactionGroup[], sql: Sql, options: CompactionOptions = {}): Promise<Snapshot | undefined> {
  let last: Snapshot | undefined;
  for (const group of plan) last = await compactGroup(table, group, sql, options);
  return last;
}

async function compactGroup(table: Table, group: CompactionGroup, sql: Sql, options: CompactionOptions): Promise<Snapshot> {
  const writer = await table.writer(options);
  let isCommitting = false;
  try {
    for await (const batch of sql.scan(table, group.files, options.orderBy)) await writer.write(batch);
    const files = await writer.finish();
    const rowCount = files.reduce((sum, file) => sum + file.rowCount, 0);
    assert(rowCount === group.rowCount, `expected ${group.rowCount} rows after compaction of ${table.name}, found ${rowCount}`);
    isCommitting = true;
    return await table.replace(group.files, files, options.summary === undefined ? {} : { summary: options.summary });
  } catch (error) {
    // A commit that failed may stand all the same, also when the last error says otherwise: an earlier answer was lost. Its files stay.
    if (!isCommitting || error instanceof CommitConflict) await writer.abort();
    throw error;
  }
}
