import type { ElementType, OnnxAttribute, OnnxGraphContent, OnnxNode, OnnxTensor, OnnxValue } from './onnx-messages.ts';
import { elementTypeNumber } from './onnx-messages.ts';

/**
 * A graph while it is built: every method adds nodes and returns the name of the value they compute. Values are matrices with a row per
 * row of the input unless said otherwise, and broadcast as in numpy.
 */
export class OnnxGraph {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxTensor[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #input: OnnxValue;
  #names = 0;

  constructor(input: OnnxValue) {
    this.#input = input;
  }

  /** Name of the graph's one input. */
  get input(): string {
    return this.#input.name;
  }

  /** One operator with one output. */
  add(operator: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}, domain = ''): string {
    const name = this.#newName(operator);
    this.#nodes.push({ operator, domain, inputs, outputs: [name], attributes });
    return name;
  }

  float64(values: ArrayLike<number>, shape: readonly number[] = [1, values.length]): string {
    return this.#constant('float64', values, shape);
  }

  /** One number, [1, 1] in float64. */
  number(value: number): string {
    return this.float64([value], [1, 1]);
  }

  float32(values: ArrayLike<number>, shape: readonly number[] = [1, values.length]): string {
    return this.#constant('float32', values, shape);
  }

  /** Shape [length] unless said otherwise, as operators take their indices. */
  int64(values: ArrayLike<number>, shape: readonly number[] = [values.length]): string {
    return this.#constant('int64', values, shape);
  }

  /** 0 is false. */
  bool(values: ArrayLike<number>, shape: readonly number[] = [1, values.length]): string {
    return this.#constant('bool', values, shape);
  }

  cast(value: string, type: ElementType): string {
    return this.add('Cast', [value], { to: { int: elementTypeNumber(type) } });
  }

  /** Columns of a matrix by index, in that order; an index may repeat. */
  columns(value: string, indices: ArrayLike<number>): string {
    return this.add('Gather', [value, this.int64(indices)], { axis: { int: 1 } });
  }

  /** Matrices side by side; one alone is itself. */
  beside(matrices: readonly string[]): string {
    return matrices.length === 1 ? matrices[0]! : this.add('Concat', matrices, { axis: { int: 1 } });
  }

  /** The same row of numbers for every row of the input: [rows, values]. */
  repeat(constant: string, columnCount = 1): string {
    const rows = this.add('Shape', [this.input], { start: { int: 0 }, end: { int: 1 } });
    return this.add('Expand', [constant, this.add('Concat', [rows, this.int64([columnCount])], { axis: { int: 0 } })]);
  }

  /** Sum over the columns of a matrix: [rows, 1]. */
  sumColumns(value: string): string {
    return this.add('ReduceSum', [value, this.int64([1])], { keepdims: { int: 1 } });
  }

  /** Makes a [rows, 1] value an output of shape [rows]. */
  output(name: string, value: string, type: ElementType): void {
    this.#nodes.push({ operator: 'Squeeze', domain: '', inputs: [this.cast(value, type), this.int64([1])], outputs: [name], attributes: {} });
    this.#outputs.push({ name, type, shape: ['rows'] });
  }

  content(name: string): OnnxGraphContent {
    return { name, nodes: this.#nodes, constants: this.#constants, inputs: [this.#input], outputs: this.#outputs };
  }

  #constant(type: ElementType, values: ArrayLike<number>, shape: readonly number[]): string {
    const name = this.#newName('constant');
    this.#constants.push({ name, type, shape, values });
    return name;
  }

  #newName(kind: string): string {
    return `${kind}_${this.#names++}`;
  }
}
