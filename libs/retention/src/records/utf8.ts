/**
 * Whether bytes `[start, end)` are well-formed UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing past
 * U+10FFFF).
 */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let position = start;
  while (position < end) {
    const lead = bytes[position++];
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    const following = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (position + following > end) return false;
    const second = bytes[position];
    const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < lowest || second > highest) return false;
    for (let index = 1; index < following; index++) if ((bytes[position + index] & 0xc0) !== 0x80) return false;
    position += following;
  }
  return true;
}
