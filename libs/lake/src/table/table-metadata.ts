import assert from 'node:assert/strict';
import { formatType, parseType } from '../columns/column-batch.ts';
import type { TableColumn, TableSchema } from '../columns/table-schema.ts';
import type { Snapshot } from './snapshot.ts';

/** One version of a table's metadata, as published in `metadata/v<version>.metadata.json`. */
export interface TableMetadata {
  readonly version: number;
  readonly tableUuid: string;
  readonly location: string;
  readonly lastUpdatedMs: number;
  readonly lastColumnId: number;
  readonly currentSchemaId: number;
  /** The index is the schema id. */
  readonly schemas: readonly TableSchema[];
  /** Ascending versions, the last is the current one; older ones than the last `keptSnapshots` live in older versions only. */
  readonly snapshots: readonly Snapshot[];
  readonly commitId: string;
}

/** Snapshots that each version repeats, which bounds what a commit writes. */
export const keptSnapshots = 100;

const formatVersion = 1;

/** The metadata as JSON, with Iceberg's names where the meaning is Iceberg's. */
export function encodeMetadata(metadata: TableMetadata): Uint8Array {
  const json = {
    format: 'tideline-table',
    'format-version': formatVersion,
    'table-uuid': metadata.tableUuid,
    location: metadata.location,
    'last-sequence-number': metadata.version,
    'last-updated-ms': metadata.lastUpdatedMs,
    'last-column-id': metadata.lastColumnId,
    'current-schema-id': metadata.currentSchemaId,
    schemas: metadata.schemas.map((schema, id) => ({ 'schema-id': id, fields: schema.columns.map(encodeColumn) })),
    'current-snapshot-id': metadata.snapshots.at(-1)?.version ?? null,
    snapshots: metadata.snapshots.map(encodeSnapshot),
    'commit-id': metadata.commitId,
  };
  return Buffer.from(JSON.stringify(json));
}

interface MetadataJson {
  readonly format: string;
  readonly 'format-version': number;
  readonly 'table-uuid': string;
  readonly location: string;
  readonly 'last-sequence-number': number;
  readonly 'last-updated-ms': number;
  readonly 'last-column-id': number;
  readonly 'current-schema-id': number;
  readonly schemas: readonly { readonly fields: readonly ReturnType<typeof encodeColumn>[] }[];
  readonly snapshots: readonly ReturnType<typeof encodeSnapshot>[];
  readonly 'commit-id': string;
}

/** Reads what `encodeMetadata` wrote; `key` names it in errors. */
export function decodeMetadata(bytes: Uint8Array, key: string): TableMetadata {
  let json: MetadataJson;
  try {
    json = JSON.parse(Buffer.from(bytes).toString()) as MetadataJson;
  } catch (cause) {
    throw new Error(`${key}: expected table metadata as JSON`, { cause });
  }
  if (json.format !== 'tideline-table' || json['format-version'] !== formatVersion) {
    throw new Error(`${key}: expected format tideline-table version ${formatVersion}, found ${json.format} version ${json['format-version']}`);
  }
  return {
    version: json['last-sequence-number'],
    tableUuid: json['table-uuid'],
    location: json.location,
    lastUpdatedMs: json['last-updated-ms'],
    lastColumnId: json['last-column-id'],
    currentSchemaId: json['current-schema-id'],
    schemas: json.schemas.map(({ fields }) => ({ columns: fields.map((field) => decodeColumn(field, key)) })),
    snapshots: json.snapshots.map(decodeSnapshot),
    commitId: json['commit-id'],
  };
}

/** The schema of a schema id; stops when there is none. */
export function schemaOf(metadata: TableMetadata, schemaId = metadata.currentSchemaId): TableSchema {
  const schema = metadata.schemas[schemaId];
  assert(schema !== undefined, `expected schema ${schemaId} of ${metadata.location}, found ${metadata.schemas.length} schemas`);
  return schema;
}

function encodeColumn({ id, name, type, nullable, elementId }: TableColumn) {
  return { id, name, required: !nullable, type: formatType(type), ...(elementId === undefined ? {} : { 'element-id': elementId }) };
}

function decodeColumn(field: ReturnType<typeof encodeColumn>, key: string): TableColumn {
  const type = parseType(field.type);
  if (type === undefined) throw new Error(`${key}: expected the type of column "${field.name}", found "${field.type}"`);
  const elementId = field['element-id'];
  return { id: field.id, name: field.name, type, nullable: !field.required, ...(elementId === undefined ? {} : { elementId }) };
}

function encodeSnapshot(snapshot: Snapshot) {
  return {
    'snapshot-id': snapshot.version,
    'parent-snapshot-id': snapshot.parentVersion ?? null,
    'sequence-number': snapshot.version,
    'timestamp-ms': snapshot.timestampMs,
    'schema-id': snapshot.schemaId,
    'manifest-list': snapshot.manifestList,
    offsets: snapshot.offsets,
    'commit-id': snapshot.commitId,
    operation: snapshot.operation,
    'total-records': snapshot.rowCount,
    'total-data-files': snapshot.fileCount,
    'total-files-size': snapshot.byteCount,
    'added-records': snapshot.addedRowCount,
    'added-data-files': snapshot.addedFileCount,
    'deleted-records': snapshot.removedRowCount,
    'deleted-data-files': snapshot.removedFileCount,
    summary: snapshot.summary,
  };
}

function decodeSnapshot(json: ReturnType<typeof encodeSnapshot>): Snapshot {
  return {
    version: json['snapshot-id'],
    parentVersion: json['parent-snapshot-id'] ?? undefined,
    timestampMs: json['timestamp-ms'],
    operation: json.operation,
    schemaId: json['schema-id'],
    rowCount: json['total-records'],
    fileCount: json['total-data-files'],
    byteCount: json['total-files-size'],
    offsets: json.offsets,
    addedFileCount: json['added-data-files'],
    addedRowCount: json['added-records'],
    removedFileCount: json['deleted-data-files'],
    removedRowCount: json['deleted-records'],
    summary: json.summary,
    commitId: json['commit-id'],
    manifestList: json['manifest-list'],
  };
}
