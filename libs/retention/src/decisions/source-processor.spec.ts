// Goal: one partition's outputs are a function of its batches alone. Method: synthetic and real logs through the processor, killed and
// restored at random batches; the live path's values against plain definitions.
import avsc from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SnapshotMismatch } from '../features/state-bytes.ts';
import { generate } from '../synthetic/generate.ts';
import { batchesOf, logisticModel, processorOf, readSource, realData as findRealData, TRANSITION_SCHEMA_ID, valuesOf } from './processor-fixtures.ts';
import type { ChurnScore } from './score-writer.ts';
import type { ProcessedBatch, SourceProcessor } from './source-processor.ts';
import { decodeTransition, transitionSchema } from './transition.ts';
import { VisitValues } from './visit-values.ts';

function realData(path: string): Uint8Array | undefined {
  const found = findRealData(path, process.env['TIDELINE_SHARED']);
  if (found === undefined) console.warn(`skipped: the real data ${path} are not here`);
  return found;
}

const scoresOf = (processed: readonly ProcessedBatch[]): ChurnScore[] => valuesOf(processed, 'churn-scores').map((value) => JSON.parse(value.toString()) as ChurnScore);

const synthetic = {
  'user-behavior': { rows: 4000, chunk: 300 },
  'online-retail': { rows: 6000, chunk: 400 },
  alibaba: { rows: 400, chunk: 60 },
};

describe.each(Object.entries(synthetic))('%s, synthetic', (name, { rows, chunk }) => {
  const source = readSource(name);
  const batches = batchesOf(source, generate(name, { seed: 11, rows }), chunk);
  const models = (processor: SourceProcessor): SourceProcessor => {
    processor.useModel(logisticModel(source.models.features));
    return processor;
  };
  const whole = models(processorOf(source));
  const undisturbed = batches.map((batch) => whole.process(batch, true));

  it('gives every read record its place', () => {
    const total = (pick: (counts: ProcessedBatch['counts']) => number): number => undisturbed.reduce((sum, { counts }) => sum + pick(counts), 0);
    expect(total(({ read }) => read)).toBe(batches.reduce((sum, { count }) => sum + count, 0));
    expect(total(({ scores }) => scores)).toBe(valuesOf(undisturbed, 'churn-scores').length);
    expect(total(({ late }) => late)).toBe(valuesOf(undisturbed, `late.${name}`).length);
    expect(total(({ scores }) => scores)).toBeGreaterThan(rows / 20);
    expect(total(({ transitions }) => transitions)).toBeGreaterThan(rows / 100);
    expect(total(({ rejected }) => rejected)).toBe(0);
  });

  const finalState = Buffer.from(whole.snapshot());

  it('resumed = uninterrupted, killed at any batches and replayed without emitting, down to the bytes of the last snapshot', () => {
    fc.assert(fc.property(fc.array(fc.nat(batches.length), { minLength: 1, maxLength: 4 }), fc.nat(3), (kills, replayed) => {
      let processor = models(processorOf(source));
      let checkpoint = { bytes: processor.snapshot().slice(), next: 0 };
      for (let next = 0; next < batches.length; next++) {
        if (kills.includes(next)) {
          processor = models(processorOf(source));
          processor.restore(checkpoint.bytes);
          for (let again = checkpoint.next; again < next; again++) expect(processor.process(batches[again], false).appends).toEqual([]);
        }
        const found = processor.process(batches[next], true);
        expect(found.appends.length).toBe(undisturbed[next].appends.length);
        for (const topic of ['churn-scores', `transitions.${name}`, `late.${name}`]) expect(bytesOf([found], topic).equals(bytesOf([undisturbed[next]], topic))).toBe(true);
        if (next % (replayed + 1) === replayed) checkpoint = { bytes: processor.snapshot().slice(), next: next + 1 };
      }
      expect(finalState.equals(processor.snapshot())).toBe(true);
    }), { numRuns: 5 });
  });

  it('writes scores as JSON would, in the promised order', () => {
    const order = 'source,entity,eventTime,featureTime,churnProbability,expectedValue,state,reward,model,reasons,origin';
    for (const value of valuesOf(undisturbed, 'churn-scores').slice(-300)) {
      const text = value.toString();
      const score = JSON.parse(text) as ChurnScore;
      expect(JSON.stringify(score)).toBe(text);
      expect(Object.keys(score).join(',')).toBe(order);
      expect(score.state.length).toBe(source.features.state.length);
      expect(score.model).toEqual({ name: 'churn-test', version: '3', kind: 'logistic-regression' });
      expect(score.churnProbability).toBeGreaterThan(0);
      expect(score.origin.topic).toBe(`raw.${name}`);
      const sizes = score.reasons.map(({ contribution }) => Math.abs(contribution));
      expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    }
  });

  it('differential: avsc reads the transitions and writes the same bytes', () => {
    const type = avsc.Type.forSchema(JSON.parse(transitionSchema(source)) as avsc.Schema, { registry: {} });
    const values = valuesOf(undisturbed, `transitions.${name}`);
    for (const value of values.slice(-200)) {
      expect([value[0], value.readUInt32BE(1)]).toEqual([0, TRANSITION_SCHEMA_ID]);
      const read = type.fromBuffer(value.subarray(5)) as Record<string, unknown>;
      expect(type.toBuffer(read).equals(value.subarray(5))).toBe(true);
      const own = decodeTransition(value);
      expect({ ...own, state: [...own.state], nextState: own.nextState === null ? null : [...own.nextState] })
        .toEqual({ entity: read['entity'], eventTimeMs: read['eventTime'], state: read['state'], action: read['action'], reward: read['reward'], nextState: read['nextState'], done: read['done'] });
    }
  });

  it('runs without a model: states and rewards only', () => {
    const processor = processorOf(source);
    const scores = scoresOf([processor.process(batches[0], true)]);
    for (const score of scores) expect(score).toMatchObject({ churnProbability: null, expectedValue: null, model: null, reasons: [] });
    // Scores of the whole population at a rescoring have no record of their own, hence no reward.
    expect(scores.some(({ reward }) => reward !== null)).toBe(true);
  });
});

