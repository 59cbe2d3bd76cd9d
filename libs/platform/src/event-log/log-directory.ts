import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { PlatformError } from '../errors.ts';
import { sqliteError } from '../sqlite/sqlite-error.ts';
import { inWriteTransaction, openSqliteFile, type SqliteLayout } from '../sqlite/sqlite-file.ts';
import type { TopicSettings } from './event-log.ts';
import { checkShared, checkTopics, noSuchTopic } from './log-rules.ts';

const layout: SqliteLayout = {
  version: 1,
  pageBytes: 4096,
  schema: `
    CREATE TABLE topic (name TEXT PRIMARY KEY, settings TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE owner (
      kind TEXT NOT NULL, name TEXT NOT NULL, partition INTEGER NOT NULL, app TEXT NOT NULL,
      PRIMARY KEY (kind, name, partition)
    ) WITHOUT ROWID`,
};

type OwnedKind = 'partition' | 'group' | 'writer';

/**
 * Which topics exist, and which app owns what: a topic partition, a group and a writer identity each belong to the first app
 * that used them, for ever. So everything that must be atomic or fenced lies in one file, and a reader knows which one to open.
 */
export class LogDirectory {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #selectTopic: StatementSync;
  readonly #selectOwner: StatementSync;
  readonly #dataVersion: StatementSync;
  // Neither settings nor owners ever change, so what was seen once stays true.
  readonly #topics = new Map<string, TopicSettings>();
  readonly #owners = new Map<string, string>();
  #seenVersion: unknown;

  constructor(folder: string) {
    this.path = join(folder, 'topics.sqlite');
    this.#db = openSqliteFile(this.path, layout);
    this.#selectTopic = this.#db.prepare('SELECT settings FROM topic WHERE name = ?');
    this.#selectOwner = this.#db.prepare('SELECT app FROM owner WHERE kind = ? AND name = ? AND partition = ?');
    this.#dataVersion = this.#db.prepare('PRAGMA data_version');
  }

  ensureTopics(topics: Readonly<Record<string, TopicSettings>>): void {
    checkTopics(topics, (name) => this.#findTopic(name));
    const missing = Object.keys(topics).filter((name) => this.#findTopic(name) === undefined);
    if (missing.length === 0) return;
    this.#write('write the topics in', () => {
      // Another process may have made some of them in between.
      checkTopics(topics, (name) => this.#findTopic(name));
      const insert = this.#db.prepare('INSERT OR IGNORE INTO topic VALUES (?, ?)');
      for (const name of missing) insert.run(name, JSON.stringify(topics[name]));
    });
  }

  topicNames(): readonly string[] {
    const rows = this.#read(() => this.#db.prepare('SELECT name FROM topic ORDER BY name').all());
    return rows.map((row) => String(row['name']));
  }

  settings(topic: string): TopicSettings {
    const settings = this.#findTopic(topic);
    if (settings === undefined) throw noSuchTopic(topic, this.topicNames());
    return settings;
  }

  /** How many partitions readers may ask for: those declared, or for a shared topic one for each app when these are more. */
  partitionCount(topic: string): number {
    const { partitions, shared } = this.settings(topic);
    return shared === true ? Math.max(partitions, this.#ownedPartitions(topic).length) : partitions;
  }

  checkPartition(topic: string, partition: number): void {
    const { partitions } = this.settings(topic);
    if (Number.isInteger(partition) && partition >= 0 && (partition < partitions || partition < this.partitionCount(topic))) return;
    throw new PlatformError('NOT_FOUND', `topic ${topic} has partitions 0 to ${this.partitionCount(topic) - 1}, found ${partition}`);
  }

  ownerOf(kind: OwnedKind, name: string, partition = 0): string | undefined {
    const key = `${kind}/${name}/${partition}`;
    const known = this.#owners.get(key);
    if (known !== undefined) return known;
    const found = this.#read(() => this.#selectOwner.get(kind, name, partition))?.['app'];
    if (typeof found !== 'string') return undefined;
    this.#owners.set(key, found);
    return found;
  }

  /** Makes `app` the owner when there is none; another owner is refused (`PERMISSION`). Durable before it returns. */
  claim(kind: OwnedKind, name: string, partition: number, app: string): void {
    const owner = this.ownerOf(kind, name, partition) ?? this.#insertOwner(kind, name, partition, app);
    if (owner === app) return;
    const what = kind === 'partition' ? `partition ${name}/${partition}` : `${kind} ${name}`;
    throw new PlatformError('PERMISSION', `${what} belongs to app ${owner}, found app ${app}; one app writes it for ever`);
  }

  /** The partition that `app` writes: the named one, else its own one of a shared topic, else the first one it may have. */
  writablePartition(topic: string, partition: number | undefined, app: string): number {
    if (partition !== undefined) {
      checkShared(topic, this.settings(topic), partition);
      this.checkPartition(topic, partition);
      this.claim('partition', topic, partition, app);
      return partition;
    }
    const { partitions, shared } = this.settings(topic);
    const find = (): number => {
      for (let candidate = 0; ; candidate++) {
        if (shared !== true && candidate >= partitions) {
          throw new PlatformError('PERMISSION', `topic ${topic}: every partition belongs to another app than ${app}`);
        }
        const owner = this.ownerOf('partition', topic, candidate);
        if (owner === undefined || owner === app) return candidate;
      }
    };
    const found = find();
    if (this.ownerOf('partition', topic, found) === app) return found;
    return this.#write('claim a partition in', () => {
      const free = find();
      this.#db.prepare("INSERT OR IGNORE INTO owner VALUES ('partition', ?, ?, ?)").run(topic, free, app);
      return free;
    });
  }

  /** Apps that own something of a kind, for whoever merges all files. */
  appsThatOwn(kind: OwnedKind): readonly string[] {
    const rows = this.#read(() => this.#db.prepare('SELECT DISTINCT app FROM owner WHERE kind = ? ORDER BY app').all(kind));
    return rows.map((row) => String(row['app']));
  }

  /** Whether another connection has changed the file since the last call. */
  hasChanged(): boolean {
    const version = this.#read(() => this.#dataVersion.get())?.['data_version'];
    const changed = version !== this.#seenVersion;
    this.#seenVersion = version;
    return changed;
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #findTopic(name: string): TopicSettings | undefined {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const found = this.#read(() => this.#selectTopic.get(name))?.['settings'];
    if (typeof found !== 'string') return undefined;
    const settings = JSON.parse(found) as TopicSettings;
    this.#topics.set(name, settings);
    return settings;
  }

  #ownedPartitions(topic: string): readonly unknown[] {
    return this.#read(() => this.#db.prepare("SELECT partition FROM owner WHERE kind = 'partition' AND name = ?").all(topic));
  }

  #insertOwner(kind: OwnedKind, name: string, partition: number, app: string): string {
    return this.#write('claim an owner in', () => {
      this.#db.prepare('INSERT OR IGNORE INTO owner VALUES (?, ?, ?, ?)').run(kind, name, partition, app);
      return String(this.#selectOwner.get(kind, name, partition)?.['app']);
    });
  }

  #write<T>(doing: string, body: () => T): T {
    return inWriteTransaction(this.#db, doing, this.path, body);
  }

  #read<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw sqliteError(error, 'read', this.path);
    }
  }
}
