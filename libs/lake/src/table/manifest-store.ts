import type { ObjectStore } from '#tideline/platform';
import { decodeManifest, decodeManifestList, encodeManifest, encodeManifestList, planManifestMerge, type ManifestEntry, type ManifestReference } from './manifest.ts';
import type { DataFile } from './snapshot.ts';

interface ListChange {
  readonly add: readonly DataFile[];
  /** Key of the manifest that `writeAdded` wrote for `add`. */
  readonly addedKey: string | undefined;
  readonly remove: ReadonlySet<string> | 'all';
  /** Version that the list is for. */
  readonly version: number;
}

const mostCached = 256;

/** Manifests and manifest lists of one table: immutable objects, kept in memory once read. */
export class ManifestStore {
  readonly #store: ObjectStore;
  readonly #location: string;
  readonly #newId: () => string;
  readonly #cache = new Map<string, readonly ManifestEntry[]>();

  constructor(store: ObjectStore, location: string, newId: () => string) {
    this.#store = store;
    this.#location = location;
    this.#newId = newId;
  }

  /** Live files of a manifest list, in the order of the versions that added them. */
  async entries(listKey: string): Promise<ManifestEntry[]> {
    const all: ManifestEntry[] = [];
    for (const manifest of await this.#readList(listKey)) for (const entry of await this.#read(manifest)) all.push(entry);
    return all.sort((a, b) => a.sequenceNumber - b.sequenceNumber);
  }

  /** Writes the manifest of a commit's new files, once: their version comes from the list that names it. */
  async writeAdded(files: readonly DataFile[]): Promise<{ key: string }> {
    const key = this.#newKey();
    await this.#store.put(key, encodeManifest(files.map((file) => ({ sequenceNumber: undefined, file }))));
    return { key };
  }

  /** Writes the manifest list after a change; only manifests with removed files are written anew. */
  async writeList(parentKey: string | undefined, change: ListChange): Promise<{ key: string; removed: DataFile[] } | { missing: string }> {
    const before = parentKey === undefined ? [] : await this.#readList(parentKey);
    const without = await this.#without(before, change);
    if ('missing' in without) return without;
    const manifests = [...without.manifests];
    if (change.addedKey !== undefined) manifests.push(referenceTo(change.addedKey, change.add, change.version));
    const { keep, merge } = planManifestMerge(manifests);
    if (merge.length > 0) keep.push(await this.#merge(merge, change.version));
    const key = `${this.#location}/metadata/snap-${change.version}-${this.#newId()}.json`;
    await this.#store.put(key, encodeManifestList(keep));
    return { key, removed: without.removed };
  }

  async #without(
    before: readonly ManifestReference[],
    { remove, version }: ListChange,
  ): Promise<{ manifests: ManifestReference[]; removed: DataFile[] } | { missing: string }> {
    if (remove !== 'all' && remove.size === 0) return { manifests: [...before], removed: [] };
    const manifests: ManifestReference[] = [];
    const removed: DataFile[] = [];
    for (const manifest of before) {
      const entries = await this.#read(manifest);
      const stays = remove === 'all' ? [] : entries.filter((entry) => !remove.has(entry.file.key));
      if (stays.length === entries.length) {
        manifests.push(manifest);
        continue;
      }
      const gone = new Set(stays);
      for (const entry of entries) if (!gone.has(entry)) removed.push(entry.file);
      if (stays.length > 0) manifests.push(await this.#writeEntries(stays, version));
    }
    if (remove !== 'all' && removed.length < remove.size) {
      const found = new Set(removed.map((file) => file.key));
      return { missing: [...remove].find((key) => !found.has(key))! };
    }
    return { manifests, removed };
  }

  async #merge(manifests: readonly ManifestReference[], version: number): Promise<ManifestReference> {
    const entries: ManifestEntry[] = [];
    for (const manifest of manifests) entries.push(...(await this.#read(manifest)));
    return this.#writeEntries(entries, version);
  }

  async #writeEntries(entries: readonly ManifestEntry[], version: number): Promise<ManifestReference> {
    const key = this.#newKey();
    await this.#store.put(key, encodeManifest(entries));
    return referenceTo(key, entries.map((entry) => entry.file), version);
  }

  async #readList(key: string): Promise<ManifestReference[]> {
    return decodeManifestList(await this.#store.get(key));
  }

  async #read(reference: ManifestReference): Promise<readonly ManifestEntry[]> {
    // The same manifest has another version's number when a commit was rebased.
    const cacheKey = `${reference.key}@${reference.sequenceNumber}`;
    let entries = this.#cache.get(cacheKey);
    if (entries === undefined) {
      entries = decodeManifest(await this.#store.get(reference.key), reference);
      if (this.#cache.size >= mostCached) this.#cache.delete(this.#cache.keys().next().value!);
      this.#cache.set(cacheKey, entries);
    }
    return entries;
  }

  #newKey(): string {
    return `${this.#location}/metadata/${this.#newId()}-m0.json`;
  }
}

function referenceTo(key: string, files: readonly DataFile[], sequenceNumber: number): ManifestReference {
  return { key, fileCount: files.length, rowCount: files.reduce((sum, file) => sum + file.rowCount, 0), sequenceNumber };
}
