import { randomUUID } from 'node:crypto';
import { existsSync, fsyncSync, linkSync, mkdirSync, openSync, closeSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PlatformError } from '../errors.ts';
import { fileSystemError, systemCode } from '../file-system/file-system-error.ts';
import { sqliteError } from './sqlite-error.ts';

/** What a kind of SQLite file looks like when it is new; `version` is its `user_version`. */
export interface SqliteLayout {
  readonly version: number;
  readonly pageBytes: number;
  readonly schema: string;
}

export interface SqliteOpenOptions {
  readonly readOnly?: boolean;
  /** Pages the write-ahead log may hold before a commit moves them into the file. */
  readonly checkpointPages?: number;
  /** Page cache of the connection. */
  readonly cacheBytes?: number;
  /** Pages the file may have: a stand-in for a full disk. */
  readonly pageCountMax?: number;
}

/**
 * Opens a write-ahead-log database, every commit durable. A missing one is made complete under another name and linked into
 * place, so no process ever sees half a schema. Another layout version is refused (`VERSION_MISMATCH`).
 */
export function openSqliteFile(path: string, layout: SqliteLayout, options: SqliteOpenOptions = {}): DatabaseSync {
  if (options.readOnly !== true && !existsSync(path)) createSqliteFile(path, layout);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: 20_000, readOnly: options.readOnly ?? false });
    db.exec(`PRAGMA cache_size = -${Math.ceil((options.cacheBytes ?? 2_097_152) / 1024)}`);
    if (options.readOnly !== true) {
      db.exec('PRAGMA synchronous = FULL');
      if (options.checkpointPages !== undefined) db.exec(`PRAGMA wal_autocheckpoint = ${options.checkpointPages}`);
      if (options.pageCountMax !== undefined) db.exec(`PRAGMA max_page_count = ${options.pageCountMax}`);
    }
    const found = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
    if (found !== layout.version) {
      throw new PlatformError('VERSION_MISMATCH', `${path}: expected layout version ${layout.version}, found ${found}`);
    }
    return db;
  } catch (error) {
    db?.close();
    throw sqliteError(error, 'open', path);
  }
}

/** Runs `body` in one write transaction: committed when it returns, rolled back when it throws. */
export function inWriteTransaction<T>(db: DatabaseSync, doing: string, path: string, body: () => T): T {
  let committing = false;
  try {
    db.exec('BEGIN IMMEDIATE');
    const result = body();
    committing = true;
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite itself has rolled back after some errors (a full disk); a failed COMMIT may leave the transaction open.
    const undone = !committing || db.isTransaction;
    if (db.isTransaction) db.exec('ROLLBACK');
    if (error instanceof PlatformError || isProgrammingError(error)) throw error;
    const failure = sqliteError(error, doing, path);
    if (undone || failure.code === 'NO_SPACE' || failure.code === 'LOCKED') throw failure;
    throw sqliteError(error, doing, path, 'unknown');
  }
}

// Assertions and type errors are our own mistakes and must not be dressed as failures of the world.
function isProgrammingError(error: unknown): boolean {
  return !(error instanceof Error && 'errcode' in error);
}

function createSqliteFile(path: string, layout: SqliteLayout): void {
  const folder = dirname(path);
  const temporary = join(folder, `.${hostname()}.${process.pid}.${randomUUID()}.tmp`);
  try {
    mkdirSync(folder, { recursive: true });
    const db = new DatabaseSync(temporary);
    try {
      db.exec(`PRAGMA page_size = ${layout.pageBytes}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL`);
      db.exec(`BEGIN; ${layout.schema}; PRAGMA user_version = ${layout.version}; COMMIT`);
    } finally {
      db.close();
    }
    linkSync(temporary, path);
    syncFolderNow(folder);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    throw 'errcode' in (error as object) ? sqliteError(error, 'create', path) : fileSystemError(error, 'create', path);
  } finally {
    for (const ending of ['', '-wal', '-shm']) rmSync(temporary + ending, { force: true });
  }
}

function syncFolderNow(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
