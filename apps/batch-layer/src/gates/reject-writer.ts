import { batchFromRows, type ColumnDefinition, type DataFileWriter, type Lake, type Table } from '#tideline/lake';
import { tableNames, type Source } from '#tideline/retention';
import { letterColumns } from '../rejects.ts';
import { provenanceColumns } from '../provenance.ts';

const string = { name: 'string' } as const;

/** Which run put a row among the rejects, and by which check; null for lines that no record was ever made of. */
const runColumns: readonly ColumnDefinition[] = ['run', 'suite', 'check_name'].map((name) => ({ name, type: string, nullable: true }));

export const rejectColumns: readonly ColumnDefinition[] = [...letterColumns, ...provenanceColumns, ...runColumns];

/** A row that may not pass, and where it came from. */
export interface Reject {
  /** The check's name, or why no record could be made of the line. */
  readonly reason: string;
  readonly detail: string;
  /** The line, or the row as JSON where its bytes are not at hand, as `encoding` says. */
  readonly original: string;
  readonly encoding: 'utf8' | 'base64' | 'json';
  readonly suite: string | null;
  readonly check: string | null;
  readonly file: string;
  readonly loop: number;
  readonly byteOffset: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

const ROWS_AT_ONCE = 1000;

/** Writes a run's rejects to `silver.<source>_rejects`, by one commit. */
export class RejectWriter {
  readonly #table: Table;
  readonly #run: string;
  readonly #atMs: number;
  #writer: DataFileWriter | undefined;
  #waiting: Reject[] = [];
  #count = 0;

  constructor(source: Source, lake: Lake, run: string, atMs: number) {
    this.#table = lake.table(tableNames(source).rejects);
    this.#run = run;
    this.#atMs = atMs;
  }

  get count(): number {
    return this.#count;
  }

  async add(reject: Reject): Promise<void> {
    this.#count++;
    this.#waiting.push(reject);
    if (this.#waiting.length === ROWS_AT_ONCE) await this.#flush();
  }

  /** Publishes what was added; nothing at all commits nothing. */
  async publish(): Promise<void> {
    if (this.#count === 0) return;
    let files;
    try {
      await this.#flush();
      files = await this.#writer!.finish();
    } catch (error) {
      await this.abort();
      throw error;
    }
    this.#writer = undefined;
    await this.#table.append(files, { commitId: `${this.#run}/rejects`, summary: { run: this.#run } });
  }

  /** Leaves nothing behind; only before `publish`. */
  async abort(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    this.#waiting = [];
    // What can't be removed now belongs to no table, and does no harm.
    await writer?.abort().catch(() => undefined);
  }

  async #flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    if (this.#writer === undefined) {
      await this.#table.ensure(rejectColumns);
      this.#writer = await this.#table.writer();
    }
    const rows = this.#waiting.map(({ reason, detail, original, encoding, suite, check, file, loop, byteOffset, topic, partition, offset }) => ({
      reason, detail, original, encoding, suite, check_name: check, run: this.#run,
      _file: file, _loop: loop, _byte_offset: byteOffset, _topic: topic, _partition: partition, _offset: offset, _arrived_at: this.#atMs,
    }));
    this.#waiting = [];
    await this.#writer.write(batchFromRows(rejectColumns, rows));
  }
}
