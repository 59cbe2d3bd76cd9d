// Goal: the network learns by the gradient and the steps of the definition, the same on every backend. Method: finite differences of a
// float64 twin of the loss, a twin of Adam, scikit-learn from the same start, bits between backends.
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { builtKernels, wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { assertSameOnAll, missingTwins, trialOf } from '../kernels/operation.checks.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { decodeModelFile, float32Section } from '../model-file.ts';
import { Random } from '../random.ts';
import { NetworkCore, padded } from './network-core.ts';
import { networkMargins } from './network-margins.ts';
import { layerOf, planField, planNetwork, type NetworkShape } from './network-plan.ts';
import { trainBatches } from './train-batches.ts';
import { stateOf, type TrainingState } from './training.ts';

const adam = { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, l2: 0.02 };
const compute = await plainKernels.open({});

interface Trial {
  readonly shape: NetworkShape;
  readonly X: Float32Array;
  readonly targets: Float32Array;
  readonly rowWeights: Float32Array | undefined;
  readonly plan: Int32Array;
  readonly state: TrainingState;
  readonly l2: number;
}

function trialFrom(shape: NetworkShape, data: Pick<Trial, 'X' | 'targets' | 'rowWeights'>, batchRows: number, start: Float32Array, parameters = adam): Trial {
  const plan = planNetwork(shape, { weighted: data.rowWeights !== undefined, batchRows, rowCount: data.targets.length });
  const state = stateOf(plan, parameters, { compute });
  state.weights.set(start);
  for (let l = 0; l < plan[planField.layerCount]!; l++) {
    const { paddedInputs, paddedOutputs, weights } = layerOf(plan, l);
    for (let i = 0; i < paddedInputs; i++) for (let j = 0; j < paddedOutputs; j++) state.transposed[weights + j * paddedInputs + i] = start[weights + i * paddedOutputs + j]!;
  }
  return { shape, ...data, plan, state, l2: parameters.l2 };
}

function drawTrial(random: Random, shape: NetworkShape, rowCount: number, batchRows: number, weighted: boolean): Trial {
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
  const widths = [shape.columnCount, ...shape.hidden, 1];
  const length = widths.slice(1).reduce((sum, outputs, l) => sum + (widths[l]! + 1) * outputs, 0);
  const targets = shape.regression ? draw(rowCount) : draw(rowCount).map((value) => (value > 0 ? 1 : 0));
  const rowWeights = weighted ? Float32Array.from({ length: rowCount }, () => random.int(3) + 0.5) : undefined;
  return trialFrom(shape, { X: draw(rowCount * shape.columnCount), targets, rowWeights }, batchRows, padded(shape, draw(length).map((value) => 0.5 * value)));
}

function argumentsOf({ plan, X, targets, rowWeights, state }: Trial, order: Int32Array): Parameters<typeof trainBatches.plain> extends [number, number, ...infer Rest] ? Rest : never {
  return [
    plan, X, targets, rowWeights ?? new Float32Array(0), order, state.weights, state.transposed, state.momentum, state.squares, state.gradients, state.scratch, state.rates,
    state.stepSizes, state.losses, state.weightTotals,
  ];
}

/** Runs batches [start, end) on rows in their own order, steps as Adam corrects them from the first batch on. */
async function runBatches(trial: Trial, start: number, end: number, learningRate: number): Promise<void> {
  trial.plan[planField.batchStart] = start;
  trial.plan[planField.batchEnd] = end;
  for (let batch = start; batch < end; batch++) trial.state.stepSizes[batch - start] = (learningRate * Math.sqrt(1 - 0.999 ** (batch + 1))) / (1 - 0.9 ** (batch + 1));
  await compute.run(trainBatches, ...argumentsOf(trial, Int32Array.from(trial.targets, (_, i) => i)));
}

/** The definition in float64: mean weighted loss (half the squared error) of rows [start, end), and the penalty. */
function lossOf({ shape, X, targets, rowWeights, plan, l2 }: Trial, weights: Float64Array, start: number, end: number): number {
  const layerCount = plan[planField.layerCount]!;
  let [sum, total] = [0, 0];
  for (let row = start; row < end; row++) {
    let values = [...X.subarray(row * shape.columnCount, (row + 1) * shape.columnCount)];
    for (let l = 0; l < layerCount; l++) {
      const { outputs, paddedOutputs, weights: at } = layerOf(plan, l);
      const sums = Array.from({ length: outputs }, (_, j) => [...values, 1].reduce((z, value, i) => z + value * weights[at + i * paddedOutputs + j]!, 0));
      values = l === layerCount - 1 ? sums : sums.map((z) => (shape.activation === 'tanh' ? Math.tanh(z) : Math.max(0, z)));
    }
    const [margin, target, weight] = [values[0]!, targets[row]!, rowWeights?.[row] ?? 1];
    sum += weight * (shape.regression ? (margin - target) ** 2 / 2 : Math.log1p(Math.exp(-Math.abs(margin))) + Math.max(margin, 0) - target * margin);
    total += weight;
  }
  let squares = 0;
  for (let l = 0; l < layerCount; l++) {
    const { inputs, outputs, paddedOutputs, weights: at } = layerOf(plan, l);
    for (let i = 0; i < inputs; i++) for (let j = 0; j < outputs; j++) squares += weights[at + i * paddedOutputs + j]! ** 2;
  }
  return (sum + (l2 / 2) * squares) / total;
}

function differences(trial: Trial, weights: Float64Array, start: number, end: number): Float64Array {
  return weights.map((weight, at) => {
    const step = 1e-6;
    const at1 = weights.slice();
    const at2 = weights.slice();
    at1[at] = weight - step;
    at2[at] = weight + step;
    return (lossOf(trial, at2, start, end) - lossOf(trial, at1, start, end)) / (2 * step);
  });
}

/** Places of weights that are not padding. */
function ownPlaces(plan: Int32Array): number[] {
  const places: number[] = [];
  for (let l = 0; l < plan[planField.layerCount]!; l++) {
    const { inputs, outputs, paddedOutputs, weights } = layerOf(plan, l);
    for (let i = 0; i <= inputs; i++) for (let j = 0; j < outputs; j++) places.push(weights + i * paddedOutputs + j);
  }
  return places;
}

const shapes: readonly (NetworkShape & { weighted: boolean })[] = [
  { columnCount: 3, hidden: [5, 4], activation: 'tanh', regression: false, weighted: false },
  { columnCount: 4, hidden: [9], activation: 'relu', regression: false, weighted: true },
  { columnCount: 2, hidden: [3, 6, 2], activation: 'tanh', regression: true, weighted: true },
  { columnCount: 7, hidden: [], activation: 'relu', regression: true, weighted: false },
];

describe('trainBatches', () => {
  for (const shape of shapes) {
    const title = `${[shape.columnCount, ...shape.hidden, 1].join('-')} ${shape.activation} ${shape.regression ? 'regression' : 'classification'}`;
    it(`oracle: the gradient of ${title} is the loss's, by finite differences`, async () => {
      const trial = drawTrial(new Random(5), shape, 23, 23, shape.weighted);
      const { plan, state } = trial;
      const start = Float64Array.from(state.weights);
      const expected = differences(trial, start, 0, 23);
      await runBatches(trial, 0, 1, 0);
      const total = trial.rowWeights?.reduce((sum, weight) => sum + weight, 0) ?? 23;
      for (const at of ownPlaces(plan)) {
        // The operation's part ends before the penalty; (1 - beta1) g is what the first step leaves as momentum.
        expect(Math.abs(state.momentum[at]! / 0.1 - expected[at]!)).toBeLessThan(2e-6 * Math.max(1, Math.abs(expected[at]!)) * Math.sqrt(total));
      }
      for (let at = 0; at < start.length; at++) if (!ownPlaces(plan).includes(at)) expect(state.weights[at]).toBe(0);
    });

    it(`oracle: three steps of ${title} are Adam's, by a float64 twin`, async () => {
      const trial = drawTrial(new Random(6), shape, 21, 8, shape.weighted);
      const weights = Float64Array.from(trial.state.weights);
      const [momentum, squares] = [weights.map(() => 0), weights.map(() => 0)];
      for (let step = 1; step <= 3; step++) {
        const gradient = differences(trial, weights, 8 * (step - 1), Math.min(8 * step, 21));
        for (const at of ownPlaces(trial.plan)) {
          momentum[at] = 0.9 * momentum[at]! + 0.1 * gradient[at]!;
          squares[at] = 0.999 * squares[at]! + 0.001 * gradient[at]! ** 2;
          weights[at]! -= (0.01 * (momentum[at]! / (1 - 0.9 ** step))) / (Math.sqrt(squares[at]! / (1 - 0.999 ** step)) + 1e-8 / Math.sqrt(1 - 0.999 ** step));
        }
      }
      await runBatches(trial, 0, 3, 0.01);
      for (const at of ownPlaces(trial.plan)) expect(Math.abs(trial.state.weights[at]! - weights[at]!)).toBeLessThan(2e-5);
    });
  }
});

interface Layer { readonly weights: number[][]; readonly bias: number[] }
interface Case {
  readonly name: string; readonly task: 'classification' | 'regression'; readonly hidden: number[]; readonly activation: 'relu' | 'tanh'; readonly batch: number; readonly epochs: number;
  readonly l2: number; readonly X: number[][]; readonly y: number[]; readonly weights: number[] | null; readonly start: Layer[]; readonly layers: Layer[]; readonly margins: number[];
}

const savedOf = (layers: readonly Layer[]): Float32Array => Float32Array.from(layers.flatMap(({ weights, bias }) => [...weights.flat(), ...bias]));

describe('multi-layer perceptron', () => {
  for (const reference of readReference<{ cases: Case[] }>('neural').cases) {
    it(`differential: ${reference.name} goes scikit-learn's way from the same start`, async () => {
      const { hidden, activation, task, X, y, weights, l2, batch, epochs } = reference;
      const shape: NetworkShape = { columnCount: X[0]!.length, hidden, activation, regression: task === 'regression' };
      const data = { X: Float32Array.from(flatten(X)), targets: Float32Array.from(y), rowWeights: weights === null ? undefined : Float32Array.from(weights) };
      const trial = trialFrom(shape, data, batch, padded(shape, savedOf(reference.start)), { ...adam, l2 });
      const batches = Math.ceil(y.length / batch);
      for (let epoch = 0, step = 0; epoch < epochs; epoch++) {
        trial.plan[planField.batchStart] = 0;
        trial.plan[planField.batchEnd] = batches;
        for (let b = 0; b < batches; b++) trial.state.stepSizes[b] = (0.01 * Math.sqrt(1 - 0.999 ** ++step)) / (1 - 0.9 ** step);
        await compute.run(trainBatches, ...argumentsOf(trial, Int32Array.from(y, (_, i) => i)));
      }
      const core = new NetworkCore({ shape, weights: trial.state.weights, offset: 0, scale: 1 });
      const expected = savedOf(reference.layers);
      float32Of(core).forEach((value, at) => expect(Math.abs(value - expected[at]!)).toBeLessThan(1e-4));
      reference.margins.forEach((margin, i) => expect(Math.abs(core.margin(data.X, i * shape.columnCount) - margin)).toBeLessThan(1e-4 * Math.max(1, Math.abs(margin))));
    });
  }

  const waves = (task: 'classification' | 'regression', rowCount: number, seed: number): Dataset => {
    const random = new Random(seed);
    const X = Float32Array.from({ length: 2 * rowCount }, () => 2 * random.uniform() - 1);
    const y = Float64Array.from({ length: rowCount }, (_, i) => 500 + 30 * Math.sin(3 * X[2 * i]!) * X[2 * i + 1]!);
    return { rowCount, columnCount: 2, X, y: task === 'regression' ? y : y.map((value) => (value > 500 ? 1 : 0)), featureNames: ['u', 'v'] };
  };
  const estimator = (task: 'classification' | 'regression', parameters = {}): ReturnType<typeof createEstimator> => createEstimator({ kind: 'multi-layer-perceptron', task, parameters: { hidden: [16, 8], learning_rate: 0.01, epochs: 60, batch: 32, ...parameters }, prepare: [] });

  it('learns a curved surface far from 0, in the target\'s own unit', async () => {
    const [train, test] = [waves('regression', 600, 1), waves('regression', 200, 2)];
    const model = await estimator('regression').fit(train, { random: new Random(1) });
    const errors = model.score(test.X, 200).map((value, i) => (value - test.y[i]!) ** 2);
    expect(Math.sqrt(errors.reduce((sum, error) => sum + error, 0) / 200)).toBeLessThan(2);
    expect(model.history[0]).toBeGreaterThan(30);
    expect(model.history.at(-1)).toBeLessThan(3);
  });

  it('keeps the weights that were best for held-out rows, and stops when they get no better', async () => {
    const data = waves('classification', 300, 3);
    const noisy = { ...data, y: data.y.map((label, i) => (i % 3 === 0 ? 1 - label : label)) };
    const options = { held_out: 0.3, patience: 3, epochs: 400, learning_rate: 0.003, tolerance: 0 };
    const model = await estimator('classification', options).fit(noisy, { random: new Random(4) });
    expect(model.history.length).toBeGreaterThan(5);
    expect(model.history.length).toBeLessThan(400);
    // Ending at the best epoch, found by the first run, gives the same weights: the shuffles before it are the same.
    const stopped = await Promise.all([4, 5].map((late) => estimator('classification', { ...options, epochs: model.history.length - late }).fit(noisy, { random: new Random(4) })));
    const weightsOf = (fitted: typeof model): Float32Array => float32Section(decodeModelFile(fitted.save()), 'network.weights');
    expect(weightsOf(stopped[0]!)).toEqual(weightsOf(model));
    expect(weightsOf(stopped[1]!)).not.toEqual(weightsOf(model));
  });

  it('stops when the loss stands still, and says when it runs away', async () => {
    const data = waves('regression', 100, 5);
    expect((await estimator('regression', { tolerance: 1e6, patience: 4 }).fit(data, { random: new Random(1) })).history).toHaveLength(6);
    const huge = { ...data, X: data.X.map((value) => 1e38 * value) };
    await expect(estimator('regression').fit(huge, { random: new Random(1) })).rejects.toThrow(/expected a finite loss after epoch 1, found .*standardize the features/);
  });
});

function float32Of(core: NetworkCore): Float32Array {
  return Float32Array.from(core.layers.flatMap(({ weights, bias }) => [...weights, ...bias]));
}

const bytes = builtKernels();
const backends = await wasmBackends();

describe.skipIf(bytes === undefined)('operations of networks', () => {
  const trials = shapes.map((shape) => trialOf(trainBatches, (random) => {
    const rowCount = 40 + random.int(700);
    const trial = drawTrial(random, shape, rowCount, 1 + random.int(rowCount), shape.weighted);
    trial.plan[planField.batchEnd] = Math.ceil(rowCount / trial.plan[planField.batchRows]!);
    const steps = trial.state.stepSizes.length;
    trial.plan[planField.batchEnd] = Math.min(steps, trial.plan[planField.batchEnd]!);
    trial.state.stepSizes.fill(0.01);
    const args = argumentsOf(trial, random.shuffle(Int32Array.from({ length: rowCount }, (_, i) => i)));
    return args.with(10, new Float32Array(3 * trial.plan[planField.scratchLength]!)) as typeof args;
  }, { scratch: [10], name: `trainBatches ${shape.hidden.join('-')} ${shape.activation}` }));
  for (const trial of trials) it(`differential: ${trial.name} in WebAssembly equals typed arrays to the bit`, () => assertSameOnAll(trial, backends, [1, 2]));

  it('differential: margins in WebAssembly equal typed arrays to the bit', () => assertSameOnAll(trialOf(networkMargins, (random) => {
    const { plan, X, state } = drawTrial(random, shapes[1]!, 700, 100, false);
    return [plan, X, Int32Array.from({ length: 700 }, (_, i) => i), state.weights, new Float32Array(3 * plan[planField.scratchLength]!), new Float64Array(700)];
  }, { scratch: [4] }), backends, [1, 2]));

  it('have a twin each', async () => {
    expect(await missingTwins([trainBatches, networkMargins], bytes!)).toEqual([]);
  });
});
