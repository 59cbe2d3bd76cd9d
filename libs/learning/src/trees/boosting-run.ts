import { strict as assert } from 'node:assert';
import type { FitContext, FitSettings } from '../family.ts';
import { numberOf } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import type { RecordLayout } from './boosting-layout.ts';
import { cellSize, node, plan, recordLayout, rule, shareStarts } from './boosting-layout.ts';
import type { BoostingTarget } from './boosting-target.ts';
import { scaleOf } from './boosting-target.ts';
import { growBoostedTree, scratchLength } from './grow-tree.ts';
import { floatAtMost } from './nearby-floats.ts';
import { binIntoRecords, cutsPerColumn } from './record-rows.ts';
import { nodeValue } from './split.ts';
import { followTree, share, updateRecords } from './update-records.ts';

/** Nodes of one grown tree: `count` times `node.size` numbers, values already shrunk; overwritten by the next. */
export interface GrownTree {
  readonly nodes: Float64Array;
  readonly count: number;
}

/** Mean losses after a tree. */
export interface Losses {
  readonly trained: number;
  /** NaN where no row is held out. */
  readonly heldOut: number;
}

const blockRows = 65_536;
/** Bytes that kept histograms take at most: what the data takes in float32, within bounds. The children of a leaf that lost its own are both counted. */
function histogramBytes(rowCount: number, columnCount: number): number {
  return Math.min(Math.max(2 ** 20, 4 * rowCount * columnCount), 48 * 2 ** 20);
}

/** The arrays of one fit, and the operations on them. */
export class BoostingRun {
  readonly #context: FitContext;
  readonly #target: BoostingTarget;
  readonly #layout: RecordLayout;
  readonly #ints: Int32Array;
  readonly #rules: Float64Array;
  readonly #cellStarts: Int32Array;
  readonly #candidates: Int32Array;
  readonly #nodes: Float64Array;
  readonly #segments: Int32Array;
  readonly #histograms: Float64Array;
  readonly #scratch: Float64Array;
  readonly #sums: Float64Array;
  readonly #front: Uint8Array;
  readonly #back: Uint8Array;
  readonly #heldOut: Uint8Array;
  readonly #trainedStarts: Int32Array;
  readonly #heldOutStarts: Int32Array;
  readonly #learningRate: number;
  readonly #rowShare: number;
  #largestResidual: number;

