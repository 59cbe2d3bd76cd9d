import { numberOf, type FitContext } from '../family.ts';
import type { Parameters } from '../estimator.ts';
import { logLossOfMargin } from '../linear/log-loss.ts';
import { stratifiedShare } from '../model-selection/splits.ts';
import type { Pace } from '../pace.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import type { Random } from '../random.ts';
import { networkMargins } from './network-margins.ts';
import { layerOf, planField, planNetwork, type NetworkShape } from './network-plan.ts';
import { trainBatches } from './train-batches.ts';

/** About as many multiplications as one run of the operation does: some 50 ms of two threads. */
const workOfRun = 4e8;

/** A network while it learns: its arrays, the order of rows, and what decides when to stop. */
export class Training {
  readonly #context: FitContext;
  readonly #parameters: Parameters;
  readonly #plan: Int32Array;
  readonly #X: Float32Array;
  readonly #targets: Float32Array;
  readonly #rowWeights: Float32Array;
  readonly #order: Int32Array;
  readonly #heldOut: Int32Array;
  readonly #state: TrainingState;
  readonly #squaredUnit: number;
  #powers: [number, number] = [1, 1];
  #best: { loss: number; weights: Float32Array | undefined } = { loss: Infinity, weights: undefined };
  #epochsWithoutProgress = 0;

  private constructor(rows: TrainingRows, plan: Int32Array, parameters: Parameters, context: FitContext, squaredUnit: number) {
    this.#context = context;
    this.#parameters = parameters;
    this.#plan = plan;
    this.#X = rows.X;
    this.#targets = rows.targets;
    this.#rowWeights = rows.rowWeights;
    this.#order = rows.order;
    this.#heldOut = rows.heldOut;
    this.#squaredUnit = squaredUnit;
    this.#state = stateOf(plan, parameters, context);
  }

