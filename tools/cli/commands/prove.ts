import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { embeddedStand, isBuilt, isEqual, prove, PROVED_APPS, serversStand, type Check, type Proof, type Stand } from '../../prove/index.ts';
import { failed, refused, wrongUse } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatNumber, formatTable } from '../output.ts';
import { parseCount, parseRate } from '../parse-quantity.ts';

interface ProveCommandOptions {
  readonly source: string;
  readonly rows: number;
  readonly kills: number;
  readonly seed?: number;
  readonly rate?: number;
  readonly services?: boolean;
  readonly brokers: 1 | 3;
  readonly keep?: boolean;
}

/** A replay lasts about so long, so that kills meet work; servers take longer to come back than apps. */
const REPLAY_SECONDS = { embedded: 30, services: 120 };
const PATIENCE_MS = 1_800_000;

export function addProve(program: Command, run: Runner): void {
  program
    .command('prove')
    .argument('[file]', 'a log of the source; without one a synthetic log is made')
    .description('replays a log while every part is killed at random moments, and shows that nothing was lost or doubled')
    .option('--source <name>', 'which source', 'user-behavior')
    .option('--rows <n>', 'rows of the synthetic log', parseCount('rows', 1), 60_000)
    .option('--kills <n>', 'kills of apps; with --services a sixth as many of each server besides', parseCount('kills', 0), 30)
    .option('--seed <n>', 'decides the log and every kill; a fresh one by default', parseCount('seed', 0))
    .option('--rate <rows>', 'rows a second, like 5000/s; so many by default that the replay lasts half a minute, on servers two', parseRate)
    .option('--services', 'on real servers of its own, which are killed too, instead of embedded doors')
    .option('--brokers <n>', 'Kafka brokers: 1, or 3 that hold each record on three disks', parseBrokers, 1)
    .option('--keep', 'leave the scratch folder for looking')
    .action(run(proveCommand));
}

async function proveCommand({ world, output, signal }: CommandContext, file: string | undefined, options: ProveCommandOptions): Promise<void> {
  const source = await world.source(options.source);
  if (file !== undefined && !existsSync(file)) throw wrongUse(`expected a log, found no file ${file}`);
  if (!isBuilt(PROVED_APPS)) throw failed('expected the apps to be built, found no programs', 'npm run build makes them');
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const folder = mkdtempSync(join(tmpdir(), 'tideline-prove-'));
  output.note(`seed ${seed}, scratch folder ${folder}`);
  let stand: Stand | undefined;
  try {
    stand = options.services === true ? await serversStand(folder, options.brokers, (text) => output.note(text)) : embeddedStand(join(folder, 'doors'));
    const { proof, close } = await prove({
      source, file: file === undefined ? undefined : resolve(file), rows: options.rows, seed, kills: options.kills, serverKills: Math.ceil(options.kills / 6), serverDownMs: 2_000, apps: PROVED_APPS, speedLayers: options.services === true ? 2 : 1,
      rowsPerSecond: options.rate ?? Math.max(200, Math.ceil(options.rows / REPLAY_SECONDS[options.services === true ? 'services' : 'embedded'])), stand, folder, patienceMs: PATIENCE_MS, signal, note: (text) => output.note(text),
    });
    await close();
    const where = options.services === true ? ` --services --brokers ${options.brokers}` : '';
    const repeat = `tideline prove ${file === undefined ? `--rows ${options.rows}` : file} --source ${source.name} --kills ${options.kills} --seed ${seed}${where}`;
    output.result({ ...proof, repeat }, () => describe(proof, repeat));
    if (!proof.ok) throw refused('something was lost, doubled or changed', `first: ${proof.checks.find((check) => !isEqual(check))?.first ?? ''}`);
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw failed('stopped; everything that was started is ended', `the same again: --seed ${seed}`);
    throw error;
  } finally {
    await stand?.close();
    if (options.keep === true) output.note(`left for looking: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

function parseBrokers(text: string): 1 | 3 {
  if (text === '1' || text === '3') return text === '1' ? 1 : 3;
  throw wrongUse(`expected --brokers to be 1 or 3, found '${text}'`);
}

function describe(proof: Proof, repeat: string): string {
  const { counts, kills, checks } = proof;
  const byTarget = new Map<string, number>();
  for (const { target } of kills) byTarget.set(target, (byTarget.get(target) ?? 0) + 1);
  const row = ({ what, expected, found, lost, doubled, different, ...check }: Check): (string | number)[] =>
    [what, expected, found, lost, doubled, different, isEqual({ what, expected, found, lost, doubled, different, ...check }) ? 'equal' : 'NOT EQUAL'];
  return [
    formatTable(['kill', 'target', 'second', 'when'], kills.map(({ target, second, moment }, kill) => [kill + 1, target, second, moment])),
    '',
    `${proof.source}${proof.synthetic ? ', a synthetic log' : ''}: read ${formatNumber(counts.read)} = accepted ${formatNumber(counts.accepted)} + rejected ${formatNumber(counts.rejected)}`,
    `${kills.length} kills (${[...byTarget].map(([target, count]) => `${target} ${count}`).join(', ')}) in ${formatNumber(proof.seconds)} s`,
    ...(proof.restarts.length === 0 ? [] : [`${proof.restarts.length} times an app ended by itself and was started again:`, ...proof.restarts.map((restart) => `  ${restart.slice(0, 400)}`)]),
    formatTable(['what', 'expected', 'found', 'lost', 'doubled', 'different', ''], checks.map(row)),
    ...checks.filter((check) => !isEqual(check)).map(({ what, first }) => `${what}: ${first}`),
    '',
    proof.ok ? 'nothing lost, nothing doubled, everything equal' : 'NOT everything is equal',
    `again: ${repeat}`,
  ].join('\n');
}
