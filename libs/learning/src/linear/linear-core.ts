import type { Core } from '../family.ts';
import type { Compute } from '../kernels/compute.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { float64Section } from '../model-file.ts';
import { linearMargins, marginOfRow } from './margins.ts';

/** A weighted sum of prepared features; contributions are exact: coefficient x (value - training mean). */
export class LinearCore implements Core {
  readonly coefficients: Float64Array;
  readonly intercept: number;
  /** Training means of the prepared features. */
  readonly #mean: Float64Array;
  /** Coefficients and intercept, as operations read them. */
  readonly #point: Float64Array;

  constructor(coefficients: Float64Array, intercept: number, mean: Float64Array) {
    this.coefficients = coefficients;
    this.intercept = intercept;
    this.#mean = mean;
    this.#point = Float64Array.of(...coefficients, intercept);
  }

  static load(file: ModelFile): LinearCore {
    const columnCount = file.featureNames.length;
    const intercept = float64Section(file, 'linear.intercept', 1)[0]!;
    return new LinearCore(float64Section(file, 'linear.coefficients', columnCount), intercept, float64Section(file, 'linear.mean', columnCount));
  }

  margin(X: Float32Array, offset: number): number {
    return marginOfRow(X, offset, this.coefficients.length, this.#point);
  }

  async margins(X: Float32Array, rowCount: number, compute: Compute, out: Float64Array): Promise<void> {
    await compute.run(linearMargins, X, rowCount, this.coefficients.length, compute.adopt(this.#point), out);
  }

  explain(x: Float32Array, contributions: Float64Array): number {
    const { coefficients } = this;
    const mean = this.#mean;
    let base = this.intercept;
    for (let j = 0; j < coefficients.length; j++) {
      base += coefficients[j]! * mean[j]!;
      contributions[j] = coefficients[j]! * (x[j]! - mean[j]!);
    }
    return base;
  }

  sections(): Record<string, Section> {
    return { 'linear.coefficients': this.coefficients, 'linear.intercept': Float64Array.of(this.intercept), 'linear.mean': this.#mean };
  }
}
