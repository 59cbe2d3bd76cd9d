import type { ColumnDefinition, DataFile, DataFileWriter, Lake, Table } from '#tideline/lake';
import type { Column, Source } from '#tideline/retention';
import type { SilverState } from './silver-view.ts';

/** A gold table whose rows are all replaced by one commit; of its columns those that its rows no longer have become null. */
export class TableRewrite {
  readonly #table: Table;
  readonly #names: readonly string[];
  readonly #writer: DataFileWriter;

  private constructor(table: Table, names: readonly string[], writer: DataFileWriter) {
    this.#table = table;
    this.#names = names;
    this.#writer = writer;
  }

  static async open(lake: Lake, name: string, columns: readonly ColumnDefinition[]): Promise<TableRewrite> {
    const table = lake.table(name);
    await table.ensure(columns);
    return new TableRewrite(table, columns.map((column) => column.name), await table.writer());
  }

  /** Adds rows; columns in the order in which the table was opened with them. */
  async write(columns: readonly Column[], rowCount: number): Promise<void> {
    await this.#writer.write({ rowCount, names: this.#names, columns });
  }

  /**
   * Publishes what was written in the place of everything, as made of silver as it stood, by the source's definition; returns its rows.
   * `asOf` names the one as-of time that was asked for, so that nobody takes the table for a whole build.
   */
  async publish(source: Source, silver: SilverState, asOf?: string): Promise<number> {
    const files = await this.#finish();
    const summary = { silver: silver.versions, silverRows: String(silver.rowCount), definition: source.version, ...(asOf && { asOf }) };
    await this.#table.overwrite(files, { offsets: silver.offsets, summary });
    return files.reduce((rows, file) => rows + file.rowCount, 0);
  }

  async #finish(): Promise<readonly DataFile[]> {
    try {
      return await this.#writer.finish();
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  /** Removes what was written; only before `publish`. */
  async abort(): Promise<void> {
    // What can't be removed now belongs to no table, and does no harm.
    await this.#writer.abort().catch(() => undefined);
  }
}

/** Which silver rows a gold table was made of, read from its newest snapshot. */
export interface Build {
  readonly silverRows: number;
  /** Version of the source whose definitions it follows. */
  readonly definition: string | undefined;
  /** Rows of the gold table itself. */
  readonly rowCount: number;
}

/** The last rewrite of a gold table; undefined before the first, and when it was for one as-of time alone. */
export async function lastBuild(table: Table): Promise<Build | undefined> {
  const snapshot = await table.current();
  if (snapshot === undefined || snapshot.summary['asOf'] !== undefined) return undefined;
  return { silverRows: Number(snapshot.summary['silverRows'] ?? 0), definition: snapshot.summary['definition'], rowCount: snapshot.rowCount };
}
