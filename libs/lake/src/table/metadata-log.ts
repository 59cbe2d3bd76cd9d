import type { ObjectStore } from '#tideline/platform';
import { decodeMetadata, encodeMetadata, type TableMetadata } from './table-metadata.ts';

/**
 * The versions of one table's metadata: `v1`, `v2`, … each published by one put-if-absent and never changed. A hint object names a
 * version that exists; it may lag, so readers probe onwards from it.
 */
export class MetadataLog {
  readonly #store: ObjectStore;
  readonly #location: string;
  #latest: TableMetadata | undefined;

  constructor(store: ObjectStore, location: string) {
    this.#store = store;
    this.#location = location;
  }

  /** The newest version, or undefined when there is no table. */
  async current(): Promise<TableMetadata | undefined> {
    let version = this.#latest?.version ?? (await this.#startingVersion());
    const known = version;
    while ((await this.#store.head(this.#keyOf(version + 1))) !== undefined) version++;
    if (version === 0) return undefined;
    if (this.#latest?.version !== version) this.#latest = await this.read(version);
    if (version > known + 8) await this.#writeHint(version);
    return this.#latest;
  }

  /** A published version; throws the store's NOT_FOUND when there is none. */
  async read(version: number): Promise<TableMetadata> {
    const key = this.#keyOf(version);
    return decodeMetadata(await this.#store.get(key), key);
  }

  /**
   * Publishes the next version. False when another commit took its place, or when the answer was lost: the caller looks whether its
   * own commit is in the newest version before it tries again.
   */
  async publish(metadata: TableMetadata): Promise<boolean> {
    try {
      if (!(await this.#store.putIfAbsent(this.#keyOf(metadata.version), encodeMetadata(metadata)))) return false;
    } catch (error) {
      if (!mayHaveApplied(error)) throw error;
      return false;
    }
    this.#latest = metadata;
    await this.#writeHint(metadata.version);
    return true;
  }

  // The commit is done before this: a hint that can't be written only makes later readers probe further.
  async #writeHint(version: number): Promise<void> {
    try {
      await this.#store.put(this.#hintKey, Buffer.from(String(version)));
    } catch {
      return;
    }
  }

  async #startingVersion(): Promise<number> {
    if ((await this.#store.head(this.#hintKey)) !== undefined) {
      const version = Number(Buffer.from(await this.#store.get(this.#hintKey)).toString());
      if (Number.isSafeInteger(version) && version > 0 && (await this.#store.head(this.#keyOf(version))) !== undefined) return version;
    }
    let newest = 0;
    for await (const { key } of this.#store.list(`${this.#location}/metadata/v`)) {
      const version = Number(/\/v(\d+)\.metadata\.json$/.exec(key)?.[1] ?? 0);
      newest = Math.max(newest, version);
    }
    return newest;
  }

  get #hintKey(): string {
    return `${this.#location}/metadata/version-hint.text`;
  }

  #keyOf(version: number): string {
    return `${this.#location}/metadata/v${version}.metadata.json`;
  }
}

// Engines know the platform's errors by shape only.
function mayHaveApplied(error: unknown): boolean {
  return error instanceof Error && (error as { outcome?: unknown }).outcome === 'unknown';
}
