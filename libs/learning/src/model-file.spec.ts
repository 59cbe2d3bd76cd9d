// Goal: a model file is either read exactly or refused with a reason. Method: round trips, every truncation, every flipped byte, and
// files that are sound outside and wrong inside.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadModel } from './catalog.ts';
import { crc32 } from './crc32.ts';
import type { ModelFile, Section } from './model-file.ts';
import { decodeModelFile, encodeModelFile, ModelFileError } from './model-file.ts';

const sample: ModelFile = {
  kind: 'gradient-boosting', task: 'regression', featureNames: ['täglich', 'b'], parameters: { trees: 1, loss: 'squared', layers: [3, 2] },
  categories: { b: ['rot', 'grün'] }, arithmetic: { kernelVersion: 1, exact: true },
  sections: {
    history: Float64Array.of(NaN, -0, Infinity, 1e-300),
    'prepare.steps': new Uint8Array(0),
    'trees.bias': Float64Array.of(3), 'trees.roots': Int32Array.of(0), 'trees.feature': Int32Array.of(1, -1, -1), 'trees.threshold': Float64Array.of(0.5, 0, 0),
    'trees.left': Int32Array.of(1, -1, -1), 'trees.right': Int32Array.of(2, -1, -1), 'trees.missingLeft': Uint8Array.of(1, 0, 0), 'trees.value': Float64Array.of(0, -1, 1),
    'trees.cover': Float64Array.of(4, 2, 2), 'trees.divisor': Float64Array.of(1),
  },
};

const withSections = (changes: Record<string, Section>): Uint8Array => encodeModelFile({ ...sample, sections: { ...sample.sections, ...changes } });

function problemOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof ModelFileError) return `${error.problem}: ${error.message}`;
    throw error;
  }
  return 'none';
}

describe('model file', () => {
  it('comes back as it was, from any position in a larger buffer', () => {
    const bytes = encodeModelFile(sample);
    const shifted = new Uint8Array(bytes.length + 13);
    shifted.set(bytes, 13);
    for (const copy of [bytes, shifted.subarray(13)]) {
      const read = decodeModelFile(copy);
      expect({ ...read, sections: { ...read.sections } }).toEqual(sample);
      expect(encodeModelFile(read)).toEqual(bytes);
    }
    expect(loadModel(bytes).scoreRow(Float64Array.of(0, NaN))).toBe(2);
  });

  it('round-trips any sections', () => {
    const section = fc.oneof(
      fc.array(fc.double()).map((values): Section => Float64Array.from(values)),
      fc.array(fc.float()).map((values): Section => Float32Array.from(values)),
      fc.array(fc.integer()).map((values): Section => Int32Array.from(values)),
      fc.uint8Array().map((values): Section => Uint8Array.from(values)),
    );
    fc.assert(fc.property(fc.dictionary(fc.string({ minLength: 1 }), section), (sections) => {
      const read = decodeModelFile(encodeModelFile({ ...sample, sections }));
      expect(new Map(Object.entries(read.sections))).toEqual(new Map(Object.entries(sections)));
    }));
  });

  it('refuses every truncation', () => {
    const bytes = encodeModelFile(sample);
    for (let length = 0; length < bytes.length; length++) {
      expect(problemOf(() => decodeModelFile(bytes.subarray(0, length)))).toMatch(length < 8 ? /^not-a-model/ : /^truncated: expected (at least )?\d+ bytes, found \d+/);
    }
  });

  it('refuses any flipped bit', () => {
    const bytes = encodeModelFile(sample);
    fc.assert(fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
      const changed = bytes.slice();
      changed[at]! ^= 1 << bit;
      expect(problemOf(() => decodeModelFile(changed))).not.toBe('none');
    }), { numRuns: 500 });
  });

  it('says what it found', () => {
    const bytes = encodeModelFile(sample);
    const version = bytes.slice();
    version[8] = 1;
    expect(problemOf(() => loadModel(version))).toBe('unknown-version: expected model file version 2, found 1');
    expect(problemOf(() => loadModel(new TextEncoder().encode('PK\u0003\u0004 something else')))).toMatch(/^not-a-model/);
    expect(problemOf(() => loadModel(Uint8Array.of(...bytes, 0)))).toMatch(/^corrupt: expected \d+ bytes, found/);
    expect(problemOf(() => loadModel(encodeModelFile({ ...sample, kind: 'oracle' })))).toMatch(/^unknown-kind: expected a kind of model among .*, found oracle/);
    expect(problemOf(() => loadModel(encodeModelFile({ ...sample, kind: 'logistic-regression' })))).toMatch(/^corrupt: expected a task of logistic-regression, found regression/);
  });

  it('refuses trees that point anywhere but down, and sections that are missing or of another size', () => {
    const sound = /^corrupt: expected/;
    for (const changes of [
      { 'trees.left': Int32Array.of(0, -1, -1) }, { 'trees.right': Int32Array.of(3, -1, -1) }, { 'trees.feature': Int32Array.of(2, -1, -1) },
      { 'trees.roots': Int32Array.of(7) }, { 'trees.left': Int32Array.of(2, -1, -1) }, { 'trees.cover': Float64Array.of(1) }, { 'trees.value': Float64Array.of(1) }, { 'trees.bias': Int32Array.of(1) }, { 'prepare.steps': new TextEncoder().encode('guess') },
    ] satisfies Record<string, Section>[]) expect(problemOf(() => loadModel(withSections(changes)))).toMatch(sound);
  });

  it('differential: the checksum is the common CRC-32', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    expect(crc32(new TextEncoder().encode('6789'), crc32(new TextEncoder().encode('12345')))).toBe(0xcbf43926);
  });
});
