import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ObjectStore } from '#tideline/platform';
import { ObjectCache } from './object-cache.ts';

const filesAtOnce = 4;
const sessionPrefix = 'tideline-sql-';

/** Local paths of a store's objects: in place where the store keeps files, copies in the session's own folder otherwise. */
export class Spool {
  readonly folder: string;
  readonly #store: ObjectStore;
  readonly #cache: ObjectCache;
  readonly #copies = new Map<string, Promise<string>>();
  #made = 0;

  private constructor(store: ObjectStore, folder: string, cache: ObjectCache) {
    this.#store = store;
    this.folder = folder;
    this.#cache = cache;
  }

  /**
   * Makes its own folder inside `tempDir`, removes those of killed processes, and shares copies of networked objects with other
   * sessions there, up to `cacheBytes`.
   */
  static async open(store: ObjectStore, tempDir: string, cacheBytes: number): Promise<Spool> {
    await removeOrphans(tempDir);
    const folder = await mkdtemp(join(tempDir, `${sessionPrefix}${hostname()}.${process.pid}.`));
    const url = store.locate(probe)?.url;
    // Files are read in place, and what only this process can see has no address.
    const shared = url === undefined || localPath(url) !== undefined ? undefined : join(tempDir, `tideline-objects-${process.getuid?.() ?? 'user'}`);
    return new Spool(store, folder, await ObjectCache.open(store, shared, cacheBytes));
  }

  /** The folder that holds the store's objects, with its last slash, or undefined when they are not files here. */
  get storeRoot(): string | undefined {
    const path = localPath(this.#store.locate(probe)?.url);
    return path?.endsWith(`/${probe}`) === true ? path.slice(0, -probe.length) : undefined;
  }

  /** Paths that stay readable until the session ends or `keepOnly` lets them go; copies are fetched a few at a time. */
  async pathsOf(keys: readonly string[]): Promise<string[]> {
    const paths: string[] = [];
    let next = 0;
    let fetched = false;
    const work = async (): Promise<void> => {
      while (next < keys.length) {
        const at = next++;
        paths[at] = await this.#pathOf(keys[at]!, () => (fetched = true));
      }
    };
    await Promise.all(Array.from({ length: filesAtOnce }, work));
    if (fetched) await this.#cache.trim();
    return paths;
  }

  /** Lets go the copies of all other keys: nobody may be reading them. */
  async keepOnly(keys: ReadonlySet<string>): Promise<void> {
    const gone = [...this.#copies].filter(([key]) => !keys.has(key));
    for (const [key] of gone) this.#copies.delete(key);
    for (const [, copy] of gone) await copy.then((path) => rm(path, { force: true })).catch(() => undefined);
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  #pathOf(key: string, onFetched: () => void): Promise<string> {
    const path = localPath(this.#store.locate(key)?.url);
    if (path !== undefined) return Promise.resolve(path);
    let copy = this.#copies.get(key);
    if (copy === undefined) {
      copy = this.#copy(key, join(this.folder, `${this.#made++}.parquet`), onFetched);
      this.#copies.set(key, copy);
      copy.catch(() => this.#copies.delete(key));
    }
    return copy;
  }

  async #copy(key: string, path: string, onFetched: () => void): Promise<string> {
    if (await this.#cache.place(key, path)) onFetched();
    return path;
  }
}

const probe = 'silver/_tables';

function localPath(url: string | undefined): string | undefined {
  return url?.startsWith('file:') === true ? fileURLToPath(url) : undefined;
}

async function removeOrphans(tempDir: string): Promise<void> {
  const mine = `${sessionPrefix}${hostname()}.`;
  for (const name of await readdir(tempDir)) {
    if (!name.startsWith(mine)) continue;
    const pid = Number.parseInt(name.slice(mine.length), 10);
    if (Number.isInteger(pid) && !isAlive(pid)) await rm(join(tempDir, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM';
  }
}
