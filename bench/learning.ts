/* `npm run bench -- learning [model …]`: each model beside its peer, ours and the peer's in turn, each in a process of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { definitionProblems } from '#tideline/learning';
import { scratch } from './inputs.ts';
import { benchedModels, trainRowsOf, type BenchedModel } from './learning-models.ts';
import { median, type LearningTimes } from './learning-times.ts';
import type { Figure } from './measures.ts';
import { report } from './report.ts';

const PAIRS = Number(process.env['BENCH_PAIRS'] ?? '3');
const LONGEST_MS = 900_000;
const self = fileURLToPath(import.meta.url);
const program = join(self, '..', `learning-fit${extname(self)}`);
const peersProgram = 'bench/learning-peers.py';
const python = process.env['TIDELINE_PEERS_PYTHON'];
const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** One model's measurements; peers' are missing where no Python was named. */
interface Measured {
  readonly model: BenchedModel;
  readonly ours: readonly LearningTimes[];
  readonly peers: readonly LearningTimes[];
  readonly plain: LearningTimes | undefined;
}

/** The folder of table A: the one that `TIDELINE_TABLE_A` names, or one made by the peers' Python. */
function tableFolder(): string | undefined {
  const folder = process.env['TIDELINE_TABLE_A'] ?? join(scratch, 'table-a');
  if (existsSync(join(folder, 'A_r.f32'))) return folder;
  if (python === undefined) return undefined;
  note(`making table A in ${folder} …`);
  mkdirSync(folder, { recursive: true });
  const made = spawnSync(python, [peersProgram, 'make', folder], { stdio: 'inherit' });
  return made.status === 0 ? folder : undefined;
}

function timesOf(what: string, command: string, args: readonly string[]): LearningTimes | undefined {
  const done = spawnSync(command, args, { encoding: 'utf8', timeout: LONGEST_MS, maxBuffer: 1 << 26 });
  const line = (done.stdout ?? '').trim().split('\n').at(-1) ?? '';
  if (done.status === 0 && line.startsWith('{')) return JSON.parse(line) as LearningTimes;
  note(`${what} failed: ${done.error?.message ?? (done.stderr ?? '').trim().split('\n').slice(-6).join('\n')}`);
  return undefined;
}

function measure(model: BenchedModel, folder: string): Measured {
  const index = String(benchedModels.indexOf(model));
  const ours: LearningTimes[] = [];
  const peers: LearningTimes[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const mine = timesOf(`${model.name}, ours`, process.execPath, [...process.execArgv, program, index, folder, 'best']);
    if (mine === undefined) break;
    ours.push(mine);
    if (python === undefined) continue;
    const theirs = timesOf(`${model.name}, ${model.peer}`, python, [peersProgram, 'fit', model.peer, folder, String(trainRowsOf(model)), String(model.features ?? 30)]);
    if (theirs !== undefined) peers.push(theirs);
  }
  const plain = ours.length === 0 || process.env['BENCH_PLAIN'] === '0' ? undefined : timesOf(`${model.name}, plain`, process.execPath, [...process.execArgv, program, index, folder, 'plain']);
  return { model, ours, peers, plain };
}

/** The time that is held to the floor; a peer that did a share of the work is scaled to all of it. */
const heldSeconds = (times: LearningTimes, held: BenchedModel['held'], share = 1): number => (held === 'fit' ? times.fitSeconds / share : times.predictSeconds!);

function ratioOf({ model, ours, peers }: Measured): number {
  return median(peers.map((peer, pair) => heldSeconds(ours[pair]!, model.held) / heldSeconds(peer, model.held, model.peerShare)));
}

const trainMb = (model: BenchedModel): number => (trainRowsOf(model) * (model.features ?? 30) * 4) / 1e6;

