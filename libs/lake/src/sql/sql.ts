import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance, DuckDBResult } from '@duckdb/node-api';
import type { ObjectStore } from '#tideline/platform';
import { allocateValues, physicalTypeOf, type Column, type ColumnBatch, type ColumnType } from '../columns/column-batch.ts';
import type { DataFileOptions } from '../table/data-file-writer.ts';
import type { DataFile, Snapshot } from '../table/snapshot.ts';
import type { Table } from '../table/table.ts';
import { createTableView, selectFiles } from './bind-table.ts';
import type * as DuckDb from './duckdb.ts';
import type { JsonValue } from './json-value.ts';
import { quoteName, quoteText } from './quoting.ts';
import { Spool } from './spool.ts';
import { SqlError } from './sql-error.ts';
import { sqlTypeOf } from './sql-types.ts';

export interface SqlOptions {
  /** As DuckDB writes it, `300MB` by default; sorts and joins beyond it go to the temporary folder. */
  readonly memoryLimit?: string;
  readonly threads?: number;
  /** Existing folder for spilled and copied data; the system's by default. */
  readonly tempDir?: string;
  /** How much of a networked store may stay copied in `tempDir` for the next session, 4 GiB by default. */
  readonly cacheBytes?: number;
}

/** A parameter for a `?` in a statement; integers are bound as BIGINT, others as DOUBLE. */
export type SqlParameter = number | string | boolean | null;

export interface QueryOptions {
  readonly parameters?: readonly SqlParameter[];
  readonly signal?: AbortSignal;
}

/**
 * A DuckDB session over the lake. Tables are bound as views of one snapshot; results come as rows for people or as batches for
 * programs. Its settings are locked: statements read the store's folder and the session's own, and nothing else of the machine.
 */
export class Sql {
  readonly #duckDb: typeof DuckDb;
  readonly #instance: DuckDBInstance;
  readonly #spool: Spool;
  readonly #bound = new Map<string, { readonly state: string; readonly keys: readonly string[] }>();
  // Calls under way, which may be reading copies of files.
  #running = 0;

  private constructor(duckDb: typeof DuckDb, instance: DuckDBInstance, spool: Spool) {
    this.#duckDb = duckDb;
    this.#instance = instance;
    this.#spool = spool;
  }

  static async open(store: ObjectStore, options: SqlOptions = {}): Promise<Sql> {
    const duckDb = await import('./duckdb.ts');
    const spool = await Spool.open(store, options.tempDir ?? tmpdir(), options.cacheBytes ?? 4 * 2 ** 30);
    const instance = await duckDb.DuckDBInstance.create(':memory:', {
      memory_limit: options.memoryLimit ?? '300MB',
      temp_directory: join(spool.folder, 'spill'),
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    });
    const folders = [`${spool.folder}/`, ...(spool.storeRoot === undefined ? [] : [spool.storeRoot])];
    const connection = await instance.connect();
    for (const statement of [
      "SET GLOBAL TimeZone = 'UTC'",
      `SET GLOBAL allowed_directories = [${folders.map(quoteText).join(', ')}]`,
      'SET GLOBAL enable_external_access = false',
      'SET GLOBAL lock_configuration = true',
      ...['bronze', 'silver', 'gold'].map((schema) => `CREATE SCHEMA ${schema}`),
    ]) {
      await connection.run(statement);
    }
    connection.closeSync();
    return new Sql(duckDb, instance, spool);
  }

  /** Makes the view `silver.alibaba` show a snapshot (the current one by default, no rows when there is none); returns it. */
  async bind(table: Table, snapshot?: Snapshot): Promise<Snapshot | undefined> {
    const shown = snapshot ?? (await table.current());
    const schema = await table.schema(snapshot);
    const state = `${shown?.commitId}/${schema.columns.length}`;
    if (this.#bound.get(table.name)?.state === state) return shown;
    const files = shown === undefined ? [] : await table.files(shown);
    const keys = files.map((file) => file.key);
    await this.#using(async () => {
      const paths = await this.#spool.pathsOf(keys);
      await this.#with(`bind ${table.name}`, (connection) => createTableView(connection, { table, schema, files, paths }));
      this.#bound.set(table.name, { state, keys });
    });
    // A long session would otherwise hold the files of every snapshot that it ever showed.
    if (this.#running === 0) await this.#spool.keepOnly(new Set([...this.#bound.values()].flatMap((bound) => bound.keys)));
    return shown;
  }

