const TAR_BLOCK = 512;

const SIGNATURES: readonly { readonly name: string; readonly bytes: readonly number[] }[] = [
  { name: 'gzip', bytes: [0x1f, 0x8b] },
  { name: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'bzip2', bytes: [0x42, 0x5a, 0x68] },
  { name: 'xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'zip', bytes: [0x50, 0x4b, 0x03, 0x04] },
  { name: 'parquet', bytes: [0x50, 0x41, 0x52, 0x31] },
  { name: 'utf-16 text', bytes: [0xff, 0xfe] },
  { name: 'utf-16 text', bytes: [0xfe, 0xff] },
];

/**
 * What the head of a file is wrapped in, whatever its name says: `gzip`, `zstd`, `bzip2`, `xz`, `zip`, `parquet`, `utf-16 text`, `tar`,
 * `tar in tar`; undefined for plain text. A tar needs 512 bytes to be known, a nested one 1,024.
 */
export function detectContainer(head: Uint8Array): string | undefined {
  const signature = SIGNATURES.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte));
  if (signature !== undefined) return signature.name;
  if (!isTarHeader(head, 0)) return undefined;
  return isTarHeader(head, TAR_BLOCK) ? 'tar in tar' : 'tar';
}

/** POSIX and GNU archives alike have `ustar` at byte 257 of a member's header. */
function isTarHeader(head: Uint8Array, start: number): boolean {
  return [0x75, 0x73, 0x74, 0x61, 0x72].every((byte, index) => head[start + 257 + index] === byte);
}
