import { PlatformError } from '../errors.ts';
import { checkKey, compareKeys } from './object-key.ts';
import { ObjectStore, type ByteRange, type ObjectInfo, type ObjectLocation, type ObjectUpload } from './object-store.ts';

interface Stored {
  readonly bytes: Uint8Array;
  readonly info: ObjectInfo;
}

/** Objects in this process's memory: for tests and short runs; nothing is durable and no other process sees it. */
export class MemoryObjectStore extends ObjectStore {
  readonly #objects = new Map<string, Stored>();
  #etag = 0;

  async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    checkKey(key);
    const stored = this.#objects.get(key);
    if (stored === undefined) throw new PlatformError('NOT_FOUND', `no object "${key}"`);
    return stored.bytes.slice(range?.start ?? 0, range?.end ?? stored.bytes.byteLength);
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    checkKey(key);
    return this.#objects.get(key)?.info;
  }

  async put(key: string, bytes: Uint8Array): Promise<ObjectInfo> {
    checkKey(key);
    return this.#set(key, new Uint8Array(bytes));
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    checkKey(key);
    if (this.#objects.has(key)) return false;
    this.#set(key, new Uint8Array(bytes));
    return true;
  }

  async upload(key: string): Promise<ObjectUpload> {
    checkKey(key);
    const parts: Uint8Array[] = [];
    let open = true;
    const checkOpen = (): void => {
      if (!open) throw new PlatformError('CLOSED', `the upload of "${key}" has ended`);
    };
    return {
      write: async (bytes) => {
        checkOpen();
        parts.push(new Uint8Array(bytes));
      },
      finish: async () => {
        checkOpen();
        open = false;
        return this.#set(key, new Uint8Array(Buffer.concat(parts)));
      },
      abort: async () => {
        open = false;
        parts.length = 0;
      },
    };
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    for (const key of [...this.#objects.keys()].sort(compareKeys)) {
      const stored = this.#objects.get(key);
      if (key.startsWith(prefix) && stored !== undefined) yield stored.info;
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    keys.forEach(checkKey);
    for (const key of keys) this.#objects.delete(key);
  }

  locate(): ObjectLocation | undefined {
    return undefined;
  }

  async close(): Promise<void> {
    this.#objects.clear();
  }

  #set(key: string, bytes: Uint8Array): ObjectInfo {
    const info = { key, byteCount: bytes.byteLength, modifiedAtMs: Date.now(), etag: String(++this.#etag) };
    this.#objects.set(key, { bytes, info });
    return info;
  }
}
