import { createHash, randomUUID } from 'node:crypto';
import { PlatformError } from '../../errors.ts';
import type { ObjectInfo, ObjectUpload } from '../object-store.ts';
import type { S3Connection } from './s3-connection.ts';
import { readFailure } from './s3-failure.ts';

/** The metadata entry that tells one write from another, so that a writer whose answer was lost can find out whether it won. */
export const writeIdEntry = 'x-amz-meta-tideline-write';

/** Where an upload goes and what it is made of. */
export interface UploadTarget {
  readonly key: string;
  readonly bucket: string;
  readonly name: string;
  readonly partBytes: number;
  readonly partsInFlight: number;
  /** Stores a whole object that fits in one part. */
  putWhole(bytes: Uint8Array): Promise<ObjectInfo>;
  /** The finished object; `writeId` is its metadata entry. */
  look(): Promise<{ readonly info: ObjectInfo; readonly writeId: string | undefined } | undefined>;
}

interface Part {
  readonly part: number;
  readonly etag: string;
}

const partsAtMost = 10_000;

/**
 * A multipart upload. Bytes are gathered into parts of one size, each sent with a checksum that the server compares (SHA-256, over TLS
 * MD5); a few parts are under way at once and `write` waits for room. What fits in one part is put in one request.
 */
export class MinioUpload implements ObjectUpload {
  readonly #connection: S3Connection;
  readonly #target: UploadTarget;
  readonly #writeId = randomUUID();
  readonly #underWay = new Set<Promise<void>>();
  readonly #parts: Part[] = [];
  #part: Buffer;
  #filled = 0;
  #sent = 0;
  #uploadId: string | undefined;
  #failure: unknown;
  #open = true;

  constructor(connection: S3Connection, target: UploadTarget) {
    this.#connection = connection;
    this.#target = target;
    // Most objects are small: the buffer grows up to a part.
    this.#part = Buffer.allocUnsafe(Math.min(target.partBytes, 64 * 1024));
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#checkOpen();
    const { partBytes } = this.#target;
    for (let at = 0; at < bytes.byteLength; ) {
      const count = Math.min(bytes.byteLength - at, partBytes - this.#filled);
      this.#makeRoom(count);
      this.#part.set(bytes.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === partBytes) await this.#send();
    }
  }

  async finish(): Promise<ObjectInfo> {
    this.#checkOpen();
    if (this.#uploadId === undefined) {
      this.#open = false;
      return this.#target.putWhole(this.#part.subarray(0, this.#filled));
    }
    if (this.#filled > 0) await this.#send();
    await Promise.all(this.#underWay);
    this.#checkOpen();
    this.#open = false;
    try {
      return await this.#complete(this.#uploadId);
    } catch (error) {
      await this.#remove();
      throw error;
    }
  }

  async abort(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await Promise.all(this.#underWay);
    await this.#remove();
  }

  #checkOpen(): void {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    if (!this.#open) throw new PlatformError('CLOSED', `the upload of "${this.#target.key}" has ended`);
  }

  #makeRoom(count: number): void {
    const needed = this.#filled + count;
    if (needed <= this.#part.byteLength) return;
    const grown = Buffer.allocUnsafe(Math.min(this.#target.partBytes, Math.max(needed, this.#part.byteLength * 4)));
    this.#part.copy(grown, 0, 0, this.#filled);
    this.#part = grown;
  }

  async #send(): Promise<void> {
    const { bucket, name, key, partBytes, partsInFlight } = this.#target;
    const doing = `begin the upload of ${key}`;
    this.#uploadId ??= await this.#connection.call({ doing }, (client) => client.initiateNewMultipartUpload(bucket, name, { [writeIdEntry]: this.#writeId })).catch((error: unknown) => this.#fail(error));
    while (this.#underWay.size >= partsInFlight) await Promise.race(this.#underWay);
    this.#checkOpen();
    const part = ++this.#sent;
    if (part > partsAtMost) await this.#fail(new PlatformError('TOO_LARGE', `${key}: expected at most ${partsAtMost} parts of ${partBytes} bytes`));
    const sending = this.#sendPart(this.#uploadId, part, this.#part.subarray(0, this.#filled)).finally(() => this.#underWay.delete(sending));
    this.#underWay.add(sending);
    this.#part = Buffer.allocUnsafe(partBytes);
    this.#filled = 0;
  }

  // Never rejects: the failure waits for the next call, which ends the upload.
  async #sendPart(uploadID: string, part: number, bytes: Buffer): Promise<void> {
    const { bucket, name, key } = this.#target;
    const headers = this.#connection.tls ? { 'Content-MD5': createHash('md5').update(bytes).digest('base64') } : {};
    try {
      const { etag } = await this.#connection.call({ doing: `upload part ${part} of ${key}` }, (client) =>
        client.uploadPart({ bucketName: bucket, objectName: name, uploadID, partNumber: part, headers }, bytes),
      );
      this.#parts.push({ part, etag });
    } catch (error) {
      if (!this.#open) return;
      this.#open = false;
      this.#failure = error;
      await this.#remove();
    }
  }

  async #fail(error: unknown): Promise<never> {
    this.#open = false;
    await Promise.all(this.#underWay);
    await this.#remove();
    throw error;
  }

  async #complete(uploadId: string): Promise<ObjectInfo> {
    const { bucket, name, key, look } = this.#target;
    const parts = this.#parts.sort((a, b) => a.part - b.part);
    const doing = `finish the upload of ${key}`;
    return this.#connection.call({ doing, write: true }, async (client, afterUnknown) => {
      try {
        await client.completeMultipartUpload(bucket, name, uploadId, parts);
      } catch (error) {
        // An earlier request may have finished it, its answer lost: then the upload is gone and the object is ours.
        if (!afterUnknown || readFailure(error).cause !== 'NoSuchUpload') throw error;
        const found = await look();
        if (found?.writeId !== this.#writeId) throw this.#connection.error(doing, readFailure(error), error, true);
      }
      const found = await look();
      if (found === undefined) throw new PlatformError('NOT_FOUND', `${this.#connection.name}: ${key} was removed right after its upload`, { outcome: 'unknown' });
      return found.info;
    });
  }

  // What can't be removed now the server removes by itself (MinIO after a day, others by a rule of the bucket); it is never visible.
  async #remove(): Promise<void> {
    const uploadId = this.#uploadId;
    if (uploadId === undefined) return;
    this.#uploadId = undefined;
    const { bucket, name, key } = this.#target;
    await this.#connection.call({ doing: `abort the upload of ${key}`, patienceMs: 5_000 }, (client) => client.abortMultipartUpload(bucket, name, uploadId)).catch(() => undefined);
  }
}
