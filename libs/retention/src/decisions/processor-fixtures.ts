/** Sources as their YAML files define them and logs as batches of their topics, for specs alone. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { LogScanner } from '../records/log-scanner.ts';
import { packRecords } from '../records/pack-records.ts';
import { RecordCodec } from '../records/record-codec.ts';
import { createRefiner } from '../records/refine.ts';
import { parseSource } from '../sources/parse-source.ts';
import type { Source } from '../sources/source.ts';
import type { RecordBatchLike } from './live-outputs.ts';
import type { LiveModel } from './live-scorer.ts';
import { type ProcessedBatch, SourceProcessor } from './source-processor.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');
const SCHEMA_ID = 7;
export const TRANSITION_SCHEMA_ID = 9;

export function readSource(name: string, edit: (file: string, text: string) => string = (_, text) => text): Source {
  const file = (part: string): { path: string; text: string } => {
    const path = `sources/${name}/${part}.yaml`;
    return { path, text: edit(part, readFileSync(resolve(ROOT, path), 'utf8')) };
  };
  const { source, problems } = parseSource({ schema: file('schema'), features: file('features'), models: file('models'), deployment: file('deployment') });
  if (source === undefined) throw new Error(JSON.stringify(problems));
  return source;
}

/** A file of real data, unzipped; undefined where the data are not at hand. `shared` is their folder when it is not beside the checkout. */
export function realData(path: string, shared: string | undefined): Uint8Array | undefined {
  const folders = [shared ?? '', resolve(ROOT, '../shared'), resolve(ROOT, '../../shared')];
  const found = folders.filter((folder) => folder !== '').map((folder) => resolve(folder, path)).find((file) => existsSync(file));
  if (found === undefined) return undefined;
  const bytes = readFileSync(found);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

export function codecOf(source: Source): RecordCodec {
  return new RecordCodec(source, SCHEMA_ID);
}

/** The batches that replaying a log in chunks puts on one partition of the source's topic. */
export function batchesOf(source: Source, blocks: Iterable<Uint8Array>, chunkRows: number, partition = 0, partitions = 1): RecordBatchLike[] {
  const scanner = new LogScanner(source, { chunkRows, byteOffset: 0, skipHeader: source.format.header });
  const refine = createRefiner(source);
  const codec = codecOf(source);
  const batches: RecordBatchLike[] = [];
  let baseOffset = 0;
  const take = (chunk: ReturnType<LogScanner['push']>[number]): void => {
    const { batch, kept } = refine(chunk.batch);
    for (const packed of packRecords(source, codec, { batch, kept, byteOffsets: chunk.byteOffsets }, { fileId: 'file-1', loop: 0, createdAtMs: 5, partitions })) {
      if (packed.partition !== partition) continue;
      batches.push({ ...packed.records, topic: `raw.${source.name}`, partition, baseOffset });
      baseOffset += packed.records.count;
    }
  };
  for (const block of blocks) for (const chunk of scanner.push(block)) take(chunk);
  const last = scanner.end();
  if (last !== undefined) take(last);
  return batches;
}

export function processorOf(source: Source, partition = 0): SourceProcessor {
  return new SourceProcessor(source, { partition, codec: codecOf(source), transitionSchemaId: TRANSITION_SCHEMA_ID });
}

/** Values of one topic among the outputs, in order. */
export function valuesOf(processed: readonly ProcessedBatch[], topic: string): Buffer[] {
  return processed.flatMap(({ appends }) => appends).filter((append) => append.topic === topic).flatMap(({ records }) =>
    Array.from({ length: records.count }, (_, row) => Buffer.from(records.values.subarray(records.valueOffsets[row], records.valueOffsets[row + 1]))));
}

/** A logistic model with made-up weights; nulls count as 0. */
export function logisticModel(featureNames: readonly string[]): LiveModel {
  const weights = featureNames.map((_, k) => ((k * 7) % 5 - 2) / 10);
  const term = (features: Float64Array, k: number): number => Number.isNaN(features[k]) ? 0 : weights[k] * Math.log1p(Math.abs(features[k]));
  return {
    name: 'churn-test', version: '3', kind: 'logistic-regression', target: 'churn', featureNames,
    assess: (features, contributions) => {
      let margin = -0.3;
      for (let k = 0; k < features.length; k++) margin += contributions[k] = term(features, k);
      return 1 / (1 + Math.exp(-margin));
    },
  };
}
