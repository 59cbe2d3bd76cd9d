import { laneCount } from '../clusters/row-lanes.ts';
import type { Core, FitContext } from '../family.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { float32Section, float64Section, ModelFileError } from '../model-file.ts';
import { fourierDecision } from './fourier-hinge.ts';
import { mapRow, weighCosines } from './fourier-map.ts';

/** A linear decision over random Fourier features; positive on the side of class 1. */
export class FourierCore implements Core {
  readonly #frequencies: Float32Array;
  readonly #offsets: Float32Array;
  readonly #coefficients: Float64Array;
  readonly #bias: number;
  readonly #columnCount: number;
  readonly #cosines: Float32Array;

  /** All in whole blocks of eight components; see `FourierMap`. */
  constructor(frequencies: Float32Array, offsets: Float32Array, coefficients: Float64Array, bias: number) {
    this.#frequencies = frequencies;
    this.#offsets = offsets;
    this.#coefficients = coefficients;
    this.#bias = bias;
    this.#columnCount = frequencies.length / offsets.length;
    this.#cosines = new Float32Array(offsets.length);
  }

  static load(file: ModelFile): FourierCore {
    const offsets = float32Section(file, 'fourier.offsets');
    if (offsets.length === 0 || offsets.length % laneCount !== 0) throw new ModelFileError('corrupt', `expected whole blocks of ${laneCount} components, found ${offsets.length}`);
    const frequencies = float32Section(file, 'fourier.frequencies', offsets.length * file.featureNames.length);
    return new FourierCore(frequencies, offsets, float64Section(file, 'fourier.coefficients', offsets.length), float64Section(file, 'fourier.bias', 1)[0]!);
  }

  margin(X: Float32Array, offset: number): number {
    mapRow(X, offset, this.#columnCount, this.#frequencies, this.#offsets, this.#cosines);
    return weighCosines(this.#cosines, this.#coefficients) + this.#bias;
  }

  async margins(X: Float32Array, rowCount: number, compute: FitContext['compute'], out: Float64Array): Promise<void> {
    const componentCount = this.#offsets.length;
    const scratch = compute.float32(4 * componentCount * compute.facts.threadCount);
    const [frequencies, offsets, coefficients] = [compute.adopt(this.#frequencies), compute.adopt(this.#offsets), compute.adopt(this.#coefficients)];
    await compute.run(fourierDecision, X, this.#columnCount, rowCount, frequencies, offsets, componentCount, coefficients, this.#bias, out, scratch);
  }

  sections(): Record<string, Section> {
    return { 'fourier.frequencies': this.#frequencies, 'fourier.offsets': this.#offsets, 'fourier.coefficients': this.#coefficients, 'fourier.bias': Float64Array.of(this.#bias) };
  }
}
