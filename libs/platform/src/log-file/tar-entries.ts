import { PlatformError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';

const blockBytes = 512;

/** Whether a stream that begins so is a tar archive: POSIX and GNU archives both say `ustar` at byte 257. */
export function isTar(head: Uint8Array): boolean {
  return head.byteLength >= blockBytes && textOf(head, 257, 5) === 'ustar';
}

/**
 * Contents of the regular files in a tar archive, one after the other; folders, links and the like are passed over. Whoever gets
 * a content may leave it half read. Long names and pax attributes are read over, but a size among them is obeyed.
 */
export async function* tarEntries(source: ByteSource, name: string): AsyncIterable<AsyncIterable<Uint8Array>> {
  let paxSize: number | undefined;
  for (;;) {
    const header = await source.peek(blockBytes);
    // Archives end with zero blocks; some writers leave them out.
    if (header.byteLength === 0 || header.every((byte) => byte === 0)) return;
    checkHeader(header, source.position, name);
    const type = String.fromCharCode(header[156]);
    const byteCount = paxSize ?? numberOf(header, 124, 12);
    paxSize = undefined;
    const end = source.position + blockBytes + byteCount;
    await source.skip(blockBytes);
    if (type === '0' || type === '\0' || type === '7') {
      yield contentUntil(source, end, name);
    } else if (type === 'x') {
      paxSize = paxSizeOf(await source.peek(byteCount));
    } else if (type === 'S') {
      throw new PlatformError('CORRUPT', `${name}: sparse files in a tar archive can't be read; pack it again without --sparse`);
    }
    const padded = end + ((blockBytes - (byteCount % blockBytes)) % blockBytes);
    await skipTo(source, end, end, name);
    // The last file's padding may be missing together with the end blocks.
    await source.skip(padded - source.position);
  }
}

async function* contentUntil(source: ByteSource, end: number, name: string): AsyncIterable<Uint8Array> {
  while (source.position < end) {
    const bytes = await source.take(end - source.position);
    if (bytes === undefined) throw cutOff(source, end, name);
    yield bytes;
  }
}

async function skipTo(source: ByteSource, position: number, end: number, name: string): Promise<void> {
  await source.skip(position - source.position);
  if (source.position < position) throw cutOff(source, end, name);
}

function cutOff(source: ByteSource, end: number, name: string): PlatformError {
  return new PlatformError('CORRUPT', `${name}: the tar archive is cut off at its byte ${source.position}, expected a file up to byte ${end}`);
}

// The checksum is the sum of the header's bytes with its own eight counted as spaces (POSIX.1-1988).
function checkHeader(header: Uint8Array, position: number, name: string): void {
  if (header.byteLength === blockBytes) {
    let sum = 8 * 32;
    for (let i = 0; i < blockBytes; i++) if (i < 148 || i >= 156) sum += header[i];
    if (sum === numberOf(header, 148, 8)) return;
  }
  throw new PlatformError('CORRUPT', `${name}: expected a tar header at byte ${position} of the archive, found something else`);
}

// Octal text, or (for 8 GiB and more) a big-endian number behind a first byte of 0x80.
function numberOf(header: Uint8Array, at: number, length: number): number {
  if ((header[at] & 0x80) === 0) return Number.parseInt(textOf(header, at, length).trim() || '0', 8);
  let value = header[at] & 0x7f;
  for (let i = 1; i < length; i++) value = value * 256 + header[at + i];
  return value;
}

function paxSizeOf(records: Uint8Array): number | undefined {
  const found = /(?:^|\n)\d+ size=(\d+)\n/.exec(Buffer.from(records).toString('latin1'));
  return found === null ? undefined : Number(found[1]);
}

function textOf(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('latin1').replace(/\0.*$/s, '');
}
