// Test material: seeded chance, packed records, a small processor with state, and processes that die at chosen points.
import { PlatformError, type Append, type EventLog, type LogWriter, type ObjectStore, type PackedRecords, type RecordBatch } from '#tideline/platform';
import type { EngineClock, Processor, ProcessorOutput } from './processor.ts';

/** Mulberry32: a small generator of repeatable chance, uniform in [0, 1). */
export function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** `SEED` from the environment repeats a failure; otherwise a fresh one, to be printed. */
export function chooseSeed(): number {
  return process.env['SEED'] === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(process.env['SEED']);
}

export function packTexts(records: readonly { key: string; value: string }[]): PackedRecords {
  const keys = records.map(({ key }) => Buffer.from(key));
  const values = records.map(({ value }) => Buffer.from(value));
  const offsetsOf = (parts: Buffer[]): Uint32Array => {
    const offsets = new Uint32Array(parts.length + 1);
    parts.forEach((part, i) => (offsets[i + 1] = offsets[i] + part.length));
    return offsets;
  };
  return {
    count: records.length,
    keyOffsets: offsetsOf(keys),
    keys: Buffer.concat(keys),
    valueOffsets: offsetsOf(values),
    values: Buffer.concat(values),
    timestamps: new Float64Array(records.length),
    headers: [],
  };
}

export function unpackTexts(records: PackedRecords): { key: string; value: string }[] {
  const text = (bytes: Uint8Array, offsets: Uint32Array, i: number): string =>
    Buffer.from(bytes.subarray(offsets[i], offsets[i + 1])).toString('utf8');
  return Array.from({ length: records.count }, (_, i) => ({
    key: text(records.keys, records.keyOffsets, i),
    value: text(records.values, records.valueOffsets, i),
  }));
}

/** Every batch of a partition as text, borders included. */
export async function readAll(log: EventLog, topic: string, partition = 0): Promise<string[]> {
  const batches = await log.read(topic, partition, 0, {});
  return batches.map((batch) => `${batch.baseOffset}: ${unpackTexts(batch).map(({ key, value }) => `${key}=${value}`).join(' ')}`);
}

/** Per key a running mean (its bits depend on the order of additions) and a count; each batch appends every key it touched. */
export class RunningMeans implements Processor {
  readonly version: string;
  #means = new Map<string, [count: number, mean: number]>();
  /** Records processed with outputs suppressed. */
  suppressed = 0;

  constructor(version = '1') {
    this.version = version;
  }

  process(batch: RecordBatch, emit: boolean): ProcessorOutput {
    const touched = new Set<string>();
    for (const { key, value } of unpackTexts(batch)) {
      const [count, mean] = this.#means.get(key) ?? [0, 0];
      this.#means.set(key, [count + 1, mean + (Number(value) - mean) / (count + 1)]);
      touched.add(key);
    }
    if (!emit) {
      this.suppressed += batch.count;
      return { appends: [] };
    }
    const outputs = [...touched].map((key) => ({ key, value: `${this.#means.get(key)!.join(':')}` }));
    const appends: Append[] = [{ topic: 'means', partition: batch.partition, records: packTexts(outputs) }];
    if (touched.has('k3')) appends.push({ topic: 'alarms', partition: batch.partition, records: packTexts([{ key: 'k3', value: String(batch.baseOffset) }]) });
    return { appends };
  }

  snapshot(): Uint8Array {
    return Buffer.from(JSON.stringify([...this.#means]));
  }

  restore(bytes: Uint8Array): void {
    this.#means = new Map(JSON.parse(Buffer.from(bytes).toString('utf8')) as [string, [number, number]][]);
  }
}

/** Time that passes only when somebody sleeps; each sleep still yields to other work. */
export class SimulatedClock implements EngineClock {
  #nowMs: number;

  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return ++this.#nowMs;
  }

  steadyMs(): number {
    return this.nowMs();
  }

  async sleep(ms: number): Promise<void> {
    this.#nowMs += ms;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Thrown by everything that a dead process touches. */
export class Killed extends Error {}

/** Decides the fate of each call: nothing, a failure of one of three kinds, or the death of the process, before or after the effect. */
export class Fate {
  dead = false;
  calls = 0;
  readonly #random: () => number;
  readonly #failureRate: number;
  readonly #killAt: number;

  constructor(random: () => number, options: { failureRate: number; killAt: number }) {
    this.#random = random;
    this.#failureRate = options.failureRate;
    this.#killAt = options.killAt;
  }

  async run<T>(call: () => Promise<T>): Promise<T> {
    this.#point();
    const fails = this.#random() < this.#failureRate;
    const kind = Math.floor(this.#random() * 3);
    if (fails && kind === 0) throw new PlatformError('UNAVAILABLE', 'failed before the call', { retriable: true });
    if (fails && kind === 1) throw new PlatformError('TIMEOUT', 'lost on the way there', { outcome: 'unknown', retriable: true });
    const result = await call();
    this.#point();
    if (fails) throw new PlatformError('TIMEOUT', 'lost on the way back', { outcome: 'unknown', retriable: true });
    return result;
  }

  #point(): void {
    if (!this.dead && ++this.calls >= this.#killAt) this.dead = true;
    if (this.dead) throw new Killed('killed');
  }
}

/** The log as a process with that fate sees it; the log itself lives on. */
export function fatefulLog(log: EventLog, fate: Fate): EventLog {
  const openWriter = async (id: string): Promise<LogWriter> => {
    const writer = await fate.run(() => log.openWriter(id));
    return { id, commit: (transaction) => fate.run(() => writer.commit(transaction)), close: () => fate.run(() => writer.close()) };
  };
  return new Proxy(log, {
    get(target, name) {
      if (name === 'openWriter') return openWriter;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (...args: unknown[]) => fate.run(() => member.apply(target, args) as Promise<unknown>) : member;
    },
  });
}

/** The object store as a process with that fate sees it; listing is left reliable. */
export function fatefulStore(store: ObjectStore, fate: Fate): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name === 'list') return member.bind(target) as unknown;
      return (...args: unknown[]) => fate.run(() => member.apply(target, args) as Promise<unknown>);
    },
  });
}
