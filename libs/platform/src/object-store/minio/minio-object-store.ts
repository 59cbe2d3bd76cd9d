import { randomUUID } from 'node:crypto';
import type { Client } from 'minio';
import type { Address } from '../../address.ts';
import type { Login } from '../../configuration/configuration.ts';
import { PlatformError } from '../../errors.ts';
import { checkKey } from '../object-key.ts';
import { ObjectStore, type ByteRange, type ObjectInfo, type ObjectLocation, type ObjectUpload } from '../object-store.ts';
import { MinioUpload, writeIdEntry } from './minio-upload.ts';
import { buckets, readS3Address } from './s3-address.ts';
import { S3Connection, type S3Patience } from './s3-connection.ts';
import { readFailure } from './s3-failure.ts';

export interface MinioObjectStoreOptions {
  readonly login?: Login | undefined;
  /** How long calls go on trying (20 s; opening 5 s), and how long one request may hear nothing (10 s): a call ends within the sum. */
  readonly patience?: Partial<S3Patience> & { readonly openMs?: number };
  /** Size of an upload's parts, 8 MiB by default and at least 5 MiB. */
  readonly partBytes?: number;
}

const pageKeys = 1_000;

/**
 * Objects on MinIO or any other S3 server that honours `If-None-Match: *`. A key's first segment is its bucket (`bronze`, `gold`,
 * `silver`, each with the address's prefix before it); they are made at opening when missing. Times are whole seconds, as S3 has them.
 */
export class MinioObjectStore extends ObjectStore {
  readonly #connection: S3Connection;
  readonly #bucketPrefix: string;
  readonly #partBytes: number;

  private constructor(connection: S3Connection, bucketPrefix: string, partBytes: number) {
    super();
    this.#connection = connection;
    this.#bucketPrefix = bucketPrefix;
    this.#partBytes = partBytes;
  }

  /** Checks address and login by listing each bucket, and makes the missing ones. */
  static async open(address: Address, options: MinioObjectStoreOptions = {}): Promise<MinioObjectStore> {
    const where = readS3Address(address);
    const { openMs = 5_000, ...patience } = options.patience ?? {};
    const connection = new S3Connection(where, options.login, { callMs: 20_000, silenceMs: 10_000, ...patience });
    try {
      // One after the other for the first: a wrong address or login is then told once.
      for (const bucket of buckets) await openBucket(connection, where.bucketPrefix + bucket, where.region ?? '', openMs);
      await connection.settleRegion(where.bucketPrefix + buckets[0]);
    } catch (error) {
      connection.close();
      throw error;
    }
    return new MinioObjectStore(connection, where.bucketPrefix, options.partBytes ?? 8 * 2 ** 20);
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    const { bucket, name } = this.#split(key);
    const start = range?.start ?? 0;
    const length = range?.end === undefined ? 0 : range.end - start;
    if (range?.end !== undefined && length <= 0) {
      // The client takes length 0 for "to the end".
      if ((await this.head(key)) === undefined) throw this.#missing(key);
      return new Uint8Array();
    }
    return this.#connection.call({ doing: `read ${key}` }, async (client) => {
      try {
        return await readWhole(await client.getPartialObject(bucket, name, start, length));
      } catch (error) {
        const { code, cause } = readFailure(error);
        if (cause === 'InvalidRange') return new Uint8Array();
        if (code === 'NOT_FOUND' && cause !== 'NoSuchBucket') throw this.#missing(key, error);
        throw error;
      }
    });
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return (await this.#look(key))?.info;
  }

  async put(key: string, bytes: Uint8Array): Promise<ObjectInfo> {
    this.#split(key);
    if (bytes.byteLength <= this.#partBytes) return this.#putWhole(key, bytes);
    const upload = await this.upload(key);
    await upload.write(bytes);
    return upload.finish();
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    const { bucket, name } = this.#split(key);
    const writeId = randomUUID();
    const doing = `put ${key} if absent`;
    return this.#connection.call({ doing, write: true }, async (client, afterUnknown) => {
      try {
        await client.putObject(bucket, name, asBuffer(bytes), bytes.byteLength, { 'If-None-Match': '*', [writeIdEntry]: writeId });
        return true;
      } catch (error) {
        const failure = readFailure(error);
        if (failure.cause !== 'PreconditionFailed') throw error;
        if (!afterUnknown) return false;
        // An earlier attempt of ours, its answer lost, may be what is there.
        const found = await this.#look(key);
        if (found === undefined) throw this.#connection.error(doing, failure, error, true);
        return found.writeId === writeId;
      }
    });
  }

  async upload(key: string): Promise<ObjectUpload> {
    const { bucket, name } = this.#split(key);
    return new MinioUpload(this.#connection, {
      key,
      bucket,
      name,
      partBytes: this.#partBytes,
      partsInFlight: 3,
      putWhole: (bytes) => this.#putWhole(key, bytes),
      look: () => this.#look(key),
    });
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    for (const bucket of buckets) {
      const folder = `${bucket}/`;
      if (prefix.startsWith(folder)) yield* this.#listBucket(bucket, prefix.slice(folder.length));
      else if (folder.startsWith(prefix)) yield* this.#listBucket(bucket, '');
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    const names = new Map<string, string[]>();
    for (const key of keys) {
      const { bucket, name } = this.#split(key);
      names.set(bucket, [...(names.get(bucket) ?? []), name]);
    }
    for (const [bucket, all] of names) {
      for (let at = 0; at < all.length; at += pageKeys) await this.#deletePage(bucket, all.slice(at, at + pageKeys));
    }
  }

  locate(key: string): ObjectLocation {
    const { bucket, name } = this.#split(key);
    return { url: `s3://${bucket}/${name}` };
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  #split(key: string): { readonly bucket: string; readonly name: string } {
    checkKey(key);
    const slash = key.indexOf('/');
    const bucket = key.slice(0, Math.max(0, slash));
    if (!(buckets as readonly string[]).includes(bucket)) {
      throw new PlatformError('ADDRESS_INVALID', `expected a key in one of the buckets ${buckets.join(', ')}, found "${key}"`);
    }
    return { bucket: this.#bucketPrefix + bucket, name: key.slice(slash + 1) };
  }

  #missing(key: string, cause?: unknown): PlatformError {
    return new PlatformError('NOT_FOUND', `no object "${key}" (${this.#connection.name})`, { cause });
  }

  async #look(key: string): Promise<{ readonly info: ObjectInfo; readonly writeId: string | undefined } | undefined> {
    const { bucket, name } = this.#split(key);
    return this.#connection.call({ doing: `look at ${key}` }, async (client) => {
      try {
        const { size, etag, lastModified, metaData } = await client.statObject(bucket, name);
        const info = { key, byteCount: size, modifiedAtMs: wholeSeconds(lastModified), etag };
        return { info, writeId: (metaData as Record<string, string | undefined>)['tideline-write'] };
      } catch (error) {
        const { code, cause } = readFailure(error);
        if (code === 'NOT_FOUND' && cause !== 'NoSuchBucket') return undefined;
        throw error;
      }
    });
  }

  async #putWhole(key: string, bytes: Uint8Array): Promise<ObjectInfo> {
    const { bucket, name } = this.#split(key);
    const { etag } = await this.#connection.call({ doing: `put ${key}`, write: true }, (client) => client.putObject(bucket, name, asBuffer(bytes), bytes.byteLength));
    const found = await this.head(key);
    if (found === undefined) throw new PlatformError('NOT_FOUND', `${this.#connection.name}: ${key} was removed right after it was put`, { outcome: 'unknown' });
    return { ...found, byteCount: bytes.byteLength, etag };
  }

  // Pages go on after their last key rather than by the server's token: a page that is asked for again is then the same.
  async *#listBucket(bucket: string, prefix: string): AsyncIterable<ObjectInfo> {
    for (let after = ''; ; ) {
      const { objects, isTruncated } = await this.#connection.call({ doing: `list ${bucket}/${prefix}` }, (client) =>
        client.listObjectsV2Query(this.#bucketPrefix + bucket, prefix, '', '', pageKeys, after),
      );
      for (const { name, size, etag, lastModified } of objects) {
        if (name === undefined) continue;
        yield { key: `${bucket}/${name}`, byteCount: size, modifiedAtMs: wholeSeconds(lastModified), etag: etag ?? '' };
        after = name;
      }
      if (!isTruncated || objects.length === 0) return;
    }
  }

  async #deletePage(bucket: string, names: readonly string[]): Promise<void> {
    await this.#connection.call({ doing: `delete ${names.length} objects of ${bucket}`, write: true }, async (client) => {
      const failures: readonly unknown[] = await client.removeObjects(bucket, [...names]);
      if (failures[0] !== undefined && failures[0] !== null) throw failures[0];
    });
  }
}

