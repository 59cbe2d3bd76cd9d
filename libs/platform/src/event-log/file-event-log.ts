import assert from 'node:assert';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PlatformError } from '../errors.ts';
import { fileSystemError } from '../file-system/file-system-error.ts';
import { lockExclusively } from '../file-lock/file-lock.ts';
import { AppLogReaderFile } from './app-log-file.ts';
import { Arrivals } from './arrivals.ts';
import {
  EventLog,
  type AssignmentListener,
  type CommittedOffset,
  type GroupMember,
  type LogWriter,
  type ReadOptions,
  type RecordBatch,
  type TopicDescription,
  type TopicSettings,
  type Transaction,
} from './event-log.ts';
import { LogDirectory } from './log-directory.ts';
import { checkTransaction, readBytesDefault } from './log-rules.ts';
import { LogWriterThread } from './log-writer-thread.ts';
import { checkBatchSize } from './packed-records.ts';

export interface FileEventLogOptions {
  /** The writing app: it names the file. Every process of the same app may use it; the identities they open fence each other. */
  readonly app: string;
  /** Pages of 16 KiB that the app's file may have: a stand-in for a full disk. */
  readonly pageCountMax?: number;
}

const pollMs = 5;

/**
 * The log in a folder: `topics.sqlite` says which topics exist and which app owns what, `<app>.sqlite` holds what that app wrote.
 * Any number of processes read and write at once; a reader elsewhere sees a commit within about 5 ms. Keeps every record:
 * `cleanup` and `retentionMs` are remembered but not acted upon. A group member of a shared topic is given the partitions that
 * exist when it joins.
 */
export class FileEventLog extends EventLog {
  readonly #folder: string;
  readonly #options: FileEventLogOptions;
  readonly #directory: LogDirectory;
  readonly #readers = new Map<string, AppLogReaderFile>();
  readonly #arrivals = new Arrivals();
  readonly #members = new Set<() => void>();
  #writerThread: Promise<LogWriterThread> | undefined;
  #poller: NodeJS.Timeout | undefined;
  #open = true;

