// Goal: the standard operations compute what they say (oracle), and WebAssembly computes the same to the bit on 1, 2 and 3 threads.
// Method: seeded random arguments; each operation lists a trial here.
import { describe, expect, it } from 'vitest';
import { builtKernels, wasmBackends } from './built-kernels.fixtures.ts';
import { addScaled, idle } from './element-wise.ts';
import type { Random } from '../random.ts';
import { assertSameOnAll, missingTwins, trialOf } from './operation.checks.ts';

const bytes = builtKernels();
const backends = await wasmBackends();

const normals = (random: Random, length: number): Float32Array => Float32Array.from({ length }, () => random.normal());

const trials = [
  trialOf(idle, () => []),
  trialOf(addScaled, (random) => {
    const length = random.int(5000);
    return [length, random.normal(), normals(random, length), normals(random, length)];
  }),
];

describe.skipIf(bytes === undefined)('standard operations', () => {
  for (const trial of trials) it(`${trial.name}: differential, WebAssembly equals typed arrays to the bit`, () => assertSameOnAll(trial, backends, [1, 2, 3]));

  it('have a twin each', async () => {
    expect(await missingTwins(trials, bytes!)).toEqual([]);
  });
});
