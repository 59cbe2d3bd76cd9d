// Goal: arrays in one shared memory, calls on all threads, clear errors at the limits. Method: the compiled module on the platform's threads.
import { describe, expect, it } from 'vitest';
import { builtKernels, wasmBackends } from './built-kernels.fixtures.ts';
import { KernelMemoryError, type Operation } from './compute.ts';
import { addScaled, idle } from './element-wise.ts';
import { matrixProduct } from './matrix-product.ts';

const built = builtKernels();

describe.skipIf(built === undefined)('wasm kernels', async () => {
  const [one, two, three] = await wasmBackends();

  it('hands out zeroed arrays on cache lines of their own, and again after release', async () => {
    const compute = await two!.open({});
    const first = compute.float32(5);
    const mark = compute.mark();
    const second = compute.uint16(7).fill(9);
    const third = compute.float64(3).fill(1);
    expect([first, second, third].map(({ byteOffset }) => byteOffset % 64)).toEqual([0, 0, 0]);
    expect(first.buffer).toBeInstanceOf(SharedArrayBuffer);
    compute.release(mark);
    const again = compute.int32(40);
    expect(again.byteOffset).toBe(second.byteOffset);
    expect(again.every((value) => value === 0)).toBe(true);
    compute.close();
    const next = await two!.open({});
    expect(next.float32(64).every((value) => value === 0)).toBe(true);
    next.close();
  });

  it('keeps earlier arrays good when the memory grows, and adopts what lies there already', async () => {
    const compute = await two!.open({});
    const x = compute.adopt(Float32Array.of(1, 2, 3));
    const large = compute.float32(3_000_000);
    expect(large.buffer).not.toBe(x.buffer);
    expect(compute.adopt(x)).toBe(x);
    expect(compute.adopt(x.subarray(1)).byteOffset).toBe(x.byteOffset + 4);
    const y = compute.adopt(new Float32Array(3));
    await compute.run(addScaled, 3, 0.5, x, y);
    expect([...y]).toEqual([0.5, 1, 1.5]);
    compute.close();
  });

  it('keeps two places apart that are open at once', async () => {
    const places = await Promise.all([one!, two!, three!, two!].map((kernels) => kernels.open({})));
    const runs = places.map(async (compute, i) => {
      const x = compute.float32(100_000).fill(i + 1);
      const y = compute.float32(100_000);
      for (let turn = 0; turn < 20; turn++) await compute.run(addScaled, x.length, 1, x, y);
      expect(new Set(y)).toEqual(new Set([20 * (i + 1)]));
      compute.close();
    });
    await Promise.all(runs);
  });

  it('says how much was asked for where 32-bit addresses end', async () => {
    const compute = await one!.open({});
    compute.float32(1000);
    expect(() => compute.float64(600_000_000)).toThrow(KernelMemoryError);
    expect(() => compute.float64(600_000_000)).toThrow(/at most 4294967296 bytes.*found 4800000000 bytes/);
    compute.close();
  });

  it('a new instance writes nothing: threads join while others compute on the same memory', async () => {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 65_536, shared: true });
    new Uint8Array(memory.buffer).fill(0xaa);
    new WebAssembly.Instance(await WebAssembly.compile(built!), { env: { memory } });
    expect(new Uint8Array(memory.buffer).findIndex((byte) => byte !== 0xaa)).toBe(-1);
  });

  it('an abort ends a call that is under way', async () => {
    const controller = new AbortController();
    const compute = await two!.open({ signal: controller.signal });
    const n = 1600;
    const [A, B, C] = [compute.float32(n * n).fill(1), compute.float32(n * n).fill(1), compute.float32(n * n)];
    const product = compute.run(matrixProduct, n, n, n, A, B, C);
    setTimeout(() => controller.abort(new Error('enough')), 5);
    await expect(product).rejects.toThrow('enough');
    expect(C[n * n - 1]).toBeLessThan(n);
    compute.close();
  });

  it('refuses arrays of another place', async () => {
    const compute = await one!.open({});
    await expect(compute.run(addScaled, 1, 1, new Float32Array(1), compute.float32(1))).rejects.toThrow(/arrays of this compute for addScaled/);
    compute.close();
  });

  it('runs an operation without a twin on the caller\'s thread, on the same arrays', async () => {
    const count: Operation<[Float32Array]> = { name: 'no twin of this', *plain(_thread, threads, out) { out[0] = threads; yield 1; } };
    const compute = await two!.open({});
    const out = compute.float32(1);
    await compute.run(count, out);
    expect(out[0]).toBe(1);
    compute.close();
  });

  it('rejects with the reason of an aborted signal, before and between calls', async () => {
    const controller = new AbortController();
    const compute = await two!.open({ signal: controller.signal });
    await compute.run(idle);
    controller.abort(new Error('enough'));
    await expect(compute.run(idle)).rejects.toThrow('enough');
    compute.close();
  });
});
