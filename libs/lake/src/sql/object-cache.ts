import { createHash, randomUUID } from 'node:crypto';
import { chmod, link, lstat, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectInfo, ObjectStore } from '#tideline/platform';

const pieceBytes = 8 * 2 ** 20;
const piecesAtOnce = 4;
const suffix = '.object';
/** An unfinished copy of that age belongs to a process that was killed. */
const abandonedMs = 3_600_000;

/**
 * Whole copies of a store's immutable objects in a folder that every process of this user shares, the longest unused removed first
 * beyond a limit. Sessions get hard links of their own, so that a copy may be removed while somebody reads it.
 */
export class ObjectCache {
  readonly #store: ObjectStore;
  readonly #folder: string | undefined;
  readonly #limitBytes: number;

  private constructor(store: ObjectStore, folder: string | undefined, limitBytes: number) {
    this.#store = store;
    this.#folder = folder;
    this.#limitBytes = limitBytes;
  }

  /** A cache in `folder`; nothing is shared when the folder can't be this user's alone, or is not given. */
  static async open(store: ObjectStore, folder: string | undefined, limitBytes: number): Promise<ObjectCache> {
    return new ObjectCache(store, folder !== undefined && (await isOurs(folder)) ? folder : undefined, limitBytes);
  }

  /** Makes `path` a copy of the object; true when it had to be fetched. */
  async place(key: string, path: string): Promise<boolean> {
    const info = await this.#store.head(key);
    // The store's own error says best what is missing.
    if (info === undefined) await this.#store.get(key);
    const url = this.#store.locate(key)?.url;
    if (this.#folder === undefined || url === undefined || info === undefined) {
      await this.#fetch(key, info?.byteCount ?? 0, path);
      return true;
    }
    const shared = join(this.#folder, nameOf(url, info));
    if (await linked(shared, path)) {
      const now = new Date();
      await utimes(shared, now, now).catch(() => undefined);
      return false;
    }
    const unfinished = join(this.#folder, `${randomUUID()}.tmp`);
    try {
      await this.#fetch(key, info.byteCount, unfinished);
      if (await linked(unfinished, path)) await rename(unfinished, shared);
      // No links on this file system: then each session has its own.
      else await rename(unfinished, path);
    } finally {
      await rm(unfinished, { force: true });
    }
    return true;
  }

  /** Removes the longest unused copies until the rest fits the limit, and what killed processes left half-way. */
  async trim(): Promise<void> {
    if (this.#folder === undefined) return;
    const copies: { path: string; byteCount: number; usedAtMs: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) continue;
      if (name.endsWith(suffix)) copies.push({ path, byteCount: found.size, usedAtMs: found.mtimeMs });
      else if (found.mtimeMs < Date.now() - abandonedMs) await rm(path, { force: true });
    }
    let byteCount = copies.reduce((sum, copy) => sum + copy.byteCount, 0);
    for (const copy of copies.sort((a, b) => a.usedAtMs - b.usedAtMs)) {
      if (byteCount <= this.#limitBytes) return;
      await rm(copy.path, { force: true });
      byteCount -= copy.byteCount;
    }
  }

  async #fetch(key: string, byteCount: number, path: string): Promise<void> {
    const handle = await open(path, 'wx', 0o600);
    try {
      let next = 0;
      const fetchPieces = async (): Promise<void> => {
        while (next < byteCount) {
          const start = next;
          const end = (next = Math.min(byteCount, start + pieceBytes));
          const bytes = await this.#store.get(key, { start, end });
          if (bytes.byteLength !== end - start) throw new Error(`${key}: expected ${end - start} bytes from ${start}, found ${bytes.byteLength}: data files must not change`);
          await handle.write(bytes, 0, bytes.byteLength, start);
        }
      };
      await Promise.all(Array.from({ length: piecesAtOnce }, fetchPieces));
    } finally {
      await handle.close();
    }
  }
}

// Stores' urls name bucket and key; size and etag tell apart what servers of different data would call the same.
function nameOf(url: string, { byteCount, etag }: ObjectInfo): string {
  return createHash('sha256').update(`${url}\n${byteCount}\n${etag}`).digest('hex') + suffix;
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch {
    return false;
  }
}

// Temporary folders are everybody's: somebody else could have made this one, to show us data of his own.
async function isOurs(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const found = await lstat(folder);
    if (!found.isDirectory() || found.uid !== (process.getuid?.() ?? found.uid)) return false;
    if ((found.mode & 0o077) !== 0) await chmod(folder, 0o700);
    return true;
  } catch {
    return false;
  }
}
