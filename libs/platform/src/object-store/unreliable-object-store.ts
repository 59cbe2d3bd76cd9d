import { Faults, type FaultChances } from '../faults/faults.ts';
import { ObjectStore, type ByteRange, type ObjectInfo, type ObjectLocation, type ObjectUpload } from './object-store.ts';

/** Another store seen through a bad network, on purpose. `abort`, `locate` and `close` never fail; a list fails only at its start. */
export class UnreliableObjectStore extends ObjectStore {
  readonly #inner: ObjectStore;
  readonly #faults: Faults;

  constructor(inner: ObjectStore, faults: FaultChances | Faults) {
    super();
    this.#inner = inner;
    this.#faults = faults instanceof Faults ? faults : new Faults(faults);
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array> {
    return this.#faults.around(`get ${key}`, () => this.#inner.get(key, range), { reads: true });
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#faults.around(`look at ${key}`, () => this.#inner.head(key), { reads: true });
  }

  put(key: string, bytes: Uint8Array): Promise<ObjectInfo> {
    const sent = bytes.slice();
    return this.#faults.around(`put ${key}`, () => this.#inner.put(key, sent));
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    const sent = bytes.slice();
    return this.#faults.around(`put ${key} if absent`, () => this.#inner.putIfAbsent(key, sent));
  }

  async upload(key: string): Promise<ObjectUpload> {
    const upload = await this.#faults.around(`begin the upload of ${key}`, () => this.#inner.upload(key));
    return {
      write: (bytes) => {
        const sent = bytes.slice();
        return this.#faults.around(`upload to ${key}`, () => upload.write(sent));
      },
      finish: () => this.#faults.around(`finish the upload of ${key}`, () => upload.finish()),
      abort: () => upload.abort(),
    };
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    yield* await this.#faults.around(`list ${prefix}`, async () => this.#inner.list(prefix), { reads: true });
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
