import { open, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PlatformError } from '../errors.ts';
import { StagingFolder, syncFolder, makeFolder, writeFully } from '../file-system/durable-files.ts';
import { fileSystemError, systemCode } from '../file-system/file-system-error.ts';
import { checkKey, compareKeys, stagingSegment } from './object-key.ts';
import { ObjectStore, type ByteRange, type ObjectInfo, type ObjectLocation, type ObjectUpload } from './object-store.ts';

/**
 * Objects as files of a folder, the key as relative path: other engines read them in place. Unlike S3, a key can't be both an
 * object and the folder of others (`ALREADY_EXISTS`). Folders stay when their last object goes.
 */
export class FileObjectStore extends ObjectStore {
  readonly #root: string;
  readonly #staging: StagingFolder;

  private constructor(root: string) {
    super();
    this.#root = resolve(root);
    this.#staging = new StagingFolder(join(this.#root, stagingSegment));
  }

  /** Makes the folder when missing and removes temporary files of killed processes. */
  static async open(root: string): Promise<FileObjectStore> {
    const store = new FileObjectStore(root);
    await makeFolder(store.#root);
    await store.#staging.clean(Date.now());
    return store;
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    const path = this.#pathOf(key);
    try {
      const handle = await open(path, 'r');
      try {
        const { size } = await handle.stat();
        const start = Math.min(range?.start ?? 0, size);
        const bytes = new Uint8Array(Math.max(0, Math.min(range?.end ?? size, size) - start));
        let at = 0;
        while (at < bytes.byteLength) {
          const { bytesRead } = await handle.read(bytes, at, bytes.byteLength - at, start + at);
          if (bytesRead === 0) throw new PlatformError('CORRUPT', `${path}: expected ${size} bytes, the file got shorter while it was read`);
          at += bytesRead;
        }
        return bytes;
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (isMissing(error)) throw new PlatformError('NOT_FOUND', `no object "${key}" (${path})`, { cause: error });
      throw fileSystemError(error, 'read', path);
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const path = this.#pathOf(key);
    try {
      return await infoOf(key, path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw fileSystemError(error, 'look at', path);
    }
  }

  async put(key: string, bytes: Uint8Array): Promise<ObjectInfo> {
    const path = this.#pathOf(key);
    await this.#staging.publish(await this.#staging.write(bytes, path), path);
    return this.#written(key, path);
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    const path = this.#pathOf(key);
    if (await stat(path).catch(() => undefined)) return false;
    return this.#staging.publishIfAbsent(await this.#staging.write(bytes, path), path);
  }

  async upload(key: string): Promise<ObjectUpload> {
    const path = this.#pathOf(key);
    const staging = this.#staging;
    const { handle, path: temporary } = await staging.create();
    let open = true;
    const end = async (): Promise<void> => {
      open = false;
      await handle.close().catch(() => undefined);
      await staging.discard(temporary);
    };
    const step = async (run: () => Promise<void>): Promise<void> => {
      if (!open) throw new PlatformError('CLOSED', `the upload of "${key}" has ended`);
      try {
        await run();
      } catch (error) {
        await end();
        throw fileSystemError(error, 'write', path);
      }
    };
    return {
      write: (bytes) => step(() => writeFully(handle, bytes)),
      finish: async () => {
        await step(async () => {
          await handle.sync();
          await handle.close();
          open = false;
        });
        await staging.publish(temporary, path);
        return this.#written(key, path);
      },
      abort: async () => {
        if (open) await end();
      },
    };
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    if (folder !== '') checkKey(folder.slice(0, -1));
    yield* this.#walk(folder, prefix);
  }

  async delete(keys: readonly string[]): Promise<void> {
    const paths = keys.map((key) => this.#pathOf(key));
    const folders = new Set<string>();
    for (const path of paths) {
      try {
        await rm(path);
        folders.add(join(path, '..'));
      } catch (error) {
        if (!isMissing(error)) throw fileSystemError(error, 'remove', path, 'unknown');
      }
    }
    for (const folder of folders) {
      await syncFolder(folder).catch((error: unknown) => {
        throw fileSystemError(error, 'make durable', folder, 'unknown');
      });
    }
  }

  locate(key: string): ObjectLocation {
    return { url: pathToFileURL(this.#pathOf(key)).href };
  }

  async close(): Promise<void> {}

  #pathOf(key: string): string {
    checkKey(key);
    return join(this.#root, key);
  }

  async #written(key: string, path: string): Promise<ObjectInfo> {
    try {
      return await infoOf(key, path);
    } catch (error) {
      // Another writer may have removed it already; our write did happen.
      throw fileSystemError(error, 'look at', path, 'unknown');
    }
  }

  // A folder's keys all start with its name and "/", so sorting names with that slash gives the order of whole keys.
  async *#walk(folder: string, prefix: string): AsyncIterable<ObjectInfo> {
    const path = join(this.#root, folder);
    const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw fileSystemError(error, 'list', path);
    });
    const names = entries
      .filter((entry) => entry.isDirectory() || entry.isFile())
      .map((entry) => folder + entry.name + (entry.isDirectory() ? '/' : ''))
      .filter((name) => name !== `${stagingSegment}/` && (name.startsWith(prefix) || prefix.startsWith(name)));
    for (const name of names.sort(compareKeys)) {
      if (name.endsWith('/')) {
        yield* this.#walk(name, prefix);
      } else if (name.startsWith(prefix)) {
        const info = await this.head(name);
        if (info !== undefined) yield info;
      }
    }
  }
}

async function infoOf(key: string, path: string): Promise<ObjectInfo> {
  const info = await stat(path, { bigint: true });
  if (!info.isFile()) throw new PlatformError('NOT_FOUND', `no object "${key}"`);
  return {
    key,
    byteCount: Number(info.size),
    modifiedAtMs: Number(info.mtimeMs),
    etag: `${info.ino.toString(36)}-${info.size.toString(36)}-${info.mtimeNs.toString(36)}`,
  };
}

// A folder of that name, or a file where the key has a folder, also means: no such object.
function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ERR_FS_EISDIR' || code === 'NOT_FOUND';
}