  private constructor(rowCount: number, trained: number, cuts: readonly Float64Array[], target: BoostingTarget, settings: FitSettings, context: FitContext) {
    const { compute } = context;
    const columnCount = cuts.length;
    const threads = compute.facts.threadCount;
    const leavesMax = Math.min(numberOf(settings.parameters, 'leaves'), trained);
    const nodesMax = 2 * leavesMax - 1;
    this.#context = context;
    this.#target = target;
    this.#largestResidual = target.largestResidual;
    this.#learningRate = numberOf(settings.parameters, 'learning_rate');
    this.#rowShare = numberOf(settings.parameters, 'row_share');
    this.#layout = recordLayout(columnCount, settings.task, target.wide);
    this.#cellStarts = compute.int32(columnCount + 1);
    cuts.forEach(({ length }, j) => { this.#cellStarts[j + 1] = this.#cellStarts[j]! + length + 2; });
    const histogramLength = this.#cellStarts[columnCount]! * cellSize;
    const slots = Math.max(4, Math.min(leavesMax + 1, Math.floor(histogramBytes(trained, columnCount) / (8 * histogramLength))));
    this.#ints = compute.int32(plan.length);
    this.#ints.set(planOf(this.#layout, settings, { leavesMax, slots, cellCount: this.#cellStarts[columnCount]!, shares: threads }));
    this.#rules = compute.float64(rule.length);
    this.#rules.set(rulesOf(target, settings));
    this.#candidates = compute.int32(columnCount);
    this.#nodes = compute.float64(nodesMax * node.size);
    this.#segments = compute.int32(nodesMax * 2 * threads);
    this.#histograms = compute.float64(slots * histogramLength);
    this.#scratch = compute.float64(threads * scratchLength(columnCount, slots));
    this.#sums = compute.float64(threads * share.size);
    this.#trainedStarts = compute.adopt(shareStarts(trained, threads));
    this.#heldOutStarts = compute.adopt(shareStarts(rowCount - trained, threads));
    this.#front = compute.uint8(trained * this.#layout.width);
    this.#back = compute.uint8(trained * this.#layout.width);
    this.#heldOut = compute.uint8((rowCount - trained) * this.#layout.width);
    for (let thread = 0; thread < threads; thread++) this.#segments.set(this.#trainedStarts.subarray(thread, thread + 2), 2 * thread);
    this.#nodes[node.left] = -1;
    this.#ints[plan.nodeCount] = 1;
  }

  /** Puts the rows into bins by `cuts`; the first `trained` learn, the others are held out. */
  static async start(prepared: PreparedRows, trained: number, cuts: readonly Float64Array[], target: BoostingTarget, settings: FitSettings, context: FitContext): Promise<BoostingRun> {
    const run = new BoostingRun(prepared.rowCount, trained, cuts, target, settings, context);
    const mark = context.compute.mark();
    const padded = context.compute.float32(cuts.length * cutsPerColumn).fill(Infinity);
    cuts.forEach((ofColumn, j) => padded.set(ofColumn.map(floatAtMost), j * cutsPerColumn));
    await run.#binRows(prepared, padded, 0, trained, run.#trainedStarts, run.#front);
    await run.#binRows(prepared, padded, trained, prepared.rowCount, run.#heldOutStarts, run.#heldOut);
    context.compute.release(mark);
    return run;
  }

  async #binRows(prepared: PreparedRows, cuts: Float32Array, first: number, end: number, starts: Int32Array, records: Uint8Array): Promise<void> {
    const { compute, pace } = this.#context;
    const mark = compute.mark();
    const most = Math.min(blockRows, end - first);
    const X = compute.float32(most * prepared.columnCount);
    const y = compute.float64(most);
    const { weights } = this.#target;
    const rowWeights = compute.float64(weights === undefined ? 0 : most);
    for (let start = first; start < end; start += blockRows) {
      const stop = Math.min(start + blockRows, end);
      prepared.read(start, stop, X);
      y.set(prepared.y.subarray(start, stop));
      if (weights !== undefined) rowWeights.set(weights.subarray(start, stop));
      if (pace.spend((stop - start) * prepared.columnCount)) await pace.pause();
      await compute.run(binIntoRecords, this.#ints, this.#rules, this.#cellStarts, cuts, starts, start - first, stop - start, X, y, rowWeights, weights === undefined ? 0 : 1, records);
    }
    compute.release(mark);
  }

  /** Ends the tree grown last, or starts from the bias; draws the rows that the next tree learns from. */
  async update(): Promise<Losses> {
    const { compute, random } = this.#context;
    const target = this.#target;
    const squaredError = this.#layout.squaredError;
    // A tree's values are at most as large as the largest residual before it, so the new ones stay below twice the scale.
    this.#rules[rule.scale] = scaleOf(squaredError, this.#largestResidual);
    if (this.#rowShare < 1) this.#rules[rule.drawSeed] = random.nextUint32();
    await compute.run(updateRecords, this.#ints, this.#rules, this.#cellStarts, this.#nodes, this.#segments, this.#histograms, this.#scratch, this.#sums, this.#front, this.#back);
    const trained = this.#takeLoss() / target.trainedWeight;
    this.#largestResidual = this.#largestOf();
    if (this.#heldOut.length === 0) return { trained, heldOut: NaN };
    await compute.run(followTree, this.#ints, this.#rules, this.#cellStarts, this.#nodes, this.#sums, this.#heldOutStarts, this.#heldOut);
    return { trained, heldOut: target.heldOutWeight > 0 ? this.#takeLoss() / target.heldOutWeight : NaN };
  }

  /** Grows a tree that splits on the first `candidates` of the columns, all of which are given; ties go to the first. */
  async grow(columns: Int32Array, candidates: number): Promise<GrownTree> {
    this.#candidates.set(columns);
    this.#ints[plan.candidates] = candidates;
    await this.#context.compute.run(growBoostedTree, this.#ints, this.#rules, this.#cellStarts, this.#candidates, this.#nodes, this.#segments, this.#histograms, this.#scratch, this.#front, this.#back);
    const nodes = this.#nodes;
    const count = this.#ints[plan.nodeCount]!;
    assert(count >= 1 && count * node.size <= nodes.length, `expected a tree of at most ${nodes.length / node.size} nodes, found ${count}`);
    for (let at = 0; at < count; at++) {
      const place = at * node.size;
      nodes[place + node.value] = nodeValue(nodes[place + node.gradient]!, nodes[place + node.hessian]!, this.#rules) * this.#learningRate;
    }
    return { nodes, count };
  }

  /** Loss over all shares: exact summands, so the number of shares doesn't show. */
  #takeLoss(): number {
    let sum = 0;
    for (let at = 0; at < this.#sums.length; at += share.size) sum += this.#sums[at + share.loss]!;
    return sum * this.#rules[rule.scale]! ** 2 * (this.#layout.wide ? 1 : 2 ** -24);
  }

  #largestOf(): number {
    let largest = 0;
    for (let at = 0; at < this.#sums.length; at += share.size) largest = Math.max(largest, this.#sums[at + share.largestResidual]!);
    return largest;
  }
}

function planOf(layout: RecordLayout, { parameters }: FitSettings, sizes: { leavesMax: number; slots: number; cellCount: number; shares: number }): Int32Array {
  const ints = new Int32Array(plan.length);
  for (const name of ['columnCount', 'width', 'label', 'margin', 'gradient', 'hessian', 'counted', 'weight', 'row'] as const) ints[plan[name]] = layout[name];
  for (const name of ['leavesMax', 'slots', 'cellCount', 'shares'] as const) ints[plan[name]] = sizes[name];
  ints[plan.wide] = +layout.wide;
  ints[plan.squaredError] = +layout.squaredError;
  const depth = numberOf(parameters, 'max_depth');
  ints[plan.depthMax] = depth === 0 ? 2 ** 30 : depth;
  return ints;
}

function rulesOf(target: BoostingTarget, { parameters }: FitSettings): Float64Array {
  const rules = new Float64Array(rule.length);
  rules[rule.l1] = numberOf(parameters, 'l1');
  rules[rule.l2] = numberOf(parameters, 'l2');
  rules[rule.minRows] = numberOf(parameters, 'min_rows_in_leaf');
  rules[rule.minHessian] = numberOf(parameters, 'min_hessian_in_leaf');
  rules[rule.scale] = 1;
  rules[rule.weightRounder] = target.rounder;
  rules[rule.negativeFactor] = target.negativeFactor;
  rules[rule.positiveFactor] = target.positiveFactor;
  const rowShare = numberOf(parameters, 'row_share');
  rules[rule.drawsBelow] = rowShare < 1 ? rowShare * 2 ** 32 : 2 ** 32;
  rules[rule.bias] = target.bias;
  return rules;
}
