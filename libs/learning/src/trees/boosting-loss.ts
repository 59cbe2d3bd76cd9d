import type { Task } from '../estimator.ts';
import { logLossOfMargin, priorLogOdds, sigmoid } from '../linear/log-loss.ts';
import type { Pace } from '../pace.ts';
import type { Derivatives } from './histogram.ts';
import { orderFreeMean, powerOfTwoAbove, quantizeWeights, rounderFor } from './quantize.ts';

/** Margins of all training rows and the derivatives of their loss; `start`, then after each tree `addToMargins` and `refresh`. */
export interface BoostingLoss {
  /** The constant before the first tree: log-odds of the prior, or the mean. */
  readonly bias: number;
  /** Mean loss of the bias alone. */
  start(): number;
  derivatives(): Derivatives;
  addToMargins(rows: Int32Array, value: number): void;
  /** Recomputes derivatives at the new margins; returns the mean loss there. */
  refresh(pace: Pace): Promise<number>;
}

export function createBoostingLoss(task: Task, y: Float64Array, weights: Float64Array | undefined): BoostingLoss {
  return task === 'classification' ? new LogLoss(y, weights) : new SquaredError(y, weights);
}

abstract class MarginLoss implements BoostingLoss {
  readonly bias: number;
  protected readonly y: Float64Array;
  protected readonly margins: Float64Array;
  protected readonly gradients: Float64Array;
  /** Exact summands; undefined when every row weighs 1. */
  protected readonly weights: Float64Array | undefined;
  /** Rounds a weighted term of unit scale; see `rounderFor`. */
  protected readonly unitRounder: number;
  readonly #totalWeight: number;

  constructor(y: Float64Array, weights: Float64Array | undefined, bias: (weights: Float64Array | undefined) => number) {
    const quantized = weights === undefined ? undefined : quantizeWeights(weights);
    this.y = y;
    this.weights = quantized?.weights;
    this.unitRounder = quantized?.rounder ?? rounderFor(1);
    this.#totalWeight = this.weights === undefined ? y.length : this.weights.reduce((sum, weight) => sum + weight, 0);
    this.bias = bias(this.weights);
    this.margins = new Float64Array(y.length).fill(this.bias);
    this.gradients = new Float64Array(y.length);
  }

  start(): number {
    this.rescale();
    return this.updateRows(0, this.y.length) / this.#totalWeight;
  }

  addToMargins(rows: Int32Array, value: number): void {
    const { margins } = this;
    for (let i = 0; i < rows.length; i++) margins[rows[i]!]! += value;
  }

  async refresh(pace: Pace): Promise<number> {
    this.rescale();
    let sum = 0;
    for (let start = 0; start < this.y.length; start += 65_536) {
      const end = Math.min(start + 65_536, this.y.length);
      sum += this.updateRows(start, end);
      if (pace.spend(12 * (end - start))) await pace.pause();
    }
    return sum / this.#totalWeight;
  }

  abstract derivatives(): Derivatives;
  /** Fits the unit of rounding to the size of the gradients, before they are recomputed. */
  protected abstract rescale(): void;
  /** Recomputes derivatives of rows [start, end) and returns the sum of their losses, itself exact in any order. */
  protected abstract updateRows(start: number, end: number): number;
}

class LogLoss extends MarginLoss {
  readonly #hessians: Float64Array;

  constructor(y: Float64Array, weights: Float64Array | undefined) {
    super(y, weights, (quantized) => priorLogOdds(y, quantized));
    this.#hessians = new Float64Array(y.length);
  }

  override derivatives(): Derivatives {
    return { gradients: this.gradients, hessians: this.#hessians, weights: this.weights };
  }

  /** Gradients of log loss lie in [-1, 1] already. */
  protected override rescale(): void {}

  protected override updateRows(start: number, end: number): number {
    const { y, margins, gradients, weights, unitRounder } = this;
    const hessians = this.#hessians;
    const rounder = rounderFor(1);
    let sum = 0;
    for (let i = start; i < end; i++) {
      const p = sigmoid(margins[i]!);
      const gradient = p - y[i]! + rounder - rounder;
      const hessian = p * (1 - p) + rounder - rounder;
      const loss = logLossOfMargin(y[i]!, margins[i]!) + rounder - rounder;
      if (weights === undefined) {
        gradients[i] = gradient;
        hessians[i] = hessian;
        sum += loss;
      } else {
        const weight = weights[i]!;
        gradients[i] = weight * gradient + unitRounder - unitRounder;
        hessians[i] = weight * hessian + unitRounder - unitRounder;
        sum += weight * loss + unitRounder - unitRounder;
      }
    }
    return sum;
  }
}

class SquaredError extends MarginLoss {
  #scale = 1;

  constructor(y: Float64Array, weights: Float64Array | undefined) {
    super(y, weights, (quantized) => orderFreeMean(y, quantized));
  }

  override derivatives(): Derivatives {
    return { gradients: this.gradients, hessians: undefined, weights: this.weights };
  }

  protected override rescale(): void {
    const { y, margins } = this;
    let largest = 0;
    for (let i = 0; i < y.length; i++) largest = Math.max(largest, Math.abs(margins[i]! - y[i]!));
    this.#scale = powerOfTwoAbove(largest);
  }

  protected override updateRows(start: number, end: number): number {
    const { y, margins, gradients, weights } = this;
    const rounder = rounderFor(this.#scale);
    const weightRounder = this.unitRounder * this.#scale;
    const squareRounder = rounderFor(this.#scale ** 2);
    const weightSquareRounder = this.unitRounder * this.#scale ** 2;
    let sum = 0;
    for (let i = start; i < end; i++) {
      const residual = margins[i]! - y[i]!;
      const gradient = residual + rounder - rounder;
      const square = residual * residual + squareRounder - squareRounder;
      gradients[i] = weights === undefined ? gradient : weights[i]! * gradient + weightRounder - weightRounder;
      sum += weights === undefined ? square : weights[i]! * square + weightSquareRounder - weightSquareRounder;
    }
    return sum;
  }
}