  /** Starts from Glorot & Bengio's (2010) uniform weights, biases within the same bound. */
  static async of(prepared: PreparedRows, shape: NetworkShape, target: { offset: number; scale: number }, parameters: Parameters, context: FitContext): Promise<Training> {
    const { compute, random, pace } = context;
    const { y, weights } = prepared;
    const X = await prepared.matrix(compute, pace);
    const targets = compute.float32(y.length);
    for (let i = 0; i < y.length; i++) targets[i] = (y[i]! - target.offset) / target.scale;
    const rowWeights = compute.float32(weights === undefined ? 0 : y.length);
    if (weights !== undefined) rowWeights.set(weights);
    const { kept, aside } = stratifiedShare(y, shape.regression ? undefined : [0, 1], numberOf(parameters, 'held_out'), random);
    const order = compute.adopt(kept);
    const batchRows = Math.min(numberOf(parameters, 'batch'), order.length);
    const plan = compute.adopt(planNetwork(shape, { weighted: weights !== undefined, batchRows, rowCount: order.length }));
    const training = new Training({ X, targets, rowWeights, order, heldOut: compute.adopt(aside) }, plan, parameters, context, target.scale ** 2);
    drawWeights(plan, training.#state, random);
    return training;
  }

  get hasStalled(): boolean {
    return this.#epochsWithoutProgress > numberOf(this.#parameters, 'patience');
  }

  /** One pass over all rows in a new order; the mean loss of each batch before its step, averaged over rows. */
  async epoch(onShare: (share: number) => void): Promise<number> {
    const { compute, random, pace } = this.#context;
    const plan = this.#plan;
    const state = this.#state;
    await shuffle(this.#order, random, pace);
    const batchCount = Math.ceil(this.#order.length / plan[planField.batchRows]!);
    state.losses.fill(0);
    state.weightTotals.fill(0);
    for (let start = 0; start < batchCount; start += state.stepSizes.length) {
      const end = Math.min(start + state.stepSizes.length, batchCount);
      plan[planField.batchStart] = start;
      plan[planField.batchEnd] = end;
      for (let batch = start; batch < end; batch++) state.stepSizes[batch - start] = this.#nextStepSize();
      await compute.run(
        trainBatches, plan, this.#X, this.#targets, this.#rowWeights, this.#order, state.weights, state.transposed, state.momentum, state.squares,
        state.gradients, state.scratch, state.rates, state.stepSizes, state.losses, state.weightTotals,
      );
      onShare(end / batchCount);
    }
    const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
    const loss = (sum(state.losses) / Math.max(sum(state.weightTotals), Number.MIN_VALUE)) * this.#squaredUnit;
    this.#note(this.#heldOut.length === 0 ? loss : await this.#heldOutLoss());
    return loss;
  }

  /** The weights to keep: the last, or the best for held-out rows. */
  learned(): Float32Array {
    return this.#best.weights ?? this.#state.weights.slice();
  }

  #note(loss: number): void {
    this.#epochsWithoutProgress = loss > this.#best.loss - numberOf(this.#parameters, 'tolerance') ? this.#epochsWithoutProgress + 1 : 0;
    if (loss >= this.#best.loss) return;
    this.#best = { loss, weights: this.#heldOut.length === 0 ? undefined : this.#state.weights.slice() };
  }

  #nextStepSize(): number {
    const powers = this.#powers;
    powers[0] *= numberOf(this.#parameters, 'beta_1');
    powers[1] *= numberOf(this.#parameters, 'beta_2');
    return (numberOf(this.#parameters, 'learning_rate') * Math.sqrt(1 - powers[1])) / (1 - powers[0]);
  }

  async #heldOutLoss(): Promise<number> {
    const { compute, pace } = this.#context;
    const mark = compute.mark();
    const rows = this.#heldOut;
    const plan = compute.adopt(this.#plan.slice());
    plan[planField.rowCount] = rows.length;
    const margins = compute.float64(rows.length);
    await compute.run(networkMargins, plan, this.#X, rows, this.#state.weights, this.#state.scratch, margins);
    const isRegression = plan[planField.regression] === 1;
    let [sum, total] = [0, 0];
    for (let i = 0; i < rows.length; i++) {
      const target = this.#targets[rows[i]!]!;
      const weight = this.#rowWeights.length === 0 ? 1 : this.#rowWeights[rows[i]!]!;
      sum += weight * (isRegression ? (margins[i]! - target) ** 2 : logLossOfMargin(target, margins[i]!));
      total += weight;
      if (pace.spend(8)) await pace.pause();
    }
    compute.release(mark);
    return total > 0 ? (sum / total) * this.#squaredUnit : 0;
  }
}

interface TrainingRows {
  readonly X: Float32Array;
  readonly targets: Float32Array;
  readonly rowWeights: Float32Array;
  readonly order: Int32Array;
  readonly heldOut: Int32Array;
}

export interface TrainingState {
  readonly weights: Float32Array;
  readonly transposed: Float32Array;
  readonly momentum: Float32Array;
  readonly squares: Float32Array;
  readonly gradients: Float32Array;
  readonly scratch: Float32Array;
  readonly rates: Float32Array;
  readonly stepSizes: Float32Array;
  readonly losses: Float64Array;
  readonly weightTotals: Float64Array;
}

/** Arrays that the operation works in, all zero but the rates; at most as many batches per run as `stepSizes` is long. */
export function stateOf(plan: Int32Array, parameters: Parameters, { compute }: Pick<FitContext, 'compute'>): TrainingState {
  const [length, shardCount, batchRows] = [plan[planField.weightLength]!, plan[planField.shardCount]!, plan[planField.batchRows]!];
  const array = (): Float32Array => compute.float32(length);
  const rate = (name: string): number => numberOf(parameters, name);
  const rates = compute.float32(6);
  rates.set([rate('beta_1'), 1 - rate('beta_1'), rate('beta_2'), 1 - rate('beta_2'), rate('epsilon'), rate('l2')]);
  return {
    weights: array(), transposed: array(), momentum: array(), squares: array(), gradients: compute.float32(shardCount * length),
    scratch: compute.float32(compute.facts.threadCount * plan[planField.scratchLength]!), rates,
    stepSizes: compute.float32(Math.max(1, Math.min(Math.ceil(plan[planField.rowCount]! / batchRows), Math.round(workOfRun / (batchRows * length))))),
    losses: compute.float64(shardCount), weightTotals: compute.float64(shardCount),
  };
}

function drawWeights(plan: Int32Array, state: TrainingState, random: Random): void {
  for (let l = 0; l < plan[planField.layerCount]!; l++) {
    const { inputs, outputs, paddedInputs, paddedOutputs, weights } = layerOf(plan, l);
    const bound = Math.sqrt(6 / (inputs + outputs));
    for (let i = 0; i <= inputs; i++) {
      for (let j = 0; j < outputs; j++) {
        const drawn = bound * (2 * random.uniform() - 1);
        state.weights[weights + i * paddedOutputs + j] = drawn;
        state.transposed[weights + j * paddedInputs + i] = drawn;
      }
    }
  }
}

/** Fisher-Yates; places are drawn by multiplication, uneven by at most rows / 2^32. */
async function shuffle(rows: Int32Array, random: Random, pace: Pace): Promise<void> {
  for (let i = rows.length - 1; i > 0; i--) {
    const j = Math.floor((random.nextUint32() / 2 ** 32) * (i + 1));
    const held = rows[i]!;
    rows[i] = rows[j]!;
    rows[j] = held;
    if (pace.spend(4)) await pace.pause();
  }
}
