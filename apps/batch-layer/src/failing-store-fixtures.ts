// A store with one chosen failure: at that call it hiccups, or its process dies and nothing works afterwards.
import { ObjectStore, PlatformError, type ByteRange, type ObjectInfo, type ObjectLocation, type ObjectUpload } from '#tideline/platform';

export interface Failure {
  /** Which call fails, counted from 0. */
  readonly call: number;
  /** Whether it has taken effect when it does. */
  readonly applied: boolean;
  /** Every later call fails as well. */
  readonly dies: boolean;
}

/** Another store, but for one failure. */
export class FailingStore extends ObjectStore {
  readonly #inner: ObjectStore;
  readonly #failure: Failure;
  #calls = 0;

  constructor(inner: ObjectStore, failure: Failure) {
    super();
    this.#inner = inner;
    this.#failure = failure;
  }

  /** Whether the call that fails has been made. */
  get hasFailed(): boolean {
    return this.#calls > this.#failure.call;
  }

  /** Calls made so far, the one that fails and those after it included. */
  get callCount(): number {
    return this.#calls;
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array> {
    return this.#through(() => this.#inner.get(key, range));
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#through(() => this.#inner.head(key));
  }

  put(key: string, bytes: Uint8Array): Promise<ObjectInfo> {
    return this.#through(() => this.#inner.put(key, bytes));
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    return this.#through(() => this.#inner.putIfAbsent(key, bytes));
  }

  async upload(key: string): Promise<ObjectUpload> {
    const upload = await this.#through(() => this.#inner.upload(key));
    return {
      write: (bytes) => this.#through(() => upload.write(bytes)),
      finish: () => this.#through(() => upload.finish()),
      abort: () => this.#through(() => upload.abort()),
    };
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    yield* await this.#through(async () => this.#inner.list(prefix));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#through(() => this.#inner.delete(keys));
  }

  locate(key: string): ObjectLocation | undefined {
    return this.#inner.locate(key);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #through<T>(call: () => Promise<T>): Promise<T> {
    const { call: failing, applied, dies } = this.#failure;
    const number = this.#calls++;
    if (number < failing || (number > failing && !dies)) return call();
    if (number === failing && applied) await call();
    if (dies) throw new Error('killed');
    throw new PlatformError('UNAVAILABLE', 'made to fail', { outcome: applied ? 'unknown' : 'not-applied' });
  }
}
