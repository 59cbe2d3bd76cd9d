import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RecordBatch } from '#tideline/platform';
import { packTexts, RunningMeans, unpackTexts } from './fixtures.ts';
import { ProcessorDriver, type DriverStep } from './processor-driver.ts';

const record = fc.record({ key: fc.constantFrom('k1', 'k2', 'k3'), value: fc.double({ noNaN: true, min: -1e6, max: 1e6 }).map(String) });
const steps = fc.array(fc.oneof(fc.array(record, { minLength: 1, maxLength: 5 }), fc.constantFrom('checkpoint' as const, 'abort' as const)), { maxLength: 30 });

function withOffsets(plan: readonly (string | { key: string; value: string }[])[]): DriverStep[] {
  let baseOffset = 0;
  return plan.map((step) => {
    if (typeof step === 'string') return step as 'checkpoint' | 'abort';
    const batch: RecordBatch = { ...packTexts(step), topic: 'numbers', partition: 0, baseOffset, appendedAtMs: 0 };
    baseOffset += batch.count;
    return batch;
  });
}

test('oracle: aborts and checkpoints leave no trace in outputs and state', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const driven = withOffsets(plan);
      const disturbed = await new ProcessorDriver(() => new RunningMeans()).run(driven);
      const plain = await new ProcessorDriver(() => new RunningMeans()).run(driven.filter((step) => typeof step !== 'string'));
      expect(disturbed.appends.map(({ records }) => unpackTexts(records))).toEqual(plain.appends.map(({ records }) => unpackTexts(records)));
      expect(disturbed.snapshot()).toEqual(plain.snapshot());
    }),
  );
});

test('a processor that gives outputs while they are suppressed is caught', async () => {
  class Leaky extends RunningMeans {
    override process(batch: RecordBatch): ReturnType<RunningMeans['process']> {
      return super.process(batch, true);
    }
  }
  const [batch] = withOffsets([[{ key: 'k1', value: '1' }]]);
  await expect(new ProcessorDriver(() => new Leaky()).run([batch, 'abort'])).rejects.toThrow('suppressed');
});
