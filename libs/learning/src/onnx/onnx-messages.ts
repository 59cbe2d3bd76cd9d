import protobuf from 'protobufjs/minimal.js';

/**
 * The few messages of the ONNX format (onnx.proto3, IR version 8) that an exported model consists of, as values, and their protobuf
 * encoding. Field and type numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
 */
export interface OnnxModel {
  readonly graph: OnnxGraphContent;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly producer: string;
  readonly documentation: string;
  /** Facts for people and tools, by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface OnnxGraphContent {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxNode {
  readonly operator: string;
  /** The empty domain is ONNX itself; `ai.onnx.ml` has the tree ensembles. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export type OnnxAttribute =
  | { readonly int: number } | { readonly float: number } | { readonly string: string }
  | { readonly ints: ArrayLike<number> } | { readonly floats: ArrayLike<number> } | { readonly strings: readonly string[] };

export type ElementType = 'float32' | 'float64' | 'int64' | 'bool';

export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** An input or output of the graph; a size that is only known when it runs has a name instead. */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

const IR_VERSION = 8;
const elementTypes: Readonly<Record<ElementType, { readonly number: number; readonly bytes: number }>> = {
  float32: { number: 1, bytes: 4 }, int64: { number: 7, bytes: 8 }, bool: { number: 9, bytes: 1 }, float64: { number: 11, bytes: 8 },
};
const attributeTypes = { float: 1, int: 2, string: 3, floats: 6, ints: 7, strings: 8 } as const;

type Writer = protobuf.Writer;

/** Number of an element type, as the operator `Cast` names its target. */
export const elementTypeNumber = (type: ElementType): number => elementTypes[type].number;

/** Bytes of the model's protobuf message; equal models give equal bytes. */
export function encodeOnnxModel(model: OnnxModel): Uint8Array {
  const writer = new protobuf.Writer();
  int(writer, 1, IR_VERSION);
  text(writer, 2, model.producer);
  text(writer, 6, model.documentation);
  message(writer, 7, () => writeGraph(writer, model.graph));
  for (const { domain, version } of model.opsets) message(writer, 8, () => int(text(writer, 1, domain), 2, version));
  for (const [key, value] of Object.entries(model.metadata)) message(writer, 14, () => text(text(writer, 1, key), 2, value));
  return Uint8Array.from(writer.finish());
}

function writeGraph(writer: Writer, graph: OnnxGraphContent): void {
  for (const node of graph.nodes) message(writer, 1, () => writeNode(writer, node));
  text(writer, 2, graph.name);
  for (const tensor of graph.constants) message(writer, 5, () => writeTensor(writer, tensor));
  for (const value of graph.inputs) message(writer, 11, () => writeValue(writer, value));
  for (const value of graph.outputs) message(writer, 12, () => writeValue(writer, value));
}

function writeNode(writer: Writer, { operator, domain, inputs, outputs, attributes }: OnnxNode): void {
  for (const name of inputs) text(writer, 1, name);
  for (const name of outputs) text(writer, 2, name);
  text(writer, 3, outputs[0]!);
  text(writer, 4, operator);
  for (const [name, attribute] of Object.entries(attributes)) message(writer, 5, () => writeAttribute(text(writer, 1, name), attribute));
  if (domain !== '') text(writer, 7, domain);
}

function writeAttribute(writer: Writer, attribute: OnnxAttribute): void {
  if ('float' in attribute) writer.uint32((2 << 3) | 5).float(attribute.float);
  else if ('int' in attribute) int(writer, 3, attribute.int);
  else if ('string' in attribute) text(writer, 4, attribute.string);
  else if ('floats' in attribute) packed(writer, 7, attribute.floats, (value) => writer.float(value));
  else if ('ints' in attribute) packed(writer, 8, attribute.ints, (value) => writer.int64(value));
  else for (const value of attribute.strings) text(writer, 9, value);
  int(writer, 20, attributeTypes[Object.keys(attribute)[0] as keyof typeof attributeTypes]);
}

function writeTensor(writer: Writer, { name, type, shape, values }: OnnxTensor): void {
  packed(writer, 1, shape, (size) => writer.int64(size));
  int(writer, 2, elementTypes[type].number);
  text(writer, 8, name);
  writer.uint32((9 << 3) | 2).bytes(littleEndian(type, values));
}

function littleEndian(type: ElementType, values: ArrayLike<number>): Uint8Array {
  const { bytes } = elementTypes[type];
  const raw = new Uint8Array(values.length * bytes);
  const view = new DataView(raw.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (type === 'float32') view.setFloat32(4 * i, value, true);
    else if (type === 'float64') view.setFloat64(8 * i, value, true);
    else if (type === 'int64') view.setBigInt64(8 * i, BigInt(value), true);
    else raw[i] = value;
  }
  return raw;
}

function writeValue(writer: Writer, { name, type, shape }: OnnxValue): void {
  text(writer, 1, name);
  message(writer, 2, () => message(writer, 1, () => {
    int(writer, 1, elementTypes[type].number);
    message(writer, 2, () => {
      for (const size of shape) message(writer, 1, () => (typeof size === 'number' ? int(writer, 1, size) : text(writer, 2, size)));
    });
  }));
}

function message(writer: Writer, field: number, write: () => void): void {
  writer.uint32((field << 3) | 2).fork();
  write();
  writer.ldelim();
}

function packed(writer: Writer, field: number, values: ArrayLike<number>, write: (value: number) => void): void {
  message(writer, field, () => {
    for (let i = 0; i < values.length; i++) write(values[i]!);
  });
}

function text(writer: Writer, field: number, value: string): Writer {
  return writer.uint32((field << 3) | 2).string(value);
}

function int(writer: Writer, field: number, value: number): Writer {
  return writer.uint32(field << 3).int64(value);
}
