import { Faults, type FaultChances } from '../faults/faults.ts';
import { ObjectStore, type ByteRange, type ObjectInfo, type ObjectLocation, type ObjectUpload } from './object-store.ts';

/** Another store seen through a bad network, on purpose. `abort`, `locate` and `close` never fail; a list fails only at its start. */
export class UnreliableObjectStore extends ObjectStore {
  readonly #inner: ObjectStore;
  readonly #faults: Faults;

  constructor(inner: ObjectStore, chances: FaultChances) {
    super();
    this.#inner = inner;
    this.#faults = new Faults(chances);
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array> {
    return this.#faults.around(`get ${key}`, () => this.#inner.get(key, range));
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#faults.around(`look at ${key}`, () => this.#inner.head(key));
  }

  put(key: string, bytes: Uint8Array): Promise<ObjectInfo> {
    return this.#faults.around(`put ${key}`, () => this.#inner.put(key, bytes));
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    return this.#faults.around(`put ${key} if absent`, () => this.#inner.putIfAbsent(key, bytes));
  }

  async upload(key: string): Promise<ObjectUpload> {
    const upload = await this.#faults.around(`begin the upload of ${key}`, () => this.#inner.upload(key));
    return {
      write: (bytes) => this.#faults.around(`upload to ${key}`, () => upload.write(bytes)),
      finish: () => this.#faults.around(`finish the upload of ${key}`, () => upload.finish()),
      abort: () => upload.abort(),
    };
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    yield* await this.#faults.around(`list ${prefix}`, async () => this.#inner.list(prefix));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#faults.around(`delete ${keys.length} objects`, () => this.#inner.delete(keys));
  }

  locate(key: string): ObjectLocation | undefined {
    return this.#inner.locate(key);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
