/** How a hidden unit answers to its input. */
export type Activation = 'relu' | 'tanh';

/** Whole numbers that the operations read, in this order; a record of `layerFields` per layer follows. */
export const planField = {
  layerCount: 0, activation: 1, regression: 2, weighted: 3, columnCount: 4,
  /** Rows of a batch, of one shard of it (a multiple of 4), and shards of a whole batch. */
  batchRows: 5, shardRows: 6, shardCount: 7,
  /** Rows that an epoch visits, and the batches of it that this run does. */
  rowCount: 8, batchStart: 9, batchEnd: 10,
  /** Elements of all weights, and of the working space that a thread needs for one shard. */
  weightLength: 11, scratchLength: 12,
  firstLayer: 16,
} as const;

/** Whole numbers in a layer's record, the last one unused. */
const layerFields = 8;

/** Shards of a batch at least: the share of work that threads divide, fixed so that their number shows in no result. */
const shardsAtLeast = 4;
/** Float32 sums run over this many rows at most. */
const shardRowsAtMost = 256;

export interface NetworkShape {
  readonly columnCount: number;
  readonly hidden: readonly number[];
  readonly activation: Activation;
  readonly regression: boolean;
}

interface BatchShape {
  readonly weighted: boolean;
  readonly batchRows: number;
  readonly rowCount: number;
}

/**
 * Where everything lies. Each layer's weights are a row-major matrix of paddedInputs x paddedOutputs: one row per input, then the bias as
 * the row of an input that is always 1, then zeros. Widths are padded to multiples of 4 with zeros, which training leaves at zero.
 */
export function planNetwork(shape: NetworkShape, batch: BatchShape): Int32Array {
  const widths = [shape.columnCount, ...shape.hidden, 1];
  const layerCount = widths.length - 1;
  const plan = new Int32Array(planField.firstLayer + layerFields * layerCount);
  const shardRows = Math.min(shardRowsAtMost, paddedTo4(Math.ceil(batch.batchRows / shardsAtLeast)));
  let weightLength = 0;
  let scratchLength = 0;
  for (let layer = 0; layer < layerCount; layer++) {
    const [inputs, outputs] = [widths[layer]!, widths[layer + 1]!];
    const [paddedInputs, paddedOutputs] = [paddedTo4(inputs + 1), paddedTo4(outputs)];
    const input = scratchLength;
    const output = input + shardRows * paddedInputs;
    plan.set([inputs, outputs, paddedInputs, paddedOutputs, weightLength, input, output], planField.firstLayer + layerFields * layer);
    weightLength += paddedInputs * paddedOutputs;
    scratchLength = output + shardRows * paddedOutputs;
  }
  plan[planField.layerCount] = layerCount;
  plan[planField.activation] = shape.activation === 'tanh' ? 1 : 0;
  plan[planField.regression] = shape.regression ? 1 : 0;
  plan[planField.weighted] = batch.weighted ? 1 : 0;
  plan[planField.columnCount] = shape.columnCount;
  plan[planField.batchRows] = batch.batchRows;
  plan[planField.shardRows] = shardRows;
  plan[planField.shardCount] = Math.ceil(batch.batchRows / shardRows);
  plan[planField.rowCount] = batch.rowCount;
  plan[planField.weightLength] = weightLength;
  plan[planField.scratchLength] = scratchLength;
  return plan;
}

/** One layer's record: real and padded widths, where its weights begin among all, and its input and output in the working space. */
interface LayerPlan {
  readonly inputs: number;
  readonly outputs: number;
  readonly paddedInputs: number;
  readonly paddedOutputs: number;
  readonly weights: number;
  readonly input: number;
  readonly output: number;
}

export function layerOf(plan: Int32Array, layer: number): LayerPlan {
  const at = planField.firstLayer + layerFields * layer;
  const [inputs, outputs, paddedInputs, paddedOutputs, weights, input, output] = plan.subarray(at, at + layerFields) as unknown as [number, number, number, number, number, number, number];
  return { inputs, outputs, paddedInputs, paddedOutputs, weights, input, output };
}

function paddedTo4(width: number): number {
  return 4 * Math.ceil(width / 4);
}
