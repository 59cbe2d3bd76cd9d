// Goal: the stream is xoshiro128** and its shapes are right. Method: the published first outputs, moments, and laws of a shuffle.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from './random.ts';

describe('Random', () => {
  it('differential: gives the published outputs of xoshiro128** from state 1, 2, 3, 4', () => {
    const random = Random.ofState([1, 2, 3, 4]);
    const outputs = Array.from({ length: 10 }, () => random.nextUint32());
    expect(outputs).toEqual([11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804]);
  });

  it('repeats for the same seed and differs for neighbours, also beyond 32 bits', () => {
    const first = (seed: number): number => new Random(seed).nextUint32();
    expect(first(42)).toBe(first(42));
    expect(new Set([0, 1, 2, -1, 2 ** 32, 2 ** 33, 2 ** 40 + 1].map(first)).size).toBe(7);
    expect(() => new Random(0.5)).toThrow(/safe integer as seed, found 0.5/);
  });

  it('is uniform and normal in its moments', () => {
    const random = new Random(3);
    const n = 100_000;
    const moments = (draw: () => number): number[] => {
      const values = Array.from({ length: n }, draw);
      const mean = values.reduce((a, b) => a + b) / n;
      return [mean, values.reduce((a, b) => a + (b - mean) ** 2, 0) / n, Math.min(...values.slice(0, 5000)), Math.max(...values.slice(0, 5000))];
    };
    const [mean, variance, low, high] = moments(() => random.uniform()) as [number, number, number, number];
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.005);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.002);
    expect(low >= 0 && high < 1).toBe(true);
    const [normalMean, normalVariance] = moments(() => random.normal()) as [number, number];
    expect(Math.abs(normalMean)).toBeLessThan(0.015);
    expect(Math.abs(normalVariance - 1)).toBeLessThan(0.02);
  });

  it('draws integers evenly below a bound', () => {
    const random = new Random(5);
    const counts = [0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 70_000; i++) counts[random.int(7)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    expect(random.int(1)).toBe(0);
    expect(() => random.int(0)).toThrow(/bound in \[1, 2\^32\], found 0/);
  });

  it('shuffles in place: every order is reached, nothing is lost', () => {
    fc.assert(fc.property(fc.integer(), fc.array(fc.integer()), (seed, items) => {
      const shuffled = new Random(seed).shuffle([...items]);
      expect(shuffled.toSorted((a, b) => a - b)).toEqual(items.toSorted((a, b) => a - b));
    }));
    const random = new Random(6);
    const orders = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = random.shuffle([1, 2, 3]).join('');
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(6);
    for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
