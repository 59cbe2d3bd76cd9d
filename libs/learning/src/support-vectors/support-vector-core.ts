import { lanesLength, writeRowLanes } from '../clusters/row-lanes.ts';
import type { Core, FitContext } from '../family.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { float32Section, float64Section } from '../model-file.ts';
import { rbfDecision, rbfDecisionOf } from './rbf-decision.ts';

export interface SupportVectors {
  /** Row-major. */
  readonly vectors: Float32Array;
  /** Sign x multiplier of each vector. */
  readonly coefficients: Float64Array;
  readonly bias: number;
  /** Width of the kernel e^(-gamma |x - z|^2), as float32. */
  readonly gamma: number;
}

/** The decision function of a support vector machine with a radial kernel; positive on the side of class 1. */
export class SupportVectorCore implements Core {
  readonly #machine: SupportVectors;
  readonly #columnCount: number;

  constructor(machine: SupportVectors, columnCount: number) {
    this.#machine = machine;
    this.#columnCount = columnCount;
  }

  static load(file: ModelFile): SupportVectorCore {
    const columnCount = file.featureNames.length;
    const coefficients = float64Section(file, 'support.coefficients');
    const [bias, gamma] = float64Section(file, 'support.biasAndGamma', 2) as unknown as [number, number];
    return new SupportVectorCore({ coefficients, bias, gamma, vectors: float32Section(file, 'support.vectors', coefficients.length * columnCount) }, columnCount);
  }

  margin(X: Float32Array, offset: number): number {
    const { vectors, coefficients, bias, gamma } = this.#machine;
    return rbfDecisionOf(X, offset, 1, vectors, this.#columnCount, coefficients, -gamma, bias);
  }

  async margins(X: Float32Array, rowCount: number, compute: FitContext['compute'], out: Float64Array): Promise<void> {
    const { vectors, coefficients, bias, gamma } = this.#machine;
    const columnCount = this.#columnCount;
    const lanes = compute.float32(lanesLength(rowCount, columnCount));
    writeRowLanes(X, rowCount, columnCount, lanes);
    await compute.run(rbfDecision, lanes, columnCount, rowCount, compute.adopt(vectors), coefficients.length, compute.adopt(coefficients), -gamma, bias, out);
  }

  sections(): Record<string, Section> {
    const { vectors, coefficients, bias, gamma } = this.#machine;
    return { 'support.vectors': vectors, 'support.coefficients': coefficients, 'support.biasAndGamma': Float64Array.of(bias, gamma) };
  }
}