  constructor(folder: string, options: FileEventLogOptions) {
    super();
    assert(/^[a-z][a-z0-9-]*$/.test(options.app) && options.app !== 'topics', `expected an app name of [a-z0-9-], found "${options.app}"`);
    this.#folder = resolve(folder);
    this.#options = options;
    try {
      mkdirSync(this.#folder, { recursive: true });
    } catch (error) {
      throw fileSystemError(error, 'make the folder', this.#folder);
    }
    this.#directory = new LogDirectory(this.#folder);
  }

  async ensureTopics(topics: Readonly<Record<string, TopicSettings>>): Promise<void> {
    this.#checkOpen();
    this.#directory.ensureTopics(topics);
  }

  async describeTopics(): Promise<readonly TopicDescription[]> {
    this.#checkOpen();
    const groups = this.#directory.appsThatOwn('group').flatMap((app) => this.#reader(app)?.groupOffsets() ?? []);
    return this.#directory.topicNames().map((topic) => ({
      topic,
      partitions: Array.from({ length: this.#directory.partitionCount(topic) }, (_, partition) => ({
        partition,
        start: 0,
        end: this.#ownerFile(topic, partition)?.end(topic, partition) ?? 0,
      })),
      groups: groups
        .filter((committed) => committed.topic === topic)
        .map(({ group, partition, offset }) => ({ group, partition, offset }))
        .sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : a.partition - b.partition)),
    }));
  }

  async offsets(topic: string, partition: number): Promise<{ readonly start: number; readonly end: number }> {
    this.#checkOpen();
    this.#directory.checkPartition(topic, partition);
    return { start: 0, end: this.#ownerFile(topic, partition)?.end(topic, partition) ?? 0 };
  }

  async read(topic: string, partition: number, offset: number, options: ReadOptions = {}): Promise<readonly RecordBatch[]> {
    this.#checkOpen();
    assert(offset >= 0, `expected an offset of at least 0, found ${offset}`);
    this.#directory.checkPartition(topic, partition);
    const maxBytes = options.maxBytes ?? readBytesDefault;
    return this.#arrivals.poll(options, () => {
      this.#checkOpen();
      const batches = this.#ownerFile(topic, partition)?.batchesFrom(topic, partition, offset, maxBytes) ?? [];
      if (batches.length === 0 && (options.maxWaitMs ?? 0) > 0) this.#startPolling();
      return batches;
    });
  }

  async committed(group: string, topic: string, partition: number): Promise<CommittedOffset | undefined> {
    this.#checkOpen();
    const app = this.#directory.ownerOf('group', group);
    return app === undefined ? undefined : this.#reader(app)?.committed(group, topic, partition);
  }

  async openWriter(id: string): Promise<LogWriter> {
    this.#checkOpen();
    const { app, pageCountMax } = this.#options;
    this.#directory.claim('writer', id, 0, app);
    let thread = await (this.#writerThread ??= this.#startThread(this.#pathOf(app), pageCountMax));
    if (!thread.isAlive) thread = await (this.#writerThread = this.#startThread(this.#pathOf(app), pageCountMax));
    const epoch = await thread.takeOver(id);
    let open = true;
    return {
      id,
      commit: async (transaction) => {
        this.#checkOpen();
        if (!open) throw new PlatformError('CLOSED', `writer ${id} is closed`);
        return this.#commit(thread, id, epoch, transaction);
      },
      close: async () => {
        open = false;
      },
    };
  }

  async joinGroup(group: string, topics: readonly string[], listener: AssignmentListener): Promise<GroupMember> {
    this.#checkOpen();
    const partitions = topics.flatMap((topic) =>
      Array.from({ length: this.#directory.partitionCount(topic) }, (_, partition) => ({ topic, partition })),
    );
    const lock = lockExclusively(join(this.#folder, 'locks', `group-${encodeURIComponent(group)}.lock`), `group ${group}`);
    const release = (): void => lock.release();
    this.#members.add(release);
    try {
      await listener.assigned(partitions);
    } catch (error) {
      this.#members.delete(release);
      release();
      throw error;
    }
    return {
      leave: async () => {
        if (!this.#members.delete(release)) return;
        try {
          await listener.revoked(partitions);
        } finally {
          release();
        }
      },
    };
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#poller);
    this.#arrivals.announce();
    for (const release of this.#members) release();
    for (const reader of this.#readers.values()) reader.close();
    await this.#writerThread?.then((thread) => thread.close(), () => undefined);
    this.#directory.close();
  }

  // A thread that could not open its file is forgotten, so that a later writer tries again.
  #startThread(path: string, pageCountMax: number | undefined): Promise<LogWriterThread> {
    const starting = LogWriterThread.open(path, pageCountMax);
    starting.catch(() => {
      if (this.#writerThread === starting) this.#writerThread = undefined;
    });
    return starting;
  }

  async #commit(thread: LogWriterThread, writerId: string, epoch: number, transaction: Transaction): Promise<readonly number[]> {
    const { app } = this.#options;
    checkTransaction(transaction);
    const offsets = transaction.offsets ?? [];
    // Claims are made before the transaction and stay if it fails: owning a partition without records does no harm.
    for (const { group, topic, partition } of offsets) {
      this.#directory.checkPartition(topic, partition);
      this.#directory.claim('group', group, 0, app);
    }
    const placed = transaction.appends.map(({ topic, partition, records }) => ({
      topic,
      partition: this.#directory.writablePartition(topic, partition, app),
      records,
    }));
    placed.forEach(checkBatchSize);
    const baseOffsets = await thread.commit(writerId, epoch, placed, offsets, Date.now());
    this.#arrivals.announce();
    return baseOffsets;
  }

  #ownerFile(topic: string, partition: number): AppLogReaderFile | undefined {
    const app = this.#directory.ownerOf('partition', topic, partition);
    return app === undefined ? undefined : this.#reader(app);
  }

  #reader(app: string): AppLogReaderFile | undefined {
    const known = this.#readers.get(app);
    if (known !== undefined) return known;
    const opened = AppLogReaderFile.openIfPresent(this.#pathOf(app));
    if (opened !== undefined) this.#readers.set(app, opened);
    return opened;
  }

  #pathOf(app: string): string {
    return join(this.#folder, `${app}.sqlite`);
  }

  // One timer for all sleeping readers; asking SQLite whether a file changed costs microseconds, reading it again does not.
  #startPolling(): void {
    this.#poller ??= setInterval(() => {
      if (!this.#arrivals.isAwaited) {
        clearInterval(this.#poller);
        this.#poller = undefined;
        return;
      }
      let changed = false;
      try {
        changed = this.#directory.hasChanged();
        for (const reader of this.#readers.values()) changed = reader.hasChanged() || changed;
      } catch {
        // The reader that wakes meets the same failure and reports it to its caller.
        changed = true;
      }
      if (changed) this.#arrivals.announce();
    }, pollMs);
  }

  #checkOpen(): void {
    if (!this.#open) throw new PlatformError('CLOSED', `the event log at ${this.#folder} is closed`);
  }
}
