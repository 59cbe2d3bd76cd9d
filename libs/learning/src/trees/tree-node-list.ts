import type { TreeNodes } from './tree-ensemble.ts';

/** A split as a tree grew it; children are counted from the tree's own root. */
export interface GrownSplit {
  readonly feature: number;
  /** Values at most this go left. */
  readonly threshold: number;
  readonly left: number;
  readonly right: number;
  readonly missingLeft: boolean;
}

/** Collects grown trees, node by node, into the flat arrays of an ensemble. */
export class TreeNodeList {
  readonly #roots: number[] = [];
  readonly #feature: number[] = [];
  readonly #threshold: number[] = [];
  readonly #left: number[] = [];
  readonly #right: number[] = [];
  readonly #missingLeft: number[] = [];
  readonly #value: number[] = [];
  readonly #cover: number[] = [];
  #root = 0;

  /** The next node added is the root of a further tree. */
  startTree(): void {
    this.#root = this.#feature.length;
    this.#roots.push(this.#root);
  }

  /** `split` is undefined for a leaf; `value` is what the tree would add if it ended here, `cover` the weight of the rows that came here. */
  add(split: GrownSplit | undefined, value: number, cover: number): void {
    this.#feature.push(split?.feature ?? -1);
    this.#threshold.push(split?.threshold ?? 0);
    this.#left.push(split === undefined ? -1 : this.#root + split.left);
    this.#right.push(split === undefined ? -1 : this.#root + split.right);
    this.#missingLeft.push(split?.missingLeft === true ? 1 : 0);
    this.#value.push(value);
    this.#cover.push(cover);
  }

  /** The first `trees` of them. */
  toNodes(trees = Infinity): TreeNodes {
    const count = this.#roots[trees] ?? this.#feature.length;
    return {
      roots: Int32Array.from(this.#roots.slice(0, trees)), feature: Int32Array.from(this.#feature.slice(0, count)), threshold: Float64Array.from(this.#threshold.slice(0, count)),
      left: Int32Array.from(this.#left.slice(0, count)), right: Int32Array.from(this.#right.slice(0, count)), missingLeft: Uint8Array.from(this.#missingLeft.slice(0, count)),
      value: Float64Array.from(this.#value.slice(0, count)), cover: Float64Array.from(this.#cover.slice(0, count)),
    };
  }
}
