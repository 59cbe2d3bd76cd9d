import { strict as assert } from 'node:assert';
import { Random } from '../random.ts';
import type { KernelArgument, KernelArray, Kernels, Operation } from './compute.ts';
import { plainKernels } from './plain-kernels.ts';

/** One operation with arguments drawn from a seed: what must come out the same to the bit on every exact backend. */
export interface OperationTrial {
  readonly name: string;
  /** Runs on a place of its own; the bytes of all array arguments afterwards, by their position. */
  run(kernels: Kernels, seed: number): Promise<ReadonlyMap<number, Uint8Array>>;
}

export interface TrialOptions {
  /** Tells trials of one operation apart. */
  readonly name?: string;
  /** Positions of arrays whose contents afterwards promise nothing. */
  readonly scratch?: readonly number[];
}

/** `draw` makes fresh arguments from the seed alone; arrays that the operation fills are drawn too, with what they start from. */
export function trialOf<Arguments extends readonly KernelArgument[]>(operation: Operation<Arguments>, draw: (random: Random) => [...Arguments], { name = operation.name, scratch = [] }: TrialOptions = {}): OperationTrial {
  return {
    name,
    run: async (kernels, seed) => {
      const compute = await kernels.open({});
      try {
        const drawn = draw(new Random(seed));
        const passed = drawn.map((argument) => (typeof argument === 'number' ? argument : compute.adopt(argument))) as unknown as Arguments;
        await compute.run(operation, ...passed);
        return new Map(passed.flatMap((argument, at) => (typeof argument === 'number' || scratch.includes(at) ? [] : [[at, bytesOf(argument)] as const])));
      } finally {
        compute.close();
      }
    },
  };
}

const bytesOf = (array: KernelArray): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice();

/** Throws unless each backend leaves the same bytes in every array as typed arrays on one thread do. */
export async function assertSameOnAll(trial: OperationTrial, backends: readonly Kernels[], seeds: readonly number[]): Promise<void> {
  for (const seed of seeds) {
    const expected = await trial.run(plainKernels, seed);
    for (const kernels of backends) {
      const { backend, threadCount } = kernels.facts;
      for (const [at, bytes] of await trial.run(kernels, seed)) {
        const differs = expected.get(at)!.findIndex((byte, i) => byte !== bytes[i]);
        assert.equal(differs, -1, `expected ${trial.name} on ${backend} with ${threadCount} threads to equal plain arrays, found argument ${at} to differ at byte ${differs} (seed ${seed})`);
      }
    }
  }
}

/** A backend that lacks an operation's twin would run the plain one and agree with itself: says which are missing. */
export async function missingTwins(operations: readonly { readonly name: string }[], bytes: Uint8Array): Promise<readonly string[]> {
  const exported = WebAssembly.Module.exports(await WebAssembly.compile(bytes)).map(({ name }) => name);
  return operations.map(({ name }) => name).filter((name) => !exported.includes(name));
}
