import type { Bounds } from '../parquet/bounds.ts';
import type { OffsetRanges } from './offset-ranges.ts';

/** An immutable Parquet file of a table. */
export interface DataFile {
  /** Object key. */
  readonly key: string;
  readonly rowCount: number;
  readonly byteCount: number;
  /** Schema it was written with. */
  readonly schemaId: number;
  /** Least and greatest value by field id, of the columns that the writer was asked for. */
  readonly bounds: Readonly<Record<number, Bounds>>;
}

/** `append` adds rows, `replace` rearranges the same rows, `overwrite` puts others in the place of all (Iceberg's words). */
export type Operation = 'append' | 'replace' | 'overwrite';

/** One state of a table: wholly visible once its metadata is published. */
export interface Snapshot {
  /** Version of the table's metadata that published it; also its sequence number and id. */
  readonly version: number;
  readonly parentVersion: number | undefined;
  readonly timestampMs: number;
  readonly operation: Operation;
  readonly schemaId: number;
  readonly rowCount: number;
  readonly fileCount: number;
  readonly byteCount: number;
  /** What the table holds of its input, all commits so far together. */
  readonly offsets: OffsetRanges;
  readonly addedFileCount: number;
  readonly addedRowCount: number;
  readonly removedFileCount: number;
  readonly removedRowCount: number;
  /** Texts given with the commit. */
  readonly summary: Readonly<Record<string, string>>;
  /** Names the commit attempt; the same commit is never applied twice. */
  readonly commitId: string;
  /** Object key of the manifest list. */
  readonly manifestList: string;
}
