import { crc32 } from './crc32.ts';
import type { Arithmetic, Parameters, Task } from './estimator.ts';

/** Typed-array payload of a model file; JSON can't carry NaN or minus zero, so every learned number lives in a section. */
export type Section = Float64Array | Float32Array | Int32Array | Uint8Array;

export interface ModelFile {
  readonly kind: string;
  readonly task: Task;
  readonly featureNames: readonly string[];
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly arithmetic: Arithmetic;
  readonly parameters: Parameters;
  readonly sections: Readonly<Record<string, Section>>;
}

export type ModelFileProblem = 'not-a-model' | 'unknown-version' | 'truncated' | 'corrupt' | 'unknown-kind';

/** Bytes that are not a model this version can read; `problem` is stable, the message is for people. */
export class ModelFileError extends Error {
  override readonly name = 'ModelFileError';
  readonly problem: ModelFileProblem;
  constructor(problem: ModelFileProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

const magic = [0x54, 0x49, 0x44, 0x45, 0x4d, 0x4f, 0x44, 0x4c]; // "TIDEMODL"
const currentVersion = 2;
const preambleBytes = 24;
const bytesPerElement = { f64: 8, f32: 4, i32: 4, u8: 1 } as const;
type SectionType = keyof typeof bytesPerElement;

interface SectionEntry { readonly name: string; readonly type: SectionType; readonly length: number }

/**
 * Layout, little-endian: magic (8), version u32, header bytes u32, section bytes u32, crc32 of everything else u32, then the
 * header as JSON padded with spaces to 8, then the sections in header order, each padded with zeros to 8.
 */
export function encodeModelFile(file: ModelFile): Uint8Array {
  const entries = Object.entries(file.sections).map(([name, data]): SectionEntry => ({ name, type: sectionType(data), length: data.length }));
  const { kind, task, featureNames, categories, arithmetic, parameters } = file;
  let header = JSON.stringify({ kind, task, featureNames, categories, arithmetic, parameters, sections: entries });
  while (new TextEncoder().encode(header).length % 8 !== 0) header += ' ';
  const headerBytes = new TextEncoder().encode(header);
  const sectionBytes = entries.reduce((sum, entry) => sum + paddedBytes(entry), 0);
  const bytes = new Uint8Array(preambleBytes + headerBytes.length + sectionBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint32(8, currentVersion, true);
  view.setUint32(12, headerBytes.length, true);
  view.setUint32(16, sectionBytes, true);
  bytes.set(headerBytes, preambleBytes);
  let at = preambleBytes + headerBytes.length;
  for (const entry of entries) {
    writeSection(view, at, file.sections[entry.name]!);
    at += paddedBytes(entry);
  }
  view.setUint32(20, checksum(bytes), true);
  return bytes;
}

/** Reads what `encodeModelFile` wrote; runs nothing from the file, and allocates nothing before lengths and checksum agree. */
export function decodeModelFile(bytes: Uint8Array): ModelFile {
  const { view, headerLength } = checkEnvelope(bytes);
  const header = parseHeader(bytes.subarray(preambleBytes, preambleBytes + headerLength));
  const sections: Record<string, Section> = Object.create(null) as Record<string, Section>;
  let at = preambleBytes + headerLength;
  for (const entry of header.entries) {
    if (at + paddedBytes(entry) > bytes.length) throw new ModelFileError('corrupt', `expected section ${entry.name} within ${bytes.length} bytes, found its end at ${at + paddedBytes(entry)}`);
    sections[entry.name] = readSection(view, at, entry);
    at += paddedBytes(entry);
  }
  if (at !== bytes.length) throw new ModelFileError('corrupt', `expected sections to fill ${bytes.length} bytes, found ${at}`);
  return { ...header.file, sections };
}

function checkEnvelope(bytes: Uint8Array): { view: DataView; headerLength: number } {
  if (bytes.length < magic.length || magic.some((byte, i) => bytes[i] !== byte)) {
    throw new ModelFileError('not-a-model', `expected a model file that starts with TIDEMODL, found ${bytes.length} other bytes`);
  }
  if (bytes.length < preambleBytes) throw new ModelFileError('truncated', `expected at least ${preambleBytes} bytes, found ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(8, true);
  if (version !== currentVersion) throw new ModelFileError('unknown-version', `expected model file version ${currentVersion}, found ${version}`);
  const headerLength = view.getUint32(12, true);
  const expectedBytes = preambleBytes + headerLength + view.getUint32(16, true);
  if (bytes.length < expectedBytes) throw new ModelFileError('truncated', `expected ${expectedBytes} bytes, found ${bytes.length}`);
  if (bytes.length > expectedBytes) throw new ModelFileError('corrupt', `expected ${expectedBytes} bytes, found ${bytes.length}`);
  const found = checksum(bytes);
  const expected = view.getUint32(20, true);
  if (found !== expected) throw new ModelFileError('corrupt', `expected checksum ${expected.toString(16)}, found ${found.toString(16)}`);
  return { view, headerLength };
}

/** The checksum covers every byte but its own four. */
function checksum(bytes: Uint8Array): number {
  return crc32(bytes.subarray(preambleBytes), crc32(bytes.subarray(0, 20)));
}

function parseHeader(bytes: Uint8Array): { file: Omit<ModelFile, 'sections'>; entries: readonly SectionEntry[] } {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ModelFileError('corrupt', `expected a JSON header, found ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (!isRecord(header)) throw new ModelFileError('corrupt', 'expected a JSON object as header');
  const { kind, task, featureNames, categories, arithmetic, parameters, sections } = header;
  if (typeof kind !== 'string') throw new ModelFileError('corrupt', 'expected the kind of model in the header');
  if (task !== 'classification' && task !== 'regression') throw new ModelFileError('corrupt', `expected a task in the header, found ${String(task)}`);
  if (!isArrayOf(featureNames, (name) => typeof name === 'string')) throw new ModelFileError('corrupt', 'expected feature names in the header');
  if (!isRecord(parameters) || !Object.values(parameters).every(isParameter)) throw new ModelFileError('corrupt', 'expected parameters that are numbers, words or lists of numbers in the header');
  if (!isRecord(categories) || !Object.values(categories).every((labels) => isArrayOf(labels, (label) => typeof label === 'string'))) throw new ModelFileError('corrupt', 'expected lists of categories in the header');
  if (!isRecord(arithmetic) || typeof arithmetic['kernelVersion'] !== 'number' || typeof arithmetic['exact'] !== 'boolean') throw new ModelFileError('corrupt', 'expected the arithmetic in the header');
  if (!isArrayOf(sections, isSectionEntry)) throw new ModelFileError('corrupt', 'expected a list of sections in the header');
  return {
    file: {
      kind, task, featureNames: featureNames as string[], categories: categories as Record<string, string[]>, arithmetic: arithmetic as unknown as Arithmetic,
      parameters: parameters as Parameters,
    },
    entries: sections as SectionEntry[],
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isArrayOf(value: unknown, holds: (item: unknown) => boolean): value is unknown[] {
  return Array.isArray(value) && value.every(holds);
}

function isParameter(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'string' || isArrayOf(value, (item) => typeof item === 'number');
}

function isSectionEntry(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { name, type, length } = value;
  return typeof name === 'string' && typeof type === 'string' && Object.hasOwn(bytesPerElement, type) && Number.isSafeInteger(length) && (length as number) >= 0;
}

function sectionType(data: Section): SectionType {
  if (data instanceof Float64Array) return 'f64';
  if (data instanceof Float32Array) return 'f32';
  return data instanceof Int32Array ? 'i32' : 'u8';
}

function paddedBytes(entry: SectionEntry): number {
  return Math.ceil((entry.length * bytesPerElement[entry.type]) / 8) * 8;
}

function writeSection(view: DataView, at: number, data: Section): void {
  if (data instanceof Float64Array) for (let i = 0; i < data.length; i++) view.setFloat64(at + 8 * i, data[i]!, true);
  else if (data instanceof Float32Array) for (let i = 0; i < data.length; i++) view.setFloat32(at + 4 * i, data[i]!, true);
  else if (data instanceof Int32Array) for (let i = 0; i < data.length; i++) view.setInt32(at + 4 * i, data[i]!, true);
  else for (let i = 0; i < data.length; i++) view.setUint8(at + i, data[i]!);
}

function readSection(view: DataView, at: number, entry: SectionEntry): Section {
  if (entry.type === 'f64') return Float64Array.from({ length: entry.length }, (_, i) => view.getFloat64(at + 8 * i, true));
  if (entry.type === 'f32') return Float32Array.from({ length: entry.length }, (_, i) => view.getFloat32(at + 4 * i, true));
  if (entry.type === 'i32') return Int32Array.from({ length: entry.length }, (_, i) => view.getInt32(at + 4 * i, true));
  return Uint8Array.from({ length: entry.length }, (_, i) => view.getUint8(at + i));
}

/** A section that must be there with this element type and, when given, length. */
export function float64Section(file: ModelFile, name: string, length?: number): Float64Array {
  const data = file.sections[name];
  if (!(data instanceof Float64Array) || (length !== undefined && data.length !== length)) throw missingSection(name, 'float64', length);
  return data;
}

export function float32Section(file: ModelFile, name: string, length?: number): Float32Array {
  const data = file.sections[name];
  if (!(data instanceof Float32Array) || (length !== undefined && data.length !== length)) throw missingSection(name, 'float32', length);
  return data;
}

export function int32Section(file: ModelFile, name: string, length?: number): Int32Array {
  const data = file.sections[name];
  if (!(data instanceof Int32Array) || (length !== undefined && data.length !== length)) throw missingSection(name, 'int32', length);
  return data;
}

export function uint8Section(file: ModelFile, name: string, length?: number): Uint8Array {
  const data = file.sections[name];
  if (!(data instanceof Uint8Array) || (length !== undefined && data.length !== length)) throw missingSection(name, 'uint8', length);
  return data;
}

function missingSection(name: string, type: string, length: number | undefined): ModelFileError {
  return new ModelFileError('corrupt', `expected a ${type} section ${name}${length === undefined ? '' : ` of length ${length}`}`);
}
