/**
 * Digits four at a time: a little-endian 32-bit word of text, xor `ASCII_ZEROS`, has the digit's value in each byte that is one and at
 * least 10 in each that is none. (Lemire, "Parsing series of integers with SIMD", 2018, in scalar form.)
 */
export const ASCII_ZEROS = 0x30303030;

/** A high bit for each byte of a word xor `ASCII_ZEROS` that is no digit; 0 when all four are. */
export function notDigits(word: number): number {
  // A byte of 10 or more gets its high bit set; a carry comes only out of a byte that is marked itself.
  return ((word + 0x76767676) | word) & 0x80808080;
}

/** The number that four digit bytes spell, the low byte being the first digit. */
export function fourDigits(word: number): number {
  const pairs = (Math.imul(word, 10) + (word >>> 8)) & 0x00ff00ff;
  return Math.imul(pairs, 6_553_601) >>> 16;
}
