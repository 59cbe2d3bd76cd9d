import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ObjectStore } from '#tideline/platform';

const pieceBytes = 8 * 2 ** 20;

/** Local paths of a store's objects: in place where the store keeps files, copied to a temporary folder otherwise. */
export class Spool {
  readonly folder: string;
  readonly #store: ObjectStore;
  readonly #copies = new Map<string, Promise<string>>();

  private constructor(store: ObjectStore, folder: string) {
    this.#store = store;
    this.folder = folder;
  }

  /** Makes its own folder inside `tempDir`. */
  static async open(store: ObjectStore, tempDir: string): Promise<Spool> {
    return new Spool(store, await mkdtemp(join(tempDir, 'tideline-sql-')));
  }

  /** The folder that holds the store's objects, with its last slash, or undefined when they are not files here. */
  get storeRoot(): string | undefined {
    const probe = 'silver/_tables';
    const path = localPath(this.#store.locate(probe)?.url);
    return path?.endsWith(`/${probe}`) === true ? path.slice(0, -probe.length) : undefined;
  }

  /** A path that stays readable while the session is open. */
  pathOf(key: string): Promise<string> {
    const path = localPath(this.#store.locate(key)?.url);
    if (path !== undefined) return Promise.resolve(path);
    let copy = this.#copies.get(key);
    if (copy === undefined) {
      copy = this.#copy(key, join(this.folder, `${this.#copies.size}.parquet`));
      this.#copies.set(key, copy);
      copy.catch(() => this.#copies.delete(key));
    }
    return copy;
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async #copy(key: string, path: string): Promise<string> {
    const info = await this.#store.head(key);
    const handle = await open(path, 'w');
    try {
      const byteCount = info?.byteCount ?? (await this.#store.get(key)).length;
      for (let start = 0; start < byteCount; start += pieceBytes) {
        await handle.writeFile(await this.#store.get(key, { start, end: Math.min(byteCount, start + pieceBytes) }));
      }
    } finally {
      await handle.close();
    }
    return path;
  }
}

function localPath(url: string | undefined): string | undefined {
  return url?.startsWith('file:') === true ? fileURLToPath(url) : undefined;
}
