import { promisify } from 'node:util';
import { constants, gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib';
import { PlatformError } from '../../errors.ts';
import { snappyDecompress } from './snappy.ts';

/** How a record batch is compressed; the numbers are Kafka's own. */
export const compressionTypes = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

export type Compression = keyof typeof compressionTypes;

const zip = promisify(gzip);
const unzip = promisify(gunzip);
const zstd = promisify(zstdCompress);
const unzstd = promisify(zstdDecompress);

/** Compresses on the thread pool, so that the next batch is packed meanwhile. Snappy is only read. */
export async function compress(type: Compression, bytes: Buffer): Promise<Buffer> {
  if (type === 'none') return bytes;
  if (type === 'gzip') return zip(bytes, { level: 1 });
  if (type === 'zstd') return zstd(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  if (type === 'lz4') return (await import('lz4-napi')).compressFrame(bytes);
  throw new Error(`expected a compression that is written, found ${type}`);
}

/** The records of a batch as they were before compression, by the number in the batch's attributes. */
export async function decompress(type: number, bytes: Buffer): Promise<Buffer> {
  if (type === compressionTypes.none) return bytes;
  if (type === compressionTypes.gzip) return unzip(bytes);
  if (type === compressionTypes.snappy) return snappyDecompress(bytes);
  if (type === compressionTypes.lz4) return (await import('lz4-napi')).decompressFrame(bytes);
  if (type === compressionTypes.zstd) return unzstd(bytes);
  throw new PlatformError('CORRUPT', `EVENT_LOG: expected a batch compressed by gzip, snappy, lz4 or zstd, found compression ${type}`);
}
