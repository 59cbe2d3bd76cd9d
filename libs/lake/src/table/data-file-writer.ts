import assert from 'node:assert/strict';
import type { ObjectStore, ObjectUpload } from '#tideline/platform';
import { allocateValues, physicalTypeOf, type Column, type ColumnBatch } from '../columns/column-batch.ts';
import type { TableSchema } from '../columns/table-schema.ts';
import { ParquetWriter, type ParquetOptions } from '../parquet/parquet-writer.ts';
import type { DataFile } from './snapshot.ts';

export interface DataFileOptions extends ParquetOptions {
  /** Encoded bytes after which a file is finished and the next one begun; 64 MiB by default. */
  readonly targetBytes?: number;
}

const defaultTargetBytes = 64 * 2 ** 20;

/**
 * Writes batches into files of about a target size. The files exist from `finish` on but belong to no table until committed; after
 * a failure call `abort`, which removes what was written.
 */
export class DataFileWriter {
  readonly #store: ObjectStore;
  readonly #schema: TableSchema;
  readonly #schemaId: number;
  readonly #newKey: () => string;
  readonly #options: DataFileOptions;
  readonly #files: DataFile[] = [];
  #open: { key: string; upload: ObjectUpload; writer: ParquetWriter } | undefined;
  #ended = false;

  constructor(
    store: ObjectStore,
    target: { schema: TableSchema; schemaId: number; newKey: () => string },
    options: DataFileOptions = {},
  ) {
    this.#store = store;
    this.#schema = target.schema;
    this.#schemaId = target.schemaId;
    this.#newKey = target.newKey;
    this.#options = options;
  }

  /** Rows given so far. */
  get rowCount(): number {
    return this.#files.reduce((sum, file) => sum + file.rowCount, this.#open?.writer.rowCount ?? 0);
  }

  /** Parquet bytes so far. */
  get byteCount(): number {
    return this.#files.reduce((sum, file) => sum + file.byteCount, this.#open?.writer.byteCount ?? 0);
  }

  /** Adds rows; columns are matched by name, and nullable columns that the batch lacks become null. */
  async write(batch: ColumnBatch): Promise<void> {
    assert(!this.#ended, 'expected no write after finish or abort');
    if (batch.rowCount === 0) return;
    const aligned = alignBatch(this.#schema, batch);
    if (this.#open === undefined) {
      const key = this.#newKey();
      const upload = await this.#store.upload(key);
      this.#open = { key, upload, writer: new ParquetWriter(this.#schema, upload, this.#options) };
    }
    await this.#open.writer.write(aligned);
    if (this.#open.writer.byteCount >= (this.#options.targetBytes ?? defaultTargetBytes)) await this.#closeFile();
  }

  /** The files, durable; none when no row was written. */
  async finish(): Promise<DataFile[]> {
    assert(!this.#ended, 'expected one finish');
    if (this.#open !== undefined) await this.#closeFile();
    this.#ended = true;
    return this.#files;
  }

  /** Leaves nothing behind. */
  async abort(): Promise<void> {
    this.#ended = true;
    const open = this.#open;
    this.#open = undefined;
    await open?.upload.abort();
    const keys = this.#files.map((file) => file.key);
    if (open !== undefined) keys.push(open.key);
    this.#files.length = 0;
    if (keys.length > 0) await this.#store.delete(keys);
  }

  async #closeFile(): Promise<void> {
    const { key, upload, writer } = this.#open!;
    const { rowCount, byteCount, bounds } = await writer.finish();
    const info = await upload.finish();
    assert(info.byteCount === byteCount, `expected ${byteCount} bytes in ${key}, found ${info.byteCount}`);
    this.#files.push({ key, rowCount, byteCount, schemaId: this.#schemaId, bounds });
    this.#open = undefined;
  }
}

function alignBatch(schema: TableSchema, batch: ColumnBatch): ColumnBatch {
  const { columns } = schema;
  if (batch.names.length === columns.length && columns.every(({ name }, index) => batch.names[index] === name)) return batch;
  const byName = new Map(batch.names.map((name, index) => [name, batch.columns[index]!]));
  const known = new Set(columns.map(({ name }) => name));
  const stranger = batch.names.find((name) => !known.has(name));
  assert(stranger === undefined, `expected columns ${[...known].join(', ')}, found "${stranger}"`);
  return {
    rowCount: batch.rowCount,
    names: columns.map(({ name }) => name),
    columns: columns.map(({ name, type, nullable }) => {
      const column = byName.get(name);
      assert(column !== undefined || nullable, `expected column "${name}", found ${batch.names.join(', ')}`);
      return column ?? nullColumn(type, batch.rowCount);
    }),
  };
}

function nullColumn(type: Column['type'], rowCount: number): Column {
  const nulls = new Uint8Array(rowCount).fill(1);
  const variable = type.name === 'list' || type.name === 'string';
  const values = allocateValues(physicalTypeOf(type), variable ? 0 : rowCount);
  return { type, values, nulls, ...(variable ? { offsets: new Int32Array(rowCount + 1) } : {}) };
}
