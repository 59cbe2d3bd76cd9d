import { escapePointer, invalidRequest, Problem } from '../problems/problem.ts';
import type { ServedModel } from '../models/served-model.ts';

/** One row to score: features by name (missing ones count as unknown) or all of them in model order; null is unknown. */
export type FeatureInput = Readonly<Record<string, number | null>> | readonly (number | null)[];

/** A feature's share of one prediction, in log-odds for classification, else in the target's unit. */
export interface Reason {
  readonly feature: string;
  readonly value: number | null;
  readonly contribution: number;
}

export interface Prediction {
  readonly prediction: number;
  /** Null for regression. */
  readonly churn_probability: number | null;
  /** Probability of the predicted class; null for regression. */
  readonly confidence: number | null;
  readonly model: { readonly name: string; readonly version: string; readonly kind: string };
  readonly reasons?: readonly Reason[];
  /** Features of the model that the request left out and that counted as unknown. */
  readonly missing?: readonly string[];
}

const REASON_COUNT = 5;

/** Scores rows with one served model; holds the row's buffers, so answering allocates little. Not re-entrant, and never awaits. */
export class Predictor {
  readonly served: ServedModel;
  readonly #x: Float64Array;
  readonly #contributions: Float64Array;
  /** 1 where the request named the feature, also when it said null. */
  readonly #given: Uint8Array;
  readonly #label: { name: string; version: string; kind: string };

  constructor(served: ServedModel) {
    this.served = served;
    this.#x = new Float64Array(served.model.featureNames.length);
    this.#contributions = new Float64Array(served.model.featureNames.length);
    this.#given = new Uint8Array(served.model.featureNames.length);
    this.#label = { name: served.name, version: served.version, kind: served.model.kind };
  }

  /** Throws a 400 problem that names the feature when one is unknown to the model; `pointer` leads to the features in the body. */
  predict(features: FeatureInput, pointer: string, withReasons: boolean): Prediction {
    const given = Array.isArray(features) ? this.#fillInOrder(features, pointer) : this.#fillByName(features as Readonly<Record<string, number | null>>, pointer);
    return this.#answer(withReasons, given);
  }

  /** The same from a vector in the order of `names` (a live state). */
  predictState(names: readonly string[], values: readonly (number | null)[], withReasons: boolean): Prediction {
    this.#x.fill(NaN);
    this.#given.fill(0);
    let given = 0;
    for (let i = 0; i < names.length; i++) {
      const index = this.served.featureIndex.get(names[i]!);
      if (index === undefined) continue;
      this.#x[index] = values[i] ?? NaN;
      this.#given[index] = 1;
      given++;
    }
    return this.#answer(withReasons, given);
  }

  #fillByName(features: Readonly<Record<string, number | null>>, pointer: string): number {
    this.#x.fill(NaN);
    this.#given.fill(0);
    let given = 0;
    for (const name in features) {
      const index = this.served.featureIndex.get(name);
      if (index === undefined) {
        const known = this.served.model.featureNames.join(', ');
        throw invalidRequest([{ pointer: `${pointer}/${escapePointer(name)}`, detail: `expected a feature of ${this.served.name} (${known}), found ${name}` }]);
      }
      this.#x[index] = features[name] ?? NaN;
      this.#given[index] = 1;
      given++;
    }
    if (given === 0) throw invalidRequest([{ pointer, detail: 'expected at least one feature, found none' }]);
    return given;
  }

  #fillInOrder(features: readonly (number | null)[], pointer: string): number {
    const expected = this.#x.length;
    if (features.length !== expected) {
      throw invalidRequest([{ pointer, detail: `expected ${expected} numbers in the order of the model's features, found ${features.length}` }]);
    }
    for (let i = 0; i < expected; i++) this.#x[i] = features[i] ?? NaN;
    return expected;
  }

  #answer(withReasons: boolean, given: number): Prediction {
    const { model } = this.served;
    const value = model.scoreRow(this.#x);
    const isClass = model.task === 'classification';
    const prediction = isClass ? (value >= 0.5 ? 1 : 0) : value;
    return {
      prediction,
      churn_probability: isClass ? value : null,
      confidence: isClass ? Math.max(value, 1 - value) : null,
      model: this.#label,
      ...(withReasons ? { reasons: this.#reasons() } : {}),
      ...(given < this.#x.length ? { missing: model.featureNames.filter((_, index) => this.#given[index] === 0) } : {}),
    };
  }

  #reasons(): Reason[] {
    const { model } = this.served;
    model.explainRow(this.#x, this.#contributions);
    const order = Array.from(this.#contributions.keys());
    order.sort((a, b) => Math.abs(this.#contributions[b]!) - Math.abs(this.#contributions[a]!) || a - b);
    return order.slice(0, REASON_COUNT).filter((index) => this.#contributions[index] !== 0).map((index) => ({
      feature: model.featureNames[index]!,
      value: Number.isFinite(this.#x[index]!) ? this.#x[index]! : null,
      contribution: this.#contributions[index]!,
    }));
  }
}

/** The 503 of a source that no model serves yet. */
export function noChampion(source: string): Problem {
  return new Problem(503, 'no-champion', 'No model serves this source yet', `expected a champion of churn-${source}, found none; train one with: npx tideline train ${source}`, { source });
}
