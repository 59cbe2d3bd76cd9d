import assert from 'node:assert/strict';
import type { ObjectStore } from '#tideline/platform';
import { defineSchema, evolutionProblem, evolveSchema, lastColumnId, type ColumnDefinition, type TableSchema } from '../columns/table-schema.ts';
import { CommitConflict } from './commit-conflict.ts';
import { DataFileWriter, type DataFileOptions } from './data-file-writer.ts';
import { ManifestStore } from './manifest-store.ts';
import { MetadataLog } from './metadata-log.ts';
import { extendOffsets, type OffsetRanges } from './offset-ranges.ts';
import type { DataFile, Operation, Snapshot } from './snapshot.ts';
import { keptSnapshots, schemaOf, type TableMetadata } from './table-metadata.ts';

export interface CommitOptions {
  /** Input that the commit covers: an append's ranges must join the covered ones; an overwrite's become the covered ones. */
  readonly offsets?: OffsetRanges;
  /** Texts kept with the snapshot. */
  readonly summary?: Readonly<Record<string, string>>;
  /** Refuses the commit unless this version (undefined for none) is the current snapshot's. */
  readonly expectedVersion?: number | undefined;
  /** Names the commit: one of the same id that is already in the table's recent snapshots is returned instead of repeated. */
  readonly commitId?: string;
}

/** What a table takes from outside: the time, and names that nobody else uses. */
export interface LakeEnvironment {
  readonly now: () => number;
  readonly newId: () => string;
}

interface Change {
  readonly operation: Operation;
  readonly add: readonly DataFile[];
  /** Keys to remove, or every file. */
  readonly remove: ReadonlySet<string> | 'all';
  readonly options: CommitOptions;
  readonly commitId: string;
}

// Each lost race means that another commit succeeded, so only a very busy table runs out of attempts.
const mostAttempts = 1000;

/**
 * A table: a folder with data files, and a log of metadata versions that says which of them count. Readers hold a `Snapshot` and are
 * never disturbed; writers commit by publishing the next version, and repeat on top of the winner when they lose the race.
 */
export class Table {
  /** `silver.alibaba`. */
  readonly name: string;
  /** Key prefix without the last slash. */
  readonly location: string;
  readonly #store: ObjectStore;
  readonly #environment: LakeEnvironment;
  readonly #log: MetadataLog;
  readonly #manifests: ManifestStore;

  constructor(store: ObjectStore, name: string, location: string, environment: LakeEnvironment) {
    this.name = name;
    this.location = location;
    this.#store = store;
    this.#environment = environment;
    this.#log = new MetadataLog(store, location);
    this.#manifests = new ManifestStore(store, location, environment.newId);
  }