function figuresOf(measured: Measured): Figure[] {
  const { model, ours, peers } = measured;
  if (ours.length === 0) return [{ name: `${model.name}: failed`, value: NaN, unit: '', floor: 1 }];
  const figures: Figure[] = [];
  if (peers.length > 0) figures.push({ name: `${model.name}: ${model.held === 'fit' ? 'fitting' : 'predicting'}, time of ${model.peer}`, value: ratioOf(measured), unit: 'x', floor: model.floor, aim: model.aim, lowerIsBetter: true });
  else figures.push({ name: `${model.name}: ${model.held === 'fit' ? 'fitting' : 'predicting'}`, value: median(ours.map((times) => heldSeconds(times, model.held))), unit: 's' });
  const score = ours[0]!.score;
  if (score !== undefined && model.wanted !== undefined) figures.push({ name: `${model.name}: ${model.score}`, value: score, unit: '', floor: model.wanted.value - model.wanted.within });
  const best = (value: (times: LearningTimes) => number | undefined): number => Math.min(...ours.map((times) => value(times) ?? Infinity));
  if (ours[0]!.rowMicroseconds !== undefined) figures.push({ name: `${model.name}: one row`, value: best((times) => times.rowMicroseconds), unit: 'us', floor: 10, lowerIsBetter: true });
  if (ours[0]!.reasonsMicroseconds !== undefined) figures.push({ name: `${model.name}: one row with exact Shapley reasons`, value: best((times) => times.reasonsMicroseconds), unit: 'us', floor: 150, lowerIsBetter: true });
  const most = model.mostMemoryMb ?? Math.max(50, 3 * trainMb(model));
  figures.push({ name: `${model.name}: memory above the bare runtime`, value: Math.max(...ours.map(({ memoryMb }) => memoryMb)), unit: 'MB', floor: most, lowerIsBetter: true });
  return figures;
}

function row(measured: Measured): string {
  const { model, ours, peers, plain } = measured;
  const seconds = (of: readonly LearningTimes[], value: (times: LearningTimes) => number | undefined): string => (of.length === 0 ? '-' : median(of.map((times) => value(times) ?? NaN)).toPrecision(3));
  const ratio = peers.length === 0 ? NaN : ratioOf(measured);
  const verdict = Number.isNaN(ratio) ? '' : ratio <= model.aim ? 'aim reached' : ratio <= model.floor ? 'floor reached' : 'MISSED';
  const cells = [
    model.name, seconds(ours, (t) => t.fitSeconds), seconds(peers, (t) => t.fitSeconds / (model.peerShare ?? 1)), seconds(ours, (t) => t.predictSeconds), seconds(peers, (t) => t.predictSeconds),
    Number.isNaN(ratio) ? '-' : ratio.toFixed(3), String(model.floor), String(model.aim), verdict, ours[0]?.score?.toFixed(5) ?? '-', peers[0]?.score?.toFixed(5) ?? '-',
    seconds(ours, (t) => t.memoryMb), seconds(peers, (t) => t.memoryMb), plain === undefined ? '-' : plain.fitSeconds.toPrecision(3),
  ];
  return `| ${cells.join(' | ')} |`;
}

function writeResults(measured: readonly Measured[]): void {
  mkdirSync('bench/results', { recursive: true });
  const file = 'bench/results/learning.json';
  const now = measured.map(({ model, ours, peers, plain }) => ({
    name: model.name, definition: model.definition, held: model.held, ratio: peers.length === 0 ? null : ratioOf({ model, ours, peers, plain }), floor: model.floor, aim: model.aim, peer: model.peer, peerShare: model.peerShare ?? 1, ours, peers, plain,
  }));
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { models: { name: string }[] }).models : [];
  const models = [...before.filter(({ name }) => !now.some((other) => other.name === name)), ...now];
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };
  writeFileSync(file, `${JSON.stringify({ machine, pairs: PAIRS, ...(process.env['BENCH_ROWS'] !== undefined && { onlyTried: true }), models }, undefined, 2)}\n`);
}

const wanted = (process.env['BENCH_MODELS'] ?? '').split(',').filter((name) => name !== '');
const matches = ({ name, definition }: BenchedModel): boolean => wanted.length === 0 || wanted.some((part) => name.includes(part) || definition.kind === part);
const folder = tableFolder();
if (folder === undefined) {
  note('skipped learning: expected table A in the folder that TIDELINE_TABLE_A names, or a Python with numpy in TIDELINE_PEERS_PYTHON to make it');
  report([]);
} else {
  if (python === undefined) note('peers of learning: skipped, set TIDELINE_PEERS_PYTHON to a Python with scikit-learn, LightGBM and XGBoost');
  const measured: Measured[] = [];
  for (const model of benchedModels.filter(matches)) {
    const problems = definitionProblems(model.definition);
    if (problems.length > 0) {
      note(`left out ${model.name}: ${problems.join('; ')}`);
      continue;
    }
    note(`${model.name} …`);
    measured.push(measure(model, folder));
  }
  note(`| model | fit s | peer | predict s | peer | ratio | floor | aim | | score | peer | MB | peer | plain fit s |\n|${'---|'.repeat(14)}`);
  for (const each of measured) note(row(each));
  writeResults(measured);
  report(measured.flatMap(figuresOf));
}
