import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measures, type Figure, type Measure } from './measures.ts';
import { peers, type PeerFigure } from './peers.ts';

/**
 * `npm run bench [-- name … [part …]] [--bytes 1e9] [--no-peers]`: measures each thing in a process of its own, one after the other, and
 * says beside each figure what was asked for (floor, aim) and what the peer named for it reached in the same run.
 */
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const { values: options, positionals: named } = parseArgs({
  allowPositionals: true,
  options: { bytes: { type: 'string', default: '1e9' }, scratch: { type: 'string', default: join(tmpdir(), 'tideline-bench') }, 'no-peers': { type: 'boolean', default: false } },
});
const bytes = Number(options.bytes);
const withPeers = !options['no-peers'];
const { scratch } = options;
const wanted = named.filter((arg) => measures.some(({ name }) => name === arg));
/** What else is named is for the measure: models, for `learning`. */
const parts = named.filter((arg) => !wanted.includes(arg));
if (parts.length > 0 && !wanted.includes('learning')) {
  process.stderr.write(`expected things to measure (${measures.map(({ name }) => name).join(', ')}), found ${parts.join(', ')}\n`);
  process.exit(64);
}
mkdirSync(scratch, { recursive: true });

function measureInOwnProcess(measure: Measure): Figure[] {
  const program = join(here, `${measure.program}.js`);
  const done = spawnSync(process.execPath, ['--enable-source-maps', '--disable-warning=ExperimentalWarning', '--expose-gc', program, measure.name], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: { ...process.env, BENCH_BYTES: String(bytes), BENCH_SCRATCH: scratch, BENCH_MODELS: parts.join(',') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (done.status !== 0) throw new Error(`${measure.name} failed (exit ${done.status})\n${done.stdout}`);
  const line = done.stdout.trim().split('\n').at(-1) ?? '[]';
  return JSON.parse(line) as Figure[];
}

function verdict(figure: Figure): string {
  if (figure.floor === undefined) return '';
  const reaches = (wantedValue: number): boolean => (figure.lowerIsBetter ? figure.value <= wantedValue : figure.value >= wantedValue);
  if (figure.aim !== undefined && reaches(figure.aim)) return 'aim reached';
  return reaches(figure.floor) ? 'floor reached' : 'MISSED';
}

const show = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3).replace(/\.0+$/, '');

const figures: Figure[] = [];
const peerFigures: PeerFigure[] = [];
for (const measure of measures) {
  if (wanted.length > 0 ? !wanted.includes(measure.name) : measure.onlyWhenNamed) continue;
  if (measure.onServers === true && process.env['TIDELINE_SERVICES'] === undefined) {
    process.stderr.write(`skipped ${measure.name}: it needs the addresses of real servers in TIDELINE_SERVICES\n`);
    continue;
  }
  process.stderr.write(`measuring ${measure.name} …\n`);
  try {
    figures.push(...measureInOwnProcess(measure));
  } catch (error) {
    figures.push({ name: `${measure.name}: failed`, value: NaN, unit: '', floor: 1 });
    process.stderr.write(`${(error as Error).message}\n`);
  }
  if (withPeers) peerFigures.push(...peers(measure.name, { scratch, bytes }));
}

console.log(`| what | measured | floor | aim | |\n|---|---|---|---|---|`);
for (const figure of figures) {
  const bound = (value: number | undefined): string => (value === undefined ? '' : show(value));
  console.log(`| ${figure.name} | ${show(figure.value)} ${figure.unit} | ${bound(figure.floor)} | ${bound(figure.aim)} | ${verdict(figure)} |`);
}
if (peerFigures.length > 0) {
  console.log(`\n| peer, same run and input | measured | ours / peer |\n|---|---|---|`);
  for (const peer of peerFigures) {
    const ours = figures.find((figure) => figure.name === peer.against)?.value;
    const ratio = ours === undefined ? '' : (ours / peer.value).toFixed(2);
    console.log(`| ${peer.name} | ${show(peer.value)} ${peer.unit} | ${ratio} |`);
  }
}
const missed = figures.filter((figure) => verdict(figure) === 'MISSED');
console.log(missed.length === 0 ? '\nevery floor reached' : `\nmissed: ${missed.map((figure) => figure.name).join(', ')}`);

const results = join(root, 'bench', 'results');
mkdirSync(results, { recursive: true });
const file = join(results, 'latest.json');
const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { figures: Figure[]; peers: PeerFigure[] }) : { figures: [], peers: [] };
const merge = <T extends { name: string }>(old: readonly T[], now: readonly T[]): T[] => [
  ...old.filter((entry) => !now.some((other) => other.name === entry.name)),
  ...now,
];
const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30), node: process.version };
writeFileSync(file, `${JSON.stringify({ machine, bytes, figures: merge(before.figures, figures.filter(({ value }) => Number.isFinite(value))), peers: merge(before.peers, peerFigures) }, undefined, 2)}\n`);
