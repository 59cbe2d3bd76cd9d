/* One of our models, fitted and asked in a process of its own: `learning-fit <index in learning-models> <folder of table A> <backend>`; one JSON line. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { createEstimator, createWasmKernels, plainKernels, r2, Random, rocAuc, type Kernels } from '#tideline/learning';
import { WorkerThreadsPool } from '#tideline/platform';
import { benchedModels, trainRowsOf } from './learning-models.ts';
import { peakMemoryMb } from './inputs.ts';
import type { LearningTimes } from './learning-times.ts';

const ALL_FEATURES = 30;
const TRAIN_ROWS = 800_000;
const TEST_ROWS = 200_000;
const THREADS = 2;
const ROWS_ASKED = 2000;

const [index, folder, backend] = process.argv.slice(2) as [string, string, string];
const benched = benchedModels[Number(index)]!;
const { definition, features = ALL_FEATURES } = benched;
const trainRows = trainRowsOf(benched);
const contributions = new Float64Array(features);

/** Bytes of the file from `start`, straight into the array. */
function readInto<A extends Float32Array | Uint8Array>(name: string, start: number, values: A): A {
  const file = openSync(join(folder, name), 'r');
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let at = 0; at < bytes.length;) at += readSync(file, bytes, at, Math.min(1 << 26, bytes.length - at), start * values.BYTES_PER_ELEMENT + at);
  closeSync(file);
  return values;
}

function readFeatures(start: number, rowCount: number): Float32Array {
  const all = readInto('A.f32', start * ALL_FEATURES, new Float32Array(rowCount * ALL_FEATURES));
  if (features === ALL_FEATURES) return all;
  return Float32Array.from({ length: rowCount * features }, (_, at) => all[Math.floor(at / features) * ALL_FEATURES + (at % features)]!);
}

function readTargets(start: number, rowCount: number): Float64Array {
  return Float64Array.from(definition.task === 'classification' ? readInto('A_y.u8', start, new Uint8Array(rowCount)) : readInto('A_r.f32', start, new Float32Array(rowCount)));
}

async function kernelsNamed(name: string): Promise<Kernels> {
  if (name === 'plain') return plainKernels;
  return createWasmKernels({ bytes: readFileSync('dist/kernels/kernels.wasm'), pool: new WorkerThreadsPool(THREADS) });
}

const kernels = await kernelsNamed(backend);
const bareMb = peakMemoryMb();
const featureNames = Array.from({ length: features }, (_, j) => `x${j}`);
const options = { random: new Random(42), kernels, yieldToLoop: () => new Promise<void>((resolve) => setImmediate(resolve)) };
const data = { rowCount: trainRows, columnCount: features, X: readFeatures(0, trainRows), y: readTargets(0, trainRows), featureNames };
const [fitStart, cpuStart] = [performance.now(), process.cpuUsage()];
const model = await createEstimator(definition).fit(data, options);
const fitSeconds = (performance.now() - fitStart) / 1000;
const cpu = process.cpuUsage(cpuStart);
const memoryMb = peakMemoryMb() - bareMb;

/** Typed arrays are timed for what they learn only: asking thousands of support vectors for 200,000 rows would take minutes. */
async function predicted(): Promise<Pick<LearningTimes, 'predictSeconds' | 'score' | 'rowMicroseconds' | 'reasonsMicroseconds'>> {
  if (backend === 'plain') return {};
  const [X, y] = [readFeatures(TRAIN_ROWS, TEST_ROWS), readTargets(TRAIN_ROWS, TEST_ROWS)];
  const start = performance.now();
  const scores = await model.scoreInBatch(X, TEST_ROWS, options);
  const predictSeconds = (performance.now() - start) / 1000;
  const rows = benched.held === 'predict' && model.hasReasons ? { rowMicroseconds: eachRow(X, (row) => model.scoreRow(row)), reasonsMicroseconds: eachRow(X, (row) => model.assessRow(row, contributions)) } : {};
  return { predictSeconds, ...rows, score: { rocAuc: () => rocAuc(y, scores), r2: () => r2(y, scores), finalLoss: () => model.history.at(-1)!, none: () => undefined }[benched.score]() };
}

/** Microseconds a row, the best of five passes over 2,000: the first also builds what the model keeps to answer faster. */
function eachRow(X: Float32Array, ask: (row: Float32Array) => void): number {
  let best = Infinity;
  for (let pass = 0; pass < 5; pass++) {
    const start = performance.now();
    for (let row = 0; row < ROWS_ASKED; row++) ask(X.subarray(row * features, (row + 1) * features));
    best = Math.min(best, ((performance.now() - start) * 1000) / ROWS_ASKED);
  }
  return best;
}

const times: LearningTimes = { fitSeconds, fitCpuSeconds: (cpu.user + cpu.system) / 1e6, memoryMb, bareMb, ...(await predicted()), backend: kernels.facts.backend, bytes: model.save().byteLength };
process.stdout.write(`${JSON.stringify(times)}\n`);
