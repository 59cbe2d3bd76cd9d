import { zstdDecompressSync } from 'node:zlib';
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer, type Compressors, type FileMetaData, type SchemaElement } from 'hyparquet';
import type { ColumnBatch, ScalarType } from '../columns/column-batch.ts';
import { scalarTypeOf } from '../columns/column-batch.ts';
import { columnFromValues, type PlainScalar, type PlainValue } from '../columns/column-from-values.ts';
import type { TableColumn } from '../columns/table-schema.ts';

/** Bytes of a file by range, `end` exclusive and at most `byteLength`. */
export interface RangeSource {
  readonly byteLength: number;
  read(start: number, end: number): Promise<Uint8Array>;
}

const compressors: Compressors = { ZSTD: (input) => zstdDecompressSync(input) };

/**
 * A Parquet file read through hyparquet: footer and small reads. Columns are found by field id; one that the file lacks reads as
 * null. Values come as physical integers, so decimals stay exact. Scans of millions of rows belong to `Sql`.
 */
export class ParquetFile {
  readonly rowCount: number;
  /** Rows of each row group, in order. */
  readonly rowGroupRows: readonly number[];
  readonly createdBy: string | undefined;
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #nameById = new Map<number, string>();

  private constructor(file: AsyncBuffer, metadata: FileMetaData) {
    this.#file = file;
    this.#metadata = { ...metadata, schema: metadata.schema.map(withoutLogicalType) };
    this.rowCount = Number(metadata.num_rows);
    this.rowGroupRows = metadata.row_groups.map((group) => Number(group.num_rows));
    this.createdBy = metadata.created_by;
    for (const { field_id, name } of metadata.schema) if (field_id !== undefined) this.#nameById.set(field_id, name);
  }

  /** Reads the footer; throws when the bytes are no Parquet file. */
  static async open(source: RangeSource): Promise<ParquetFile> {
    const file = {
      byteLength: source.byteLength,
      slice: async (start: number, end = source.byteLength): Promise<ArrayBuffer> => {
        const bytes = await source.read(start, end);
        return new Uint8Array(bytes).buffer;
      },
    };
    return new ParquetFile(file, await parquetMetadataAsync(file));
  }

  /** Rows `[rowStart, rowEnd)` of the given columns. */
  async read(columns: readonly TableColumn[], rowStart = 0, rowEnd = this.rowCount): Promise<ColumnBatch> {
    const present = columns.flatMap(({ id }) => this.#nameById.get(id) ?? []);
    const rows =
      present.length === 0 || rowEnd <= rowStart
        ? []
        : await parquetReadObjects({ file: this.#file, metadata: this.#metadata, columns: present, rowStart, rowEnd, compressors, utf8: false });
    const rowCount = Math.max(0, rowEnd - rowStart);
    return {
      rowCount,
      names: columns.map((column) => column.name),
      columns: columns.map(({ id, type }) => {
        const name = this.#nameById.get(id);
        const convert = converterOf(scalarTypeOf(type));
        const values = Array.from({ length: rowCount }, (_, row) => convert(name === undefined ? null : (rows[row]![name] as PlainValue)));
        return columnFromValues(type, values);
      }),
    };
  }
}

function withoutLogicalType(element: SchemaElement): SchemaElement {
  if (element.type === undefined) return element;
  const { converted_type: _converted, logical_type: _logical, ...physical } = element;
  return physical;
}

function converterOf(type: ScalarType): (value: PlainValue) => PlainValue {
  if (type.name !== 'timestamp') return (value) => value;
  const toMs = (value: PlainScalar): PlainScalar => (typeof value === 'bigint' ? value / 1000n : value);
  return (value) => (Array.isArray(value) ? value.map(toMs) : toMs(value as PlainScalar));
}