function bytesOf(processed: readonly ProcessedBatch[], topic: string): Buffer {
  const parts = processed.flatMap(({ appends }) => appends).filter((append) => append.topic === topic)
    .flatMap(({ records }) => [records.keys, records.values, records.keyOffsets, records.valueOffsets, records.timestamps].map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)));
  return Buffer.concat(parts);
}

describe('snapshots', () => {
  const source = readSource('user-behavior');

  it('of another definition, source or partition are refused with both versions', () => {
    const bytes = processorOf(source).snapshot().slice();
    const changed = readSource('user-behavior', (file, text) => file === 'features' ? text.replace('window: 5m', 'window: 6m') : text);
    expect(() => { processorOf(changed).restore(bytes); }).toThrow(SnapshotMismatch);
    expect(() => { processorOf(changed).restore(bytes); }).toThrow(`expected a snapshot of user-behavior version ${changed.version}-2, found ${source.version}-2`);
    expect(() => { processorOf(source, 1).restore(bytes); }).toThrow('expected a snapshot of user-behavior partition 1, found user-behavior partition 0');
    expect(() => { processorOf(readSource('alibaba')).restore(bytes); }).toThrow('expected a snapshot of alibaba partition 0');
  });
});

describe('alibaba, the ten real rows', () => {
  const bytes = realData('data/alibaba/www-data-head10.txt');

  it.skipIf(bytes === undefined)('give the rewards and item counts that are known', () => {
    const source = readSource('alibaba');
    const processor = processorOf(source);
    const processed = batchesOf(source, [bytes as Uint8Array], 5000).map((batch) => processor.process(batch, true));
    const transitions = valuesOf(processed, 'transitions.alibaba').map(decodeTransition);
    expect(transitions.map(({ reward }) => reward)).toEqual([0, 0, 0.5, 0, 0, 1, 0.5, 0, 0.5, 0]);
    expect(transitions.map(({ state }) => state[source.features.state.indexOf('items')])).toEqual([9, 25, 50, 50, 8, 45, 6, 47, 46, 39]);
    expect(transitions.every(({ action, state }) => action === String(state[1]))).toBe(true);
    expect(scoresOf(processed).every(({ eventTime, featureTime }) => eventTime === null && featureTime === null)).toBe(true);
  });

  it.skipIf(bytes === undefined)('take leaving and remaining value from visit values while there is no model', () => {
    const source = readSource('alibaba');
    const processor = processorOf(source);
    const batches = batchesOf(source, [bytes as Uint8Array], 5000);
    const plain = scoresOf([processorOf(source).process(batches[0], true)]);
    const page = source.features.state.indexOf('page');
    const values = new VisitValues(plain.flatMap(({ entity, state }) => [{ by: entity, step: state[page] as number, pages: 4, leaves: 1, reward: 8 }]));
    processor.useVisitValues(values);
    for (const score of scoresOf([processor.process(batches[0], true)])) {
      expect(score.churnProbability).toBe(0.25);
      expect(score.expectedValue).toBe(values.expectedValue(score.entity, score.state[page] as number));
    }
  });
});

