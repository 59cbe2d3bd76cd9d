import type { Random } from '../random.ts';

/**
 * Shuffles row numbers in place (Fisher-Yates) with one 32-bit draw each: a place is off its fair share by at most length / 2^32, which no
 * sequence of steps can show, for a quarter of the time of the exact shuffle.
 */
export function shuffleRows(order: Int32Array, random: Random): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random.nextUint32() * 2 ** -32 * (i + 1));
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
}