  /** The rows of one reading statement as objects for JSON; at most `maxRows`. Aborting the signal ends it with the signal's reason. */
  async rows(sql: string, parameters: readonly SqlParameter[] = [], maxRows = Infinity, signal?: AbortSignal): Promise<Record<string, JsonValue>[]> {
    return this.#with(sql, async (connection) => {
      const result = await this.#start(connection, sql, { parameters });
      const names = result.deduplicatedColumnNames();
      const rows: Record<string, JsonValue>[] = [];
      while (rows.length < maxRows) {
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) break;
        const columns = names.map((_, index) => chunk.getColumnValues(index));
        for (let row = 0; row < chunk.rowCount && rows.length < maxRows; row++) {
          rows.push(Object.fromEntries(names.map((name, index) => [name, this.#duckDb.jsonValue(columns[index]![row] ?? null)])));
        }
      }
      return rows;
    }, signal);
  }

  /** The rows of one reading statement as they are computed, about 2,000 a batch; at least one batch, without rows if need be. */
  async *batches(sql: string, options: QueryOptions = {}): AsyncIterable<ColumnBatch> {
    const connection = await this.#instance.connect();
    this.#running++;
    const interrupt = (): void => connection.interrupt();
    options.signal?.addEventListener('abort', interrupt);
    try {
      options.signal?.throwIfAborted();
      const result = await this.#start(connection, sql, options);
      const names = result.deduplicatedColumnNames();
      const types = names.map((name, index) => {
        const type = this.#duckDb.columnTypeOf(result.columnType(index));
        if (type === undefined) throw new SqlError(`expected a type that batches have in column "${name}", found ${result.columnType(index)}`, sql);
        return type;
      });
      for (let first = true; ; first = false) {
        const chunk = await result.fetchChunk();
        const rowCount = chunk?.rowCount ?? 0;
        if (rowCount === 0 && !first) return;
        const columns = types.map((type, index) =>
          rowCount === 0 ? emptyColumn(type) : this.#duckDb.vectorToColumn(chunk!.getColumnVector(index), type, rowCount, names[index]!),
        );
        yield { rowCount, names, columns };
        if (rowCount === 0) return;
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      throw wrap(error, sql);
    } finally {
      options.signal?.removeEventListener('abort', interrupt);
      connection.closeSync();
      this.#running--;
    }
  }

  /** The rows of some of a table's files, with its current columns, in the files' order or sorted by `orderBy` (SQL). */
  async *scan(table: Table, files: readonly DataFile[], orderBy?: string): AsyncIterable<ColumnBatch> {
    this.#running++;
    try {
      const paths = await this.#spool.pathsOf(files.map((file) => file.key));
      const statement = await selectFiles({ table, schema: await table.schema(), files, paths });
      yield* this.batches(orderBy === undefined ? statement : `${statement} ORDER BY ${orderBy}`);
    } finally {
      this.#running--;
    }
  }

  /** Reads every value of one file; the number of its rows. For checks. */
  async readWhole(table: Table, file: DataFile, signal?: AbortSignal): Promise<number> {
    const { columns } = await table.schemaById(file.schemaId);
    const hashes = columns.map(({ name }) => `bit_xor(hash(${quoteName(name)}))`);
    return this.#using(async () => {
      const [path] = await this.#spool.pathsOf([file.key]);
      const [row] = await this.rows(`SELECT count(*) AS n, ${hashes.join(', ')} FROM read_parquet(${quoteText(path!)})`, [], 1, signal);
      return row!['n'] as number;
    });
  }

  /** Runs statements that make views, tables or macros of this session; not for statements of users. */
  async run(sql: string): Promise<void> {
    await this.#with(sql, async (connection) => void (await connection.run(sql)));
  }

  /**
   * Writes a statement's rows into new files of a table, to be committed by the caller. Columns are matched by name and cast to the
   * table's types; `orderBy` (SQL) sorts the rows.
   */
  async copyTo(sql: string, table: Table, options: DataFileOptions & { orderBy?: string } = {}): Promise<DataFile[]> {
    const { columns } = await table.schema();
    const casts = columns.map(({ name, type }) => `CAST(${quoteName(name)} AS ${sqlTypeOf(type)}) AS ${quoteName(name)}`);
    const order = options.orderBy === undefined ? '' : ` ORDER BY ${options.orderBy}`;
    const writer = await table.writer(options);
    try {
      // On lines of their own: the statement may end in a comment.
      for await (const batch of this.batches(`SELECT ${casts.join(', ')} FROM (\n${withoutSemicolon(sql)}\n)${order}`)) await writer.write(batch);
      return await writer.finish();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#instance.closeSync();
    await this.#spool.close();
  }

  async #using<T>(use: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await use();
    } finally {
      this.#running--;
    }
  }

  // Streams of one connection disturb each other, so every statement has its own; views are the instance's.
  async #with<T>(sql: string, use: (connection: DuckDBConnection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#using(async () => {
      const connection = await this.#instance.connect();
      const interrupt = (): void => connection.interrupt();
      signal?.addEventListener('abort', interrupt);
      try {
        signal?.throwIfAborted();
        return await use(connection);
      } catch (error) {
        signal?.throwIfAborted();
        throw wrap(error, sql);
      } finally {
        signal?.removeEventListener('abort', interrupt);
        connection.closeSync();
      }
    });
  }

  async #start(connection: DuckDBConnection, sql: string, { parameters = [] }: QueryOptions): Promise<DuckDBResult> {
    const statements = await connection.extractStatements(sql);
    if (statements.count !== 1) throw new SqlError(`expected one statement, found ${statements.count}`, sql);
    const prepared = await statements.prepare(0);
    const kind = this.#duckDb.kindUnlessReading(prepared);
    if (kind !== undefined) throw new SqlError(`expected a statement that reads (SELECT), found ${kind}`, sql);
    if (prepared.parameterCount !== parameters.length) {
      throw new SqlError(`expected ${prepared.parameterCount} parameters, found ${parameters.length}`, sql);
    }
    if (parameters.length > 0) this.#duckDb.bindParameters(prepared, parameters);
    return prepared.stream();
  }
}

function emptyColumn(type: ColumnType): Column {
  const values = allocateValues(physicalTypeOf(type), 0);
  return type.name === 'list' || type.name === 'string' ? { type, values, offsets: new Int32Array(1) } : { type, values };
}

function withoutSemicolon(sql: string): string {
  return sql.trim().replace(/;$/, '');
}

function wrap(error: unknown, sql: string): unknown {
  if (error instanceof SqlError || !(error instanceof Error)) return error;
  return new SqlError(error.message.trim(), sql, error);
}