async function openBucket(connection: S3Connection, bucket: string, region: string, patienceMs: number): Promise<void> {
  await connection.call({ doing: `open the bucket ${bucket}`, patienceMs }, async (client) => {
    try {
      await client.listObjectsV2Query(bucket, '', '', '', 1, '');
    } catch (error) {
      const { cause } = readFailure(error);
      if (cause === 'NoSuchBucket') await makeBucket(client, bucket, region);
      else if (notS3.has(cause)) throw new PlatformError('ADDRESS_INVALID', `${connection.name}: expected an S3 server there, found another answer (${cause}); check the host and port`, { cause: error });
      else throw error;
    }
  });
}

// What a web server of another kind makes of our question.
const notS3: ReadonlySet<string> = new Set(['S3Error', 'InvalidXMLError', 'NotFound', 'MethodNotAllowed', 'HPE_INVALID_CONSTANT', 'HPE_INVALID_VERSION', 'HPE_CR_EXPECTED']);

async function makeBucket(client: Client, bucket: string, region: string): Promise<void> {
  try {
    await client.makeBucket(bucket, region);
  } catch (error) {
    const { cause } = readFailure(error);
    // Another process of ours was faster.
    if (cause === 'BucketAlreadyOwnedByYou') return;
    if (cause === 'BucketAlreadyExists') {
      throw new PlatformError('PERMISSION', `the bucket ${bucket} belongs to somebody else on this server: give the address another prefix`, { cause: error });
    }
    throw error;
  }
}

async function readWhole(stream: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let byteCount = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    byteCount += piece.byteLength;
  }
  const bytes = new Uint8Array(byteCount);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// Answers to HEAD have no parts of a second, lists have: the same object must look the same.
function wholeSeconds(time: Date | undefined): number {
  return Math.floor((time?.getTime() ?? 0) / 1_000) * 1_000;
}
