import { strict as assert } from 'node:assert';
import type { Append, RecordBatch } from '#tideline/platform';
import type { Processor } from './processor.ts';

/** Points in a driven run: `'checkpoint'` saves the state; `'abort'` loses it and starts again from the last one saved. */
export type DriverStep = RecordBatch | 'checkpoint' | 'abort';

/**
 * Drives a processor in tests as `runPartition` would, without a log: each batch counts as committed once processed, and after an
 * abort the batches since the last checkpoint are replayed with outputs suppressed. A processor is sound when `appends` and `snapshot`
 * do not depend on where the aborts and checkpoints are.
 */
export class ProcessorDriver {
  readonly appends: Append[] = [];
  readonly #create: () => Processor;
  readonly #committed: RecordBatch[] = [];
  #processor: Processor;
  #saved: { readonly batches: number; readonly state: Uint8Array } | undefined;

  constructor(create: () => Processor) {
    this.#create = create;
    this.#processor = create();
  }

  get processor(): Processor {
    return this.#processor;
  }

  async run(steps: Iterable<DriverStep>): Promise<this> {
    for (const step of steps) {
      if (step === 'checkpoint') this.#saved = { batches: this.#committed.length, state: this.#processor.snapshot().slice() };
      else if (step === 'abort') await this.#resume();
      else await this.#push(step);
    }
    return this;
  }

  snapshot(): Uint8Array {
    return this.#processor.snapshot();
  }

  async #push(batch: RecordBatch): Promise<void> {
    const { appends } = await this.#processor.process(batch, true);
    this.#committed.push(batch);
    this.appends.push(...appends);
  }

  async #resume(): Promise<void> {
    this.#processor = this.#create();
    if (this.#saved !== undefined) this.#processor.restore(this.#saved.state);
    for (const batch of this.#committed.slice(this.#saved?.batches ?? 0)) {
      const { appends } = await this.#processor.process(batch, false);
      assert.equal(appends.length, 0, 'a suppressed batch gave outputs');
    }
  }
}
