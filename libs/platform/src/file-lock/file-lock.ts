import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isPlatformError, PlatformError } from '../errors.ts';
import { fileSystemError } from '../file-system/file-system-error.ts';
import { sqliteCode, sqliteError } from '../sqlite/sqlite-error.ts';

/** Held until released or until the process ends in whatever way: the operating system frees it then. */
export interface FileLock {
  readonly path: string;
  release(): void;
}

/**
 * Takes the lock at `path` (a small file made when missing) or throws `LOCKED` at once, saying which process holds it.
 * `what` is named in that message: "the replay of events.log". Node has no file locks of its own, so the lock is an exclusive
 * transaction on an empty SQLite file; it also holds between two callers of one process.
 */
export function lockExclusively(path: string, what: string): FileLock {
  const holderPath = `${path}.holder`;
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    db = new DatabaseSync(path);
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    writeFileSync(holderPath, `process ${process.pid}, since ${new Date().toISOString()}`);
  } catch (error) {
    db?.close();
    if (sqliteCode(error) === 5) {
      throw new PlatformError('LOCKED', `${what} is held by another holder (${readHolder(holderPath)}); wait for it or stop it`, {
        retriable: true,
        cause: error,
      });
    }
    throw sqliteCode(error) === undefined ? fileSystemError(error, 'lock', path) : sqliteError(error, 'lock', path);
  }
  const held = db;
  return {
    path,
    release() {
      if (!held.isOpen) return;
      rmSync(holderPath, { force: true });
      held.close();
    },
  };
}

// Written after the lock is taken, so for a moment it may be missing or that of the holder before.
function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return 'process unknown';
  }
}

/** Like `lockExclusively`, but waits for the present holder; `LOCKED` when it is still held after `timeoutMs`. */
export async function lockWhenFree(path: string, what: string, timeoutMs: number): Promise<FileLock> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return lockExclusively(path, what);
    } catch (error) {
      if (!isPlatformError(error, 'LOCKED') || performance.now() >= deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
