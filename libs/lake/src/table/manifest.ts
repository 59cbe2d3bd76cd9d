import type { Bounds } from '../parquet/bounds.ts';
import type { DataFile } from './snapshot.ts';

/** A live file with the version that added it. */
export interface ManifestEntry {
  readonly sequenceNumber: number;
  readonly file: DataFile;
}

/** A manifest as its list names it. */
export interface ManifestReference {
  readonly key: string;
  readonly fileCount: number;
  readonly rowCount: number;
  /** Version that wrote it; entries without one of their own have this one (so that a rebased commit keeps its manifest). */
  readonly sequenceNumber: number;
}

/** Manifests below this size are merged once `mergeFrom` of them have gathered. */
const manifestTarget = 1000;
const mergeFrom = 32;

/** Splits a manifest list into what stays and what is worth merging into one manifest (empty: nothing). */
export function planManifestMerge(manifests: readonly ManifestReference[]): { keep: ManifestReference[]; merge: ManifestReference[] } {
  const small = manifests.filter((manifest) => manifest.fileCount < manifestTarget);
  if (small.length < mergeFrom) return { keep: [...manifests], merge: [] };
  const merged = new Set(small);
  return { keep: manifests.filter((manifest) => !merged.has(manifest)), merge: small };
}

export function encodeManifestList(manifests: readonly ManifestReference[]): Uint8Array {
  const json = manifests.map(({ key, fileCount, rowCount, sequenceNumber }) => ({
    'manifest-path': key,
    'files-count': fileCount,
    'rows-count': rowCount,
    'sequence-number': sequenceNumber,
  }));
  return Buffer.from(JSON.stringify({ manifests: json }));
}

export function decodeManifestList(bytes: Uint8Array): ManifestReference[] {
  const json = JSON.parse(Buffer.from(bytes).toString()) as {
    manifests: { 'manifest-path': string; 'files-count': number; 'rows-count': number; 'sequence-number': number }[];
  };
  return json.manifests.map((manifest) => ({
    key: manifest['manifest-path'],
    fileCount: manifest['files-count'],
    rowCount: manifest['rows-count'],
    sequenceNumber: manifest['sequence-number'],
  }));
}

interface EntryJson {
  readonly 'sequence-number'?: number;
  readonly 'data-file': {
    readonly 'file-path': string;
    readonly 'file-format': 'PARQUET';
    readonly 'record-count': number;
    readonly 'file-size-in-bytes': number;
    readonly 'schema-id': number;
    readonly bounds: Readonly<Record<number, Bounds>>;
  };
}

/** `sequenceNumber` undefined means: that of the manifest. */
export function encodeManifest(entries: readonly { sequenceNumber: number | undefined; file: DataFile }[]): Uint8Array {
  const json = entries.map(({ sequenceNumber, file }): EntryJson => ({
    ...(sequenceNumber === undefined ? {} : { 'sequence-number': sequenceNumber }),
    'data-file': {
      'file-path': file.key,
      'file-format': 'PARQUET',
      'record-count': file.rowCount,
      'file-size-in-bytes': file.byteCount,
      'schema-id': file.schemaId,
      bounds: file.bounds,
    },
  }));
  return Buffer.from(JSON.stringify({ entries: json }));
}

export function decodeManifest(bytes: Uint8Array, reference: ManifestReference): ManifestEntry[] {
  const json = JSON.parse(Buffer.from(bytes).toString()) as { entries: EntryJson[] };
  return json.entries.map((entry) => ({
    sequenceNumber: entry['sequence-number'] ?? reference.sequenceNumber,
    file: {
      key: entry['data-file']['file-path'],
      rowCount: entry['data-file']['record-count'],
      byteCount: entry['data-file']['file-size-in-bytes'],
      schemaId: entry['data-file']['schema-id'],
      bounds: entry['data-file'].bounds,
    },
  }));
}
