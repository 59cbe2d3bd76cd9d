/**
 * Records of one partition in columns of bytes, never as objects: record i has the key
 * `keys[keyOffsets[i] .. keyOffsets[i+1])` and the value `values[valueOffsets[i] .. valueOffsets[i+1])`.
 * An empty key means none. Buffers may be views; who hands them to `commit` leaves them alone until it has resolved.
 */
export interface PackedRecords {
  readonly count: number;
  /** `count + 1` ascending byte positions in `keys`, the first 0. */
  readonly keyOffsets: Uint32Array;
  readonly keys: Uint8Array;
  /** `count + 1` ascending byte positions in `values`, the first 0. */
  readonly valueOffsets: Uint32Array;
  readonly values: Uint8Array;
  /** Event or creation time of each record, ms since the epoch, UTC. */
  readonly timestamps: Float64Array;
  readonly headers: readonly HeaderColumn[];
}

/** One header of every record in a batch: the same text for all, or one number (written as decimal text) a record. */
export interface HeaderColumn {
  readonly name: string;
  readonly values: string | Float64Array;
}

/**
 * A batch exactly as one `append` put it on the log: `read` never merges and never splits what was appended together.
 * Whoever cuts work on batch borders therefore cuts it in the same places on every run.
 */
export interface RecordBatch extends PackedRecords {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the first record; the others follow without gaps inside a batch (between batches there may be gaps). */
  readonly baseOffset: number;
  /** When the log took the batch, ms since the epoch. */
  readonly appendedAtMs: number;
}

/** The next batch to read starts at or after `offset`; `metadata` (at most 4,096 characters) travels with it. */
export interface CommittedOffset {
  readonly offset: number;
  readonly metadata: string;
}

export interface TopicSettings {
  /** At least 1. For a `shared` topic the count on a networked log; the embedded log makes one for each app that writes. */
  readonly partitions: number;
  /**
   * Several apps write the topic, all without naming a partition (dead letters). A partition of the embedded log is written by one
   * app only, so there each app gets its own on its first append; readers find them all in `describeTopics`.
   */
  readonly shared?: boolean;
  /** `compact` keeps the newest record of each key (every record needs one), `delete` drops by age; the embedded log keeps everything. */
  readonly cleanup?: 'delete' | 'compact';
  /** Milliseconds that `delete` keeps a record; absent keeps it for ever. */
  readonly retentionMs?: number;
}

export interface TopicDescription {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly start: number; readonly end: number }[];
  readonly groups: readonly { readonly group: string; readonly partition: number; readonly offset: number }[];
}

export interface Append {
  readonly topic: string;
  /** Absent: the log chooses a partition that this writer may write (topics that several apps share, like dead letters). */
  readonly partition?: number;
  readonly records: PackedRecords;
}

export interface OffsetCommit {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Not below what the group committed before: a step back is refused (`VERSION_MISMATCH`, the whole transaction not applied). */
  readonly offset: number;
  readonly metadata?: string;
}

/** One atomic step: all appends become visible together with the group offsets, or nothing does. */
export interface Transaction {
  readonly appends: readonly Append[];
  readonly offsets?: readonly OffsetCommit[];
}

/**
 * The one holder of a writer identity. Opening the same identity again, in any process, fences this one: its next
 * `commit` throws `PlatformError` `FENCED` (outcome `not-applied`).
 */
export interface LogWriter {
  readonly id: string;
  /**
   * Applies one transaction durably (it survives a killed process and a lost power line once this resolves) and gives the
   * base offset of each append, in order. Outcome `unknown` means: open the identity again, read the committed offset, then
   * decide whether to repeat.
   */
  commit(transaction: Transaction): Promise<readonly number[]>;
  close(): Promise<void>;
}

export interface ReadOptions {
  /** Stop collecting once this many value bytes are held; at least one batch is returned when there is one. 32 MiB by default. */
  readonly maxBytes?: number;
  /** How long to wait for a first batch when there is none yet; 0 (the default) returns at once. */
  readonly maxWaitMs?: number;
  /** Ends the wait early; the read then resolves with nothing instead of throwing. */
  readonly signal?: AbortSignal;
}

/** What a group member is told. Callbacks are awaited: a partition is handed on only after `revoked` has resolved. */
export interface AssignmentListener {
  assigned(partitions: readonly { topic: string; partition: number }[]): Promise<void>;
  revoked(partitions: readonly { topic: string; partition: number }[]): Promise<void>;
}

export interface GroupMember {
  leave(): Promise<void>;
}

/**
 * An append-only, partitioned log with transactions: the type and the injection token.
 *
 * Callers rely on: (1) records of a partition are read in the order in which they were appended, each exactly once per pass;
 * (2) only committed transactions are ever read; (3) a transaction's appends and offsets are atomic, also when processes are
 * killed; (4) an identity has one writer, older ones are fenced; (5) several processes may write (each its own identities) and
 * read at once; (6) reading needs no group; a group's offset moves only inside a transaction; (7) offsets of a partition
 * only grow, gaps between batches are allowed; (8) every call ends: one without an answer fails with `TIMEOUT`, retriable, after the
 * door's own bound (30 s by default, `maxWaitMs` on top), so callers need none; its outcome is `not-applied` when it only reads, else
 * `unknown`: it may take effect even after later calls, except a commit, which a writer opened later has fenced.
 */
export abstract class EventLog {
  /** Makes the topics that are missing. A topic with another partition count is refused (`VERSION_MISMATCH`), never changed. */
  abstract ensureTopics(topics: Readonly<Record<string, TopicSettings>>): Promise<void>;
  /** Every topic with its offsets and the groups that committed on it, sorted by name. */
  abstract describeTopics(): Promise<readonly TopicDescription[]>;
  /** First and next offset of a partition; `NOT_FOUND` when the topic does not exist. */
  abstract offsets(topic: string, partition: number): Promise<{ readonly start: number; readonly end: number }>;
  /** Whole batches from the one that holds `offset` (or the first after it). Empty when nothing came within `maxWaitMs`. */
  abstract read(topic: string, partition: number, offset: number, options?: ReadOptions): Promise<readonly RecordBatch[]>;
  /** What the group committed last, or undefined when it never did. */
  abstract committed(group: string, topic: string, partition: number): Promise<CommittedOffset | undefined>;
  /** Takes over a writer identity and fences whoever held it. */
  abstract openWriter(id: string): Promise<LogWriter>;
  /**
   * Joins a group that shares the topics' partitions. The embedded log gives all of them to the one member it allows (a second
   * member is refused with `LOCKED`); a networked log spreads and moves them.
   */
  abstract joinGroup(group: string, topics: readonly string[], listener: AssignmentListener): Promise<GroupMember>;
  /** What an operator should know of the log's set-up, in full sentences; nothing for the embedded logs. */
  async warnings(): Promise<readonly string[]> {
    return [];
  }
  abstract close(): Promise<void>;
}