describe('online retail, all real invoices', () => {
  const bytes = realData('data/online-retail/online-retail.csv.gz');
  const expected = realData('peers/retail_features_20110909.csv');

  it.skipIf(bytes === undefined || expected === undefined)('differential: the 18 features of all 3,362 customers as of 2011-09-09 equal pandas by stream', () => {
    const source = readSource('online-retail', (file, text) => file === 'deployment' ? text.replace('rescore_every: 7d', '') : text);
    const processor = processorOf(source);
    const cut = Date.UTC(2011, 8, 9);
    for (const batch of batchesOf(source, [bytes as Uint8Array], 5000)) {
      if (batch.timestamps[0] > cut + 86_400_000) break;
      processor.process(batch, false);
    }
    const [header, ...lines] = Buffer.from(expected as Uint8Array).toString().trim().split('\n').map((line) => line.split(','));
    const names = header.slice(1, -1);
    expect(processor.featureNames).toEqual(names);
    const out = new Float64Array(names.length);
    let largest = 0;
    for (const [customer, ...values] of lines) {
      expect(processor.valueAsOf(customer, cut, out) && processor.isInPopulation(customer, cut), customer).toBe(true);
      names.forEach((_, k) => { largest = Math.max(largest, Math.abs(out[k] - Number(values[k])) / Math.max(1, Math.abs(Number(values[k])))); });
    }
    expect(largest).toBeLessThan(1e-9);
    expect(lines.length).toBe(3362);
    expect([...processor.entities()].filter((entity) => processor.isInPopulation(entity, cut)).length).toBe(3362);
  });
});

describe('user behaviour, all real clicks', () => {
  const bytes = realData('data/user-behavior/user-behavior-110300.csv.gz');

  it.skipIf(bytes === undefined)('scores each user once a batch and loses no record', () => {
    const source = readSource('user-behavior');
    const batches = batchesOf(source, [bytes as Uint8Array], 5000);
    const processor = processorOf(source);
    processor.useModel(logisticModel(source.models.features));
    const processed = batches.map((batch) => processor.process(batch, true));
    expect(processed.reduce((sum, { counts }) => sum + counts.read, 0)).toBe(110_300);
    const scores = scoresOf(processed);
    expect(new Set(scores.map(({ entity }) => entity)).size).toBe(66_454);
    expect(new Set(scores.map(({ entity, origin }) => `${entity} ${Math.floor(Number(origin.offset) / 5000)}`)).size).toBe(scores.length);
    expect(scores.every(({ state }) => state.every((value) => value === null || Number.isFinite(value)))).toBe(true);
  });
});

describe('refresh', () => {
  it('scores the whole population by the new model as it stands, and leaves the state as it was', () => {
    const source = readSource('online-retail');
    const batches = batchesOf(source, [...generate('online-retail', { seed: 3, rows: 3000 })], 500);
    const processor = processorOf(source);
    for (const batch of batches) processor.process(batch, true);
    const before = Buffer.from(processor.snapshot());
    processor.useModel(logisticModel(source.models.features));
    const last = batches.at(-1)!;
    const end = last.baseOffset + last.count;
    const refreshed = processor.refresh(end);
    const scores = valuesOf([refreshed], 'churn-scores').map((value) => JSON.parse(value.toString()) as ChurnScore);
    const border = Math.floor((processor.watermarkMs + source.latenessMs) / 86_400_000) * 86_400_000;
    const population = [...processor.entities()].filter((entity) => processor.isInPopulation(entity, border));
    expect(scores.map(({ entity }) => entity).sort()).toEqual(population.sort());
    for (const score of scores) {
      expect(score).toMatchObject({ featureTime: new Date(border).toISOString(), reward: null, origin: { offset: String(end - 1) } });
      expect(score.churnProbability).toBeGreaterThan(0);
    }
    expect(Buffer.from(processor.snapshot()).equals(before)).toBe(true);
  });
});
