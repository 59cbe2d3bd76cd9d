// The stream of `Random` (src/random.ts): xoshiro128** (Blackman & Vigna 2018). Globals belong to the thread's own instance of the module.
let a: u32 = 0;
let b: u32 = 0;
let c: u32 = 0;
let d: u32 = 0;

/** Starts at the four words of state there. */
export function seedRandom(words: usize): void {
  a = load<u32>(words);
  b = load<u32>(words, 4);
  c = load<u32>(words, 8);
  d = load<u32>(words, 12);
}

// @ts-ignore: decorator
@inline
function nextUint32(): u32 {
  const result = rotl<u32>(b * 5, 7) * 9;
  const shifted = b << 9;
  c ^= a;
  d ^= b;
  b ^= c;
  a ^= d;
  c ^= shifted;
  d = rotl<u32>(d, 11);
  return result;
}

/** Uniform over the integers in [0, bound). */
export function randomInt(bound: u32): u32 {
  // 2^32 less its remainder, as 32 bits: 0 where bound divides it, and then every draw will do.
  const limit = <u32>(0 - (0 - bound) % bound);
  while (true) {
    const drawn = nextUint32();
    if (limit == 0 || drawn < limit) return drawn % bound;
  }
}
