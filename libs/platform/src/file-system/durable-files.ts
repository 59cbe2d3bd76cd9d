import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, readdir, rename, rm, stat, unlink, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileSystemError, systemCode } from './file-system-error.ts';

/** Makes what the folder lists (new, renamed, removed names) survive a lost power line. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the folder and its missing parents, durably. */
export async function makeFolder(path: string): Promise<void> {
  try {
    const first = await mkdir(path, { recursive: true });
    if (first === undefined) return;
    // Every new name stands in its parent, from the folder itself up to the first one that existed before.
    const above = dirname(resolve(first));
    for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
      await syncFolder(folder);
      if (folder === above || folder === dirname(folder)) return;
    }
  } catch (error) {
    throw fileSystemError(error, 'make the folder', path);
  }
}

/**
 * Files written beside their place and moved in whole. Temporary files live in one folder of the same file system and carry
 * host and process in their names, so that those of dead processes can be told from those of living ones.
 */
export class StagingFolder {
  readonly path: string;
  // Folders already made durable by this process; nobody removes folders, so each is made once.
  readonly #made = new Set<string>();

  constructor(path: string) {
    this.path = path;
  }

  /** Opens a new temporary file; the caller hands it to `publish`, `publishIfAbsent` or `discard`. */
  async create(): Promise<{ readonly handle: FileHandle; readonly path: string }> {
    await this.#ensureFolder(this.path);
    const path = join(this.path, `${hostname()}.${process.pid}.${randomUUID()}.tmp`);
    try {
      return { handle: await open(path, 'wx'), path };
    } catch (error) {
      throw fileSystemError(error, 'create', path);
    }
  }

  /** Writes all bytes durably to a temporary file and gives its path. */
  async write(bytes: Uint8Array, target: string): Promise<string> {
    const { handle, path } = await this.create();
    try {
      await writeFully(handle, bytes);
      await handle.sync();
      await handle.close();
      return path;
    } catch (error) {
      await handle.close().catch(() => undefined);
      await this.discard(path);
      throw fileSystemError(error, 'write', target);
    }
  }

  /** Moves a finished temporary file to its place, replacing what was there. */
  async publish(temporary: string, target: string): Promise<void> {
    try {
      await this.#ensureFolder(dirname(target));
      await rename(temporary, target);
    } catch (error) {
      await this.discard(temporary);
      throw fileSystemError(error, 'write', target);
    }
    await this.#syncPlaceOf(target);
  }

  /** Like `publish`, but false (and nothing changed) when the target exists: `link` lets exactly one of all racers win. */
  async publishIfAbsent(temporary: string, target: string): Promise<boolean> {
    try {
      await this.#ensureFolder(dirname(target));
      await link(temporary, target);
    } catch (error) {
      await this.discard(temporary);
      if (systemCode(error) === 'EEXIST') return false;
      throw fileSystemError(error, 'write', target);
    }
    await this.#syncPlaceOf(target);
    await this.discard(temporary);
    return true;
  }

  async discard(temporary: string): Promise<void> {
    await unlink(temporary).catch(() => undefined);
  }

  /** Removes what killed processes left: files of dead processes of this host, and any older than a day. */
  async clean(nowMs: number): Promise<void> {
    const names = await readdir(this.path).catch(() => [] as string[]);
    for (const name of names) {
      const match = /^(.+)\.(\d+)\.[0-9a-f-]{36}\.tmp$/.exec(name);
      if (match === null) continue;
      const path = join(this.path, name);
      const info = await stat(path).catch(() => undefined);
      if (info === undefined) continue;
      const orphaned = match[1] === hostname() && !isAlive(Number(match[2]));
      if (orphaned || nowMs - info.mtimeMs > 86_400_000) await rm(path, { force: true });
    }
  }

  async #syncPlaceOf(target: string): Promise<void> {
    try {
      await syncFolder(dirname(target));
    } catch (error) {
      // The name is there already; whether it survives a power cut is not known.
      throw fileSystemError(error, 'make durable', target, 'unknown');
    }
  }

  async #ensureFolder(path: string): Promise<void> {
    if (this.#made.has(path)) return;
    await makeFolder(path);
    this.#made.add(path);
  }
}

/** Writes every byte; a plain `write` may stop short. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let at = 0;
  while (at < bytes.byteLength) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.byteLength - at);
    at += bytesWritten;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
