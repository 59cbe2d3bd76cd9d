// Goal: every thread runs the export, the caller's loop stays free, an abort or a failing thread ends the call. Method: small modules as text.
import binaryen from 'assemblyscript/binaryen';
import { afterAll, describe, expect, it } from 'vitest';
import { WorkerThreadsPool } from './worker-threads-pool.ts';

// Word 0: told to stop; words 16 and up: what each thread was called with.
const text = `(module
  (import "env" "memory" (memory 1 1 shared))
  (func (export "note") (param $thread i32) (param $threads i32) (param $value f64)
    (i32.store offset=64 (i32.shl (local.get $thread) (i32.const 2))
      (i32.add (i32.mul (local.get $threads) (i32.const 100)) (i32.trunc_f64_s (local.get $value)))))
  (func (export "spin") (param $thread i32) (param $threads i32)
    (loop $again (br_if $again (i32.eqz (i32.atomic.load (i32.const 0))))))
  (func (export "failInLast") (param $thread i32) (param $threads i32)
    (if (i32.eq (local.get $thread) (i32.sub (local.get $threads) (i32.const 1))) (then (unreachable)))
    (loop $again (br_if $again (i32.eqz (i32.atomic.load (i32.const 0)))))))`;

async function place(pool: WorkerThreadsPool) {
  const parsed = binaryen.parseText(text);
  parsed.setFeatures(binaryen.Features.All);
  const module = await WebAssembly.compile(parsed.emitBinary());
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const words = new Int32Array(memory.buffer);
  const attached = pool.attach(module, memory, { start: () => Atomics.store(words, 0, 0), interrupt: () => Atomics.store(words, 0, 1) });
  return { attached, words };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

describe('worker threads pool', () => {
  const pool = new WorkerThreadsPool(3);
  afterAll(() => pool.close());

  it('calls the export once on every thread with its number, their count and the arguments', async () => {
    const { attached, words } = await place(pool);
    await attached.call('note', [7]);
    expect([...words.subarray(16, 20)]).toEqual([307, 307, 307, 0]);
    expect(() => attached.call('nothing', [])).toThrow(/expected an export.*found nothing/);
  });

  it('carries out calls of several places in turn', async () => {
    const places = await Promise.all([place(pool), place(pool)]);
    await Promise.all(Array.from({ length: 200 }, (_, i) => places[i % 2]!.attached.call('note', [i])));
    expect(places.map(({ words }) => words[17])).toEqual([498, 499]);
    places[0]!.attached.detach();
    await places[1]!.attached.call('note', [5]);
    expect(places[1]!.words[18]).toBe(305);
  });

  it('keeps the loop free, and an abort ends the call with its reason', async () => {
    const { attached } = await place(pool);
    const controller = new AbortController();
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    const call = attached.call('spin', [], controller.signal);
    const waiting = attached.call('spin', [], controller.signal);
    await sleep(60);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(call).rejects.toThrow('enough');
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it('a failing thread releases the others and rejects the call; the next call has new threads', async () => {
    const { attached, words } = await place(pool);
    await expect(attached.call('failInLast', [])).rejects.toMatchObject({ code: 'UNAVAILABLE', message: /thread 2.*failed: unreachable/ });
    await attached.call('note', [1]);
    expect([...words.subarray(16, 19)]).toEqual([301, 301, 301]);
  });

  it('a thread that dies rejects the call that it was part of', async () => {
    const doomed = new WorkerThreadsPool(2);
    const { attached } = await place(doomed);
    await attached.call('note', [1]);
    const call = attached.call('spin', []);
    const outcome = expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE', outcome: 'unknown' });
    await sleep(20);
    await doomed.close();
    await outcome;
    await attached.call('note', [2]);
    await doomed.close();
  });
});
