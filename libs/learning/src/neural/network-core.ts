import { strict as assert } from 'node:assert';
import type { Core } from '../family.ts';
import type { Compute } from '../kernels/compute.ts';
import { float32Section, float64Section, int32Section, ModelFileError, uint8Section, type ModelFile, type Section } from '../model-file.ts';
import { networkMargins } from './network-margins.ts';
import { hyperbolicTangent } from './network-passes.ts';
import { layerOf, planField, planNetwork, type Activation, type NetworkShape } from './network-plan.ts';

/** Rows scored together by one thread, times the shards that a plan makes of a batch. */
const scoringBatch = 256;

/** One layer as others write it down: `weights` row-major, inputs x outputs. */
interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/** What a network says of a row: offset + scale x its output; offset alone where there are no layers. */
interface NetworkParts {
  readonly shape: NetworkShape;
  /** Padded, as `planNetwork` lays them out; empty for a constant. */
  readonly weights: Float32Array;
  readonly offset: number;
  readonly scale: number;
}

/** A fitted multi-layer perceptron, in float32 from the input to the output. */
export class NetworkCore implements Core {
  readonly #parts: NetworkParts;
  readonly #plan: Int32Array;
  readonly #input: Float32Array;
  readonly #sums: Float32Array;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
    this.#plan = planNetwork(parts.shape, { weighted: false, batchRows: scoringBatch, rowCount: 0 });
    const widest = Math.max(parts.shape.columnCount, ...parts.shape.hidden);
    this.#input = new Float32Array(widest + 8);
    this.#sums = new Float32Array(widest + 8);
  }

  static load(file: ModelFile): NetworkCore {
    const widths = [...int32Section(file, 'network.widths')];
    const activation: Activation = uint8Section(file, 'network.activation', 1)[0] === 1 ? 'tanh' : 'relu';
    if (widths.length < 2 || widths.some((width) => width < 1) || widths.at(-1) !== 1) throw new ModelFileError('corrupt', `expected widths of layers that end in 1, found ${widths.join(', ')}`);
    if (widths[0] !== file.featureNames.length) throw new ModelFileError('corrupt', `expected a network for ${file.featureNames.length} columns, found one for ${widths[0]}`);
    const shape: NetworkShape = { columnCount: widths[0]!, hidden: widths.slice(1, -1), activation, regression: file.task === 'regression' };
    const [offset, scale] = float64Section(file, 'network.output', 2) as unknown as [number, number];
    const saved = float32Section(file, 'network.weights');
    if (saved.length === 0) return new NetworkCore({ shape, weights: saved, offset, scale });
    const length = widths.slice(1).reduce((sum, outputs, l) => sum + (widths[l]! + 1) * outputs, 0);
    return new NetworkCore({ shape, weights: padded(shape, float32Section(file, 'network.weights', length)), offset, scale });
  }

  /** From the input to the output; empty for a constant. */
  get layers(): readonly DenseLayer[] {
    const { weights } = this.#parts;
    if (weights.length === 0) return [];
    return Array.from({ length: this.#plan[planField.layerCount]! }, (_, l) => {
      const { inputs, outputs, paddedOutputs, weights: at } = layerOf(this.#plan, l);
      const row = (i: number): Float32Array => weights.subarray(at + i * paddedOutputs, at + i * paddedOutputs + outputs);
      const own = new Float32Array(inputs * outputs);
      for (let i = 0; i < inputs; i++) own.set(row(i), i * outputs);
      return { inputs, outputs, weights: own, bias: row(inputs).slice() };
    });
  }

  margin(X: Float32Array, offset: number): number {
    const { weights, shape } = this.#parts;
    if (weights.length === 0) return this.#parts.offset;
    const plan = this.#plan;
    const [input, sums] = [this.#input, this.#sums];
    for (let j = 0; j < shape.columnCount; j++) input[j] = X[offset + j]!;
    const last = plan[planField.layerCount]! - 1;
    for (let l = 0; l <= last; l++) {
      const { inputs, outputs, paddedOutputs, weights: at } = layerOf(plan, l);
      input[inputs] = 1;
      for (let j = 0; j < outputs; j++) sums[j] = 0;
      for (let i = 0; i <= inputs; i++) {
        const value = input[i]!;
        const row = at + i * paddedOutputs;
        for (let j = 0; j < outputs; j++) sums[j] = sums[j]! + Math.fround(value * weights[row + j]!);
      }
      if (l === last) break;
      for (let j = 0; j < outputs; j++) input[j] = shape.activation === 'tanh' ? hyperbolicTangent(sums[j]!) : sums[j]! > 0 ? sums[j]! : 0;
    }
    return this.#parts.offset + this.#parts.scale * sums[0]!;
  }

  async margins(X: Float32Array, rowCount: number, compute: Compute, out: Float64Array): Promise<void> {
    const { weights, offset, scale } = this.#parts;
    if (weights.length === 0) {
      out.fill(offset, 0, rowCount);
      return;
    }
    const order = compute.int32(rowCount);
    for (let i = 0; i < rowCount; i++) order[i] = i;
    const plan = compute.adopt(this.#plan.slice());
    plan[planField.rowCount] = rowCount;
    const scratch = compute.float32(compute.facts.threadCount * plan[planField.scratchLength]!);
    await compute.run(networkMargins, plan, X, order, compute.adopt(weights), scratch, out);
    for (let i = 0; i < rowCount; i++) out[i] = offset + scale * out[i]!;
  }

  sections(): Record<string, Section> {
    const { shape, offset, scale } = this.#parts;
    const parts = this.layers.flatMap(({ weights, bias }) => [...weights, ...bias]);
    return {
      'network.widths': Int32Array.from([shape.columnCount, ...shape.hidden, 1]),
      'network.activation': Uint8Array.of(shape.activation === 'tanh' ? 1 : 0),
      'network.output': Float64Array.of(offset, scale),
      'network.weights': Float32Array.from(parts),
    };
  }
}

/** The layout that computation uses, from layers one after the other, each its weights and then its biases. */
export function padded(shape: NetworkShape, saved: Float32Array): Float32Array {
  const plan = planNetwork(shape, { weighted: false, batchRows: scoringBatch, rowCount: 0 });
  const weights = new Float32Array(plan[planField.weightLength]!);
  let from = 0;
  for (let l = 0; l < plan[planField.layerCount]!; l++) {
    const { inputs, outputs, paddedOutputs, weights: at } = layerOf(plan, l);
    for (let i = 0; i <= inputs; i++) {
      weights.set(saved.subarray(from, from + outputs), at + i * paddedOutputs);
      from += outputs;
    }
  }
  assert(from === saved.length, `expected ${from} weights, found ${saved.length}`);
  return weights;
}
