import { PlatformError } from '../../errors.ts';

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);

/** Decompresses raw Snappy, and the chunks that Java clients write around it (magic, two versions, then length and block). */
export function snappyDecompress(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, 8).equals(xerialMagic)) return decompressBlock(bytes);
  const blocks: Buffer[] = [];
  for (let at = 16; at < bytes.byteLength; ) {
    const byteCount = bytes.readInt32BE(at);
    blocks.push(decompressBlock(bytes.subarray(at + 4, at + 4 + byteCount)));
    at += 4 + byteCount;
  }
  return Buffer.concat(blocks);
}

/** One block: its length as a varint, then literals and copies of what came before. */
function decompressBlock(bytes: Buffer): Buffer {
  let from = 0;
  let byteCount = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[from++];
    byteCount += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  const out = Buffer.allocUnsafe(byteCount);
  let to = 0;
  while (from < bytes.byteLength) {
    const tag = bytes[from++];
    const kind = tag & 3;
    if (kind === 0) {
      let length = tag >>> 2;
      if (length >= 60) {
        const width = length - 59;
        length = bytes.readUIntLE(from, width);
        from += width;
      }
      length++;
      bytes.copy(out, to, from, from + length);
      from += length;
      to += length;
      continue;
    }
    const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const width = kind === 3 ? 4 : kind;
    const back = kind === 1 ? ((tag >>> 5) << 8) | bytes[from] : bytes.readUIntLE(from, width);
    from += width;
    if (back === 0 || back > to) throw new PlatformError('CORRUPT', `EVENT_LOG: expected a copy from at most ${to} bytes back in a Snappy block, found ${back}`);
    // A copy may overlap what it writes, so byte by byte.
    for (const end = to + length; to < end; to++) out[to] = out[to - back];
  }
  if (to !== byteCount) throw new PlatformError('CORRUPT', `EVENT_LOG: expected a Snappy block of ${byteCount} bytes, found ${to}`);
  return out;
}
