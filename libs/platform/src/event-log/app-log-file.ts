import { existsSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { PlatformError } from '../errors.ts';
import { sqliteError } from '../sqlite/sqlite-error.ts';
import { inWriteTransaction, openSqliteFile, type SqliteLayout } from '../sqlite/sqlite-file.ts';
import type { CommittedOffset, OffsetCommit, RecordBatch } from './event-log.ts';
import { offsetMovedBack, writerFenced } from './log-rules.ts';
import { decodeColumns } from './packed-records.ts';

const layout: SqliteLayout = {
  version: 1,
  // Measured: pages of 4 KiB halve the rate of large commits, pages of 64 KiB that of small ones (a commit writes whole pages).
  pageBytes: 16_384,
  schema: `
    CREATE TABLE batch (
      id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, base_offset INTEGER NOT NULL, end_offset INTEGER NOT NULL,
      appended_at_ms INTEGER NOT NULL, checksum INTEGER NOT NULL, columns BLOB NOT NULL, payload BLOB NOT NULL
    );
    CREATE UNIQUE INDEX batch_position ON batch (topic, partition, end_offset);
    CREATE TABLE group_offset (
      group_name TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL, metadata TEXT NOT NULL,
      PRIMARY KEY (group_name, topic, partition)
    ) WITHOUT ROWID;
    CREATE TABLE writer (id TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID`,
};

// 64 MB of write-ahead log: eight large commits between two checkpoints.
const checkpointPages = 4000;

/** A batch for one partition as its row will hold it. */
export interface EncodedAppend {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
  readonly columns: Uint8Array;
  readonly payload: Uint8Array;
}

/** The file that one app writes: its batches, its groups' offsets, its writers' epochs, so that one transaction covers them. */
export class AppLogWriterFile {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #selectEpoch: StatementSync;
  readonly #selectEnd: StatementSync;
  readonly #insertBatch: StatementSync;
  readonly #selectOffset: StatementSync;
  readonly #upsertOffset: StatementSync;

  constructor(path: string, pageCountMax?: number) {
    this.#path = path;
    this.#db = openSqliteFile(path, layout, { checkpointPages, ...(pageCountMax === undefined ? {} : { pageCountMax }) });
    this.#selectEpoch = this.#db.prepare('SELECT epoch FROM writer WHERE id = ?');
    this.#selectEnd = this.#db.prepare('SELECT max(end_offset) AS found FROM batch WHERE topic = ? AND partition = ?');
    this.#insertBatch = this.#db.prepare(
      'INSERT INTO batch (topic, partition, base_offset, end_offset, appended_at_ms, checksum, columns, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.#selectOffset = this.#db.prepare('SELECT next_offset AS found FROM group_offset WHERE group_name = ? AND topic = ? AND partition = ?');
    this.#upsertOffset = this.#db.prepare('INSERT OR REPLACE INTO group_offset VALUES (?, ?, ?, ?, ?)');
  }

  /** Raises the epoch of a writer identity: from here on only the returned one may commit. */
  takeOver(writerId: string): number {
    return inWriteTransaction(this.#db, 'open a writer in', this.#path, () => {
      const row = this.#db
        .prepare('INSERT INTO writer VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1 RETURNING epoch')
        .get(writerId);
      return Number(row?.['epoch']);
    });
  }

  commit(writerId: string, epoch: number, appends: readonly EncodedAppend[], offsets: readonly OffsetCommit[], nowMs: number): readonly number[] {
    // Summed before the transaction begins: the file's write lock is held for the inserts only.
    const rows = appends.map((append) => ({ ...append, checksum: checksumOf(append.columns, append.payload) }));
    return inWriteTransaction(this.#db, 'append to', this.#path, () => {
      if (Number(this.#selectEpoch.get(writerId)?.['epoch']) !== epoch) throw writerFenced(writerId);
      const baseOffsets = rows.map(({ topic, partition, count, columns, payload, checksum }) => {
        const baseOffset = Number(this.#selectEnd.get(topic, partition)?.['found'] ?? 0);
        this.#insertBatch.run(topic, partition, baseOffset, baseOffset + count, nowMs, checksum, columns, payload);
        return baseOffset;
      });
      for (const { group, topic, partition, offset, metadata } of offsets) {
        const before = Number(this.#selectOffset.get(group, topic, partition)?.['found'] ?? 0);
        if (offset < before) throw offsetMovedBack(group, topic, partition, before, offset);
        this.#upsertOffset.run(group, topic, partition, offset, metadata ?? '');
      }
      return baseOffsets;
    });
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}

/** One app's file as every process reads it: each call is a short read transaction of its own, so writers are never held up. */
export class AppLogReaderFile {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #selectBatch: StatementSync;
  readonly #selectEnd: StatementSync;
  readonly #selectCommitted: StatementSync;
  readonly #dataVersion: StatementSync;
  #seenVersion: unknown;

  private constructor(path: string) {
    this.#path = path;
    this.#db = openSqliteFile(path, layout, { readOnly: true });
    this.#selectBatch = this.#db.prepare(
      `SELECT base_offset, appended_at_ms, checksum, columns, payload FROM batch
       WHERE topic = ? AND partition = ? AND end_offset > ? ORDER BY end_offset LIMIT 1`,
    );
    this.#selectEnd = this.#db.prepare('SELECT max(end_offset) AS found FROM batch WHERE topic = ? AND partition = ?');
    this.#selectCommitted = this.#db.prepare(
      'SELECT next_offset, metadata FROM group_offset WHERE group_name = ? AND topic = ? AND partition = ?',
    );
    this.#dataVersion = this.#db.prepare('PRAGMA data_version');
  }

  /** Undefined while the app has not made its file yet. */
  static openIfPresent(path: string): AppLogReaderFile | undefined {
    return existsSync(path) ? new AppLogReaderFile(path) : undefined;
  }

  end(topic: string, partition: number): number {
    return this.#read(() => Number(this.#selectEnd.get(topic, partition)?.['found'] ?? 0));
  }

  committed(group: string, topic: string, partition: number): CommittedOffset | undefined {
    const row = this.#read(() => this.#selectCommitted.get(group, topic, partition));
    return row && { offset: Number(row['next_offset']), metadata: String(row['metadata']) };
  }

  groupOffsets(): readonly { group: string; topic: string; partition: number; offset: number }[] {
    const rows = this.#read(() => this.#db.prepare('SELECT group_name, topic, partition, next_offset FROM group_offset').all());
    return rows.map((row) => ({
      group: String(row['group_name']),
      topic: String(row['topic']),
      partition: Number(row['partition']),
      offset: Number(row['next_offset']),
    }));
  }

  batchesFrom(topic: string, partition: number, offset: number, maxBytes: number): readonly RecordBatch[] {
    const batches: RecordBatch[] = [];
    let next = offset;
    for (let byteCount = 0; batches.length === 0 || byteCount < maxBytes; ) {
      const row = this.#read(() => this.#selectBatch.get(topic, partition, next));
      if (row === undefined) break;
      const batch = this.#decode(topic, partition, row);
      batches.push(batch);
      byteCount += batch.values.byteLength;
      next = batch.baseOffset + batch.count;
    }
    return batches;
  }

  /** Whether another connection has changed the file since the last call. */
  hasChanged(): boolean {
    const version = this.#read(() => this.#dataVersion.get())?.['data_version'];
    const changed = version !== this.#seenVersion;
    this.#seenVersion = version;
    return changed;
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #decode(topic: string, partition: number, row: Record<string, unknown>): RecordBatch {
    const columns = row['columns'] as Uint8Array;
    const payload = row['payload'] as Uint8Array;
    const baseOffset = Number(row['base_offset']);
    if (checksumOf(columns, payload) !== row['checksum']) {
      throw new PlatformError('CORRUPT', `${this.#path}: batch at offset ${baseOffset} of ${topic}/${partition} does not match its checksum`);
    }
    return { ...decodeColumns(columns, payload), topic, partition, baseOffset, appendedAtMs: Number(row['appended_at_ms']) };
  }

  #read<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw sqliteError(error, 'read', this.#path);
    }
  }
}

function checksumOf(columns: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(columns));
}
