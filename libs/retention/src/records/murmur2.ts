const SEED = 0x9747b28c;
const MIX = 0x5bd1e995;

/** MurmurHash2 of bytes `[start, end)` as a signed 32-bit integer, bit for bit what Kafka's Java clients compute for a key. */
export function murmur2(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  let hash = SEED ^ length;
  let position = start;
  for (; position + 4 <= end; position += 4) {
    let word = bytes[position] | (bytes[position + 1] << 8) | (bytes[position + 2] << 16) | (bytes[position + 3] << 24);
    word = Math.imul(word, MIX);
    word ^= word >>> 24;
    hash = Math.imul(hash, MIX) ^ Math.imul(word, MIX);
  }
  const left = end - position;
  if (left > 0) {
    if (left === 3) hash ^= bytes[position + 2] << 16;
    if (left >= 2) hash ^= bytes[position + 1] << 8;
    hash = Math.imul(hash ^ bytes[position], MIX);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MIX);
  return hash ^ (hash >>> 15);
}

/** The partition that Kafka's default partitioner gives a key. */
export function partitionOf(bytes: Uint8Array, start: number, end: number, partitions: number): number {
  return (murmur2(bytes, start, end) & 0x7fffffff) % partitions;
}
