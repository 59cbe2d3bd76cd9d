export interface ObjectInfo {
  readonly key: string;
  readonly byteCount: number;
  readonly modifiedAtMs: number;
  /** Changes whenever the content changes; opaque. */
  readonly etag: string;
}

/** Half-open byte range; `end` absent reads to the end of the object. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

/** An object written piece by piece; nothing is visible before `finish` resolves, and `abort` leaves nothing behind. */
export interface ObjectUpload {
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<ObjectInfo>;
  abort(): Promise<void>;
}

/** Where a reader outside this process (DuckDB, Spark) finds an object. */
export interface ObjectLocation {
  readonly url: string;
}

/**
 * Objects by key: the type and the injection token. Keys are `/`-separated relative paths of `[A-Za-z0-9._=-]` segments, no `.`
 * or `..` segment; the first segment is the bucket (`bronze`, `silver`, `gold`).
 *
 * Callers rely on: (1) an object is visible wholly or not at all, and durable once the call resolves; (2) `putIfAbsent` has
 * exactly one winner among any number of racing writers in any number of processes; (3) after a write resolves, every get, head
 * and list sees it; (4) lists are sorted by key in code-point order; (5) failures are `PlatformError`s, a missing object is
 * `NOT_FOUND`; (6) every call ends: one without an answer fails with `TIMEOUT`, retriable, after the door's own bound (30 s by default), so
 * callers need none; a write without an answer (outcome `unknown`) may take effect even after later calls.
 */
export abstract class ObjectStore {
  abstract get(key: string, range?: ByteRange): Promise<Uint8Array>;
  abstract head(key: string): Promise<ObjectInfo | undefined>;
  /** Replaces what was there. */
  abstract put(key: string, bytes: Uint8Array): Promise<ObjectInfo>;
  /** False when the key existed: nothing was written. */
  abstract putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean>;
  abstract upload(key: string): Promise<ObjectUpload>;
  /** Objects whose key starts with `prefix`, in pages behind the scenes. */
  abstract list(prefix: string): AsyncIterable<ObjectInfo>;
  /** Removes the keys; missing ones are not an error. */
  abstract delete(keys: readonly string[]): Promise<void>;
  /** Address of the object for another engine, or undefined when only this process can see it (memory). */
  abstract locate(key: string): ObjectLocation | undefined;
  abstract close(): Promise<void>;
}
