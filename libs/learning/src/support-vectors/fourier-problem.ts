import { laneCount } from '../clusters/row-lanes.ts';
import { overShards, shardCount } from '../clusters/shards.ts';
import type { FitContext } from '../family.ts';
import type { Objective } from '../linear/minimize.ts';
import { fourierHinge } from './fourier-hinge.ts';
import type { FourierMap } from './fourier-map.ts';

export interface FourierRows {
  readonly X: Float32Array;
  readonly rowCount: number;
  readonly columnCount: number;
  /** 1 or -1. */
  readonly signs: Float64Array;
  /** c x weight x balance of each row. */
  readonly prices: Float64Array;
}

/**
 * (1/2 |w|^2 + sum of prices x max(0, 1 - sign x decision)^2) / rows, in the coefficients w of sqrt(2 / components) x cosines and, last,
 * the free bias: the objective of scikit-learn's `LinearSVC` on such features. Convex, with one minimum.
 */
export class FourierProblem implements Objective {
  readonly #rows: FourierRows;
  readonly #map: FourierMap;
  readonly #compute: FitContext['compute'];
  readonly #coefficients: Float64Array;
  readonly #sums: Float64Array;
  readonly #scratch: Float32Array;
  readonly #frequencies: Float32Array;
  readonly #offsets: Float32Array;

  constructor(rows: FourierRows, map: FourierMap, compute: FitContext['compute']) {
    const padded = map.offsets.length;
    this.#rows = { ...rows, signs: compute.adopt(rows.signs), prices: compute.adopt(rows.prices) };
    this.#map = map;
    this.#compute = compute;
    this.#frequencies = compute.adopt(map.frequencies);
    this.#offsets = compute.adopt(map.offsets);
    this.#coefficients = compute.float64(padded);
    this.#sums = compute.float64(shardCount * (padded + 2));
    this.#scratch = compute.float32(4 * padded * compute.facts.threadCount);
  }

  async evaluate(v: Float64Array, gradient: Float64Array): Promise<number> {
    const { X, rowCount, columnCount, signs, prices } = this.#rows;
    const { componentCount } = this.#map;
    const padded = this.#offsets.length;
    const norm = Math.sqrt(2 / componentCount);
    for (let k = 0; k < componentCount; k++) this.#coefficients[k] = norm * v[k]!;
    await this.#compute.run(fourierHinge, X, columnCount, rowCount, this.#frequencies, this.#offsets, padded, this.#coefficients, v[componentCount]!, signs, prices, this.#sums, this.#scratch);
    const stride = padded + 2;
    let value = overShards(this.#sums, stride, padded + 1);
    for (let k = 0; k < componentCount; k++) {
      gradient[k] = (norm * overShards(this.#sums, stride, k) + v[k]!) / rowCount;
      value += (v[k]! * v[k]!) / 2;
    }
    gradient[componentCount] = overShards(this.#sums, stride, padded) / rowCount;
    return value / rowCount;
  }

  /** Coefficients of the bare cosines, whole blocks. */
  coefficientsOf(v: Float64Array): Float64Array {
    const { componentCount } = this.#map;
    const out = new Float64Array(Math.ceil(componentCount / laneCount) * laneCount);
    for (let k = 0; k < componentCount; k++) out[k] = Math.sqrt(2 / componentCount) * v[k]!;
    return out;
  }
}