  /** Makes the table, or adds the columns that it lacks (nullable ones only); returns its schema. */
  async ensure(columns: readonly ColumnDefinition[]): Promise<TableSchema> {
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const current = await this.#log.current();
      const commitId = this.#environment.newId();
      if (current === undefined) {
        const schema = defineSchema(columns);
        await this.#store.putIfAbsent(markerKey(this.location), Buffer.from(JSON.stringify({ name: this.name, location: this.location })));
        if (await this.#log.publish(this.#firstMetadata(schema, commitId))) return schema;
        continue;
      }
      const schema = schemaOf(current);
      const problem = evolutionProblem(schema, columns);
      if (problem !== undefined) throw new CommitConflict(this.name, problem);
      const evolved = evolveSchema(schema, columns, current.lastColumnId);
      if (evolved === schema) return schema;
      const next: TableMetadata = {
        ...current,
        version: current.version + 1,
        lastUpdatedMs: this.#laterThan(current),
        lastColumnId: lastColumnId(evolved),
        currentSchemaId: current.schemas.length,
        schemas: [...current.schemas, evolved],
        commitId,
      };
      if (await this.#log.publish(next)) return evolved;
    }
    throw new CommitConflict(this.name, `expected to publish within ${mostAttempts} attempts`);
  }

  async exists(): Promise<boolean> {
    return (await this.#log.current()) !== undefined;
  }

  /** The columns, of a snapshot or now; throws when there is no table. */
  async schema(snapshot?: Snapshot): Promise<TableSchema> {
    return schemaOf(await this.#metadata(), snapshot?.schemaId);
  }

  /** The columns that a data file was written with. */
  async schemaById(schemaId: number): Promise<TableSchema> {
    return schemaOf(await this.#metadata(), schemaId);
  }

  /** The newest snapshot, or undefined for a table without commits, or no table. */
  async current(): Promise<Snapshot | undefined> {
    return (await this.#log.current())?.snapshots.at(-1);
  }

  /** The newest snapshots, newest first: at most `limit`. */
  async snapshots(limit = keptSnapshots): Promise<Snapshot[]> {
    const found: Snapshot[] = [];
    let metadata = await this.#log.current();
    while (metadata !== undefined && metadata.snapshots.length > 0 && found.length < limit) {
      found.push(...metadata.snapshots.slice().reverse());
      const older = found.at(-1)!.parentVersion;
      metadata = older === undefined ? undefined : await this.#log.read(older);
    }
    return found.slice(0, limit);
  }

  /** The snapshot of a version; throws when that version has none. */
  async snapshot(version: number): Promise<Snapshot> {
    const snapshot = (await this.#log.read(version)).snapshots.at(-1);
    if (snapshot?.version !== version) throw new Error(`${this.name}: expected a snapshot at version ${version}, found none`);
    return snapshot;
  }

  /** Data files of a snapshot, the current one by default, in commit order. */
  async files(snapshot?: Snapshot): Promise<DataFile[]> {
    const of = snapshot ?? (await this.current());
    return of === undefined ? [] : (await this.#manifests.entries(of.manifestList)).map((entry) => entry.file);
  }

  /** A writer of files for this table, with its current columns. */
  async writer(options: DataFileOptions = {}): Promise<DataFileWriter> {
    const metadata = await this.#metadata();
    const newKey = (): string => `${this.location}/data/${this.#environment.newId()}.parquet`;
    return new DataFileWriter(this.#store, { schema: schemaOf(metadata), schemaId: metadata.currentSchemaId, newKey }, options);
  }

  /** Adds the files; `CommitConflict` when the offsets don't join those covered (another writer was first). */
  append(files: readonly DataFile[], options: CommitOptions = {}): Promise<Snapshot> {
    return this.#commit('append', files, new Set(), options);
  }

  /** Puts `add` in the place of `remove`, the same rows; `CommitConflict` when a removed file is gone. */
  replace(remove: readonly DataFile[], add: readonly DataFile[], options: Omit<CommitOptions, 'offsets'> = {}): Promise<Snapshot> {
    const rows = (files: readonly DataFile[]): number => files.reduce((sum, file) => sum + file.rowCount, 0);
    assert(rows(remove) === rows(add), `expected ${rows(remove)} rows in place of as many, found ${rows(add)} (${this.name})`);
    return this.#commit('replace', add, new Set(remove.map((file) => file.key)), options);
  }

  /** Puts `files` in the place of everything. */
  overwrite(files: readonly DataFile[], options: CommitOptions = {}): Promise<Snapshot> {
    return this.#commit('overwrite', files, 'all', options);
  }

  async #commit(operation: Operation, add: readonly DataFile[], remove: Change['remove'], options: CommitOptions): Promise<Snapshot> {
    const prefix = `${this.location}/data/`;
    for (const { key } of add) assert(key.startsWith(prefix), `expected a file under ${prefix}, found ${key}`);
    const commitId = options.commitId ?? this.#environment.newId();
    const change: Change = { operation, add, remove, options, commitId };
    const added = add.length === 0 ? undefined : await this.#manifests.writeAdded(add);
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const parent = await this.#metadata();
      const done = parent.snapshots.find((snapshot) => snapshot.commitId === commitId);
      if (done !== undefined) return done;
      const snapshot = await this.#draft(parent, change, added);
      const next: TableMetadata = {
        ...parent,
        version: snapshot.version,
        lastUpdatedMs: snapshot.timestampMs,
        snapshots: [...parent.snapshots, snapshot].slice(-keptSnapshots),
        commitId,
      };
      if (await this.#log.publish(next)) return snapshot;
    }
    throw new CommitConflict(this.name, `expected to publish within ${mostAttempts} attempts`);
  }

  async #draft(parent: TableMetadata, change: Change, added: { key: string } | undefined): Promise<Snapshot> {
    const { operation, add, options } = change;
    const before = parent.snapshots.at(-1);
    const version = parent.version + 1;
    if ('expectedVersion' in options && options.expectedVersion !== before?.version) {
      throw new CommitConflict(this.name, `expected version ${options.expectedVersion ?? 'none'}, found ${before?.version ?? 'none'}`);
    }
    const offsets = this.#offsetsAfter(before?.offsets ?? {}, change);
    const list = await this.#manifests.writeList(before?.manifestList, { add, addedKey: added?.key, remove: change.remove, version });
    if ('missing' in list) throw new CommitConflict(this.name, `expected file ${list.missing} to be in the table, found it removed`);
    const count = (of: (file: DataFile) => number, files: readonly DataFile[]): number => files.reduce((sum, file) => sum + of(file), 0);
    const addedRows = count((file) => file.rowCount, add);
    const removedRows = count((file) => file.rowCount, list.removed);
    return {
      version,
      parentVersion: before?.version,
      timestampMs: this.#laterThan(parent),
      operation,
      schemaId: parent.currentSchemaId,
      rowCount: (before?.rowCount ?? 0) + addedRows - removedRows,
      fileCount: (before?.fileCount ?? 0) + add.length - list.removed.length,
      byteCount: (before?.byteCount ?? 0) + count((file) => file.byteCount, add) - count((file) => file.byteCount, list.removed),
      offsets,
      addedFileCount: add.length,
      addedRowCount: addedRows,
      removedFileCount: list.removed.length,
      removedRowCount: removedRows,
      summary: options.summary ?? {},
      commitId: change.commitId,
      manifestList: list.key,
    };
  }

  #offsetsAfter(covered: OffsetRanges, { operation, options }: Change): OffsetRanges {
    if (operation === 'replace') return covered;
    const extended = extendOffsets(operation === 'overwrite' ? {} : covered, options.offsets ?? {});
    if ('problem' in extended) throw new CommitConflict(this.name, extended.problem);
    return extended.offsets;
  }

  async #metadata(): Promise<TableMetadata> {
    const metadata = await this.#log.current();
    if (metadata === undefined) throw new Error(`expected table ${this.name} to exist, found no metadata at ${this.location}`);
    return metadata;
  }

  /** Never before the last change: readers refuse a table whose history steps back by more than a minute, and clocks are set back. */
  #laterThan({ lastUpdatedMs }: TableMetadata): number {
    return Math.max(lastUpdatedMs, this.#environment.now());
  }

  #firstMetadata(schema: TableSchema, commitId: string): TableMetadata {
    return {
      version: 1,
      tableUuid: this.#environment.newId(),
      location: this.location,
      lastUpdatedMs: this.#environment.now(),
      lastColumnId: lastColumnId(schema),
      currentSchemaId: 0,
      schemas: [schema],
      snapshots: [],
      commitId,
    };
  }
}

/** Says that a table exists, so that tables are listed without their files: `silver/_tables/alibaba`. */
function markerKey(location: string): string {
  const slash = location.indexOf('/');
  return `${location.slice(0, slash)}/_tables/${location.slice(slash + 1)}`;
}
