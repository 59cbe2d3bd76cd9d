const FROM_32_BITS = 2 ** -32;

/**
 * xoshiro128** (Blackman and Vigna, 2018) in 32-bit integers, seeded through splitmix32: the same seed and stream give the same
 * numbers on every machine. Streams of one seed are independent, so that one may draw more without moving the others.
 */
export class SeededRandom {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  constructor(seed: number, stream = 0) {
    let state = (seed ^ Math.imul(stream + 1, 0x85ebca6b)) | 0;
    const high = Math.floor(seed / 2 ** 32) | 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16) ^ high;
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return mixed ^ (mixed >>> 15);
    };
    this.a = next();
    this.b = next();
    this.c = next();
    // All four zero is the one state that never leaves itself.
    this.d = next() | 1;
  }

  /** 32 random bits as a signed integer. */
  bits(): number {
    const times5 = Math.imul(this.b, 5);
    const result = Math.imul((times5 << 7) | (times5 >>> 25), 9);
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  /** In [0, 1), in steps of 2^-32. */
  uniform(): number {
    return (this.bits() >>> 0) * FROM_32_BITS;
  }

  /** An integer in [0, count). */
  below(count: number): number {
    return Math.floor((this.bits() >>> 0) * FROM_32_BITS * count);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return (this.bits() >>> 0) * FROM_32_BITS < probability;
  }

  /** Exponential with this mean. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  /** About normal with mean 0 and deviation 1: twelve uniforms, so within +-6 and free of the platform's logarithm. */
  normal(): number {
    let sum = -6;
    for (let index = 0; index < 12; index++) sum += this.uniform();
    return sum;
  }
}
