import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileIdOf } from '../../apps/ingestor/src/file-identity.ts';
import { pacedChunkRows } from '../../apps/ingestor/src/pace.ts';
import { Trainer } from '../../apps/trainer/src/trainer.ts';
import { readConfiguration, SystemClock } from '#tideline/platform';
import { tableNames, type Source } from '#tideline/retention';
import { Checkpoints } from '#tideline/streaming';
import { World } from '../cli/world.ts';
import { AppProcesses } from './app-processes.ts';
import { checkProof, type ProofDoors, type Truth } from './check-proof.ts';
import { GROUP } from './check-states.ts';
import { announceFirstChampion } from './first-champion.ts';
import { planKills, type KillManner } from './kill-plan.ts';
import { LogLines } from './log-lines.ts';
import { ProgressWatch } from './progress.ts';
import { countCheck, isEqual, type AppName, type Check, type Proof } from './proof.ts';
import type { Stand } from './servers.ts';
import { writeSyntheticLog } from './synthetic-log.ts';
import { UnderFire } from './under-fire.ts';
import { replayUndisturbed } from './undisturbed.ts';

export interface ProveOptions {
  readonly source: Source;
  /** A log of the source; undefined makes a synthetic one of `rows` rows. */
  readonly file: string | undefined;
  readonly rows: number;
  readonly seed: number;
  /** Kills of apps. */
  readonly kills: number;
  /** Kills of each server, where there are any. */
  readonly serverKills: number;
  /** The longest that a killed server stays dead. */
  readonly serverDownMs: number;
  readonly apps: readonly AppName[];
  /** Processes that share the speed layer's work; the embedded log allows one. */
  readonly speedLayers: number;
  /** Rows a second; the replay's chunks follow from it. */
  readonly rowsPerSecond: number;
  readonly stand: Stand;
  /** An empty folder for the log, the apps and the undisturbed run. */
  readonly folder: string;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** A proof together with what it was made of, for looking at it once more. */
export interface ProofRun {
  readonly proof: Proof;
  readonly truth: Truth;
  readonly doors: ProofDoors;
  close(): Promise<void>;
}

const CHUNK_ROWS = 5_000;
/** Checkpoints so often that most restarts begin at one. */
const CHECKPOINT_RECORDS = '2500';
/** An app does its work in bursts of seconds; the paced ones are always at it. */
const BUSY: KillManner = { delayMs: 40, downMs: 0 };
const IN_BURSTS: KillManner = { delayMs: 2_500, downMs: 0 };

/** Replays a log through apps that are killed by plan, waits until all work is done, and compares everything that is left with the truth. */
export async function prove(options: ProveOptions): Promise<ProofRun> {
  const startedAtMs = Date.now();
  const { source, folder, stand, apps, seed, note, signal } = options;
  const log = await prepareLog(options);
  const world = new World(readConfiguration(stand.settings));
  const processes = new AppProcesses(join(folder, 'apps'), { ...stand.settings, NODE_COMPILE_CACHE: join(folder, 'compile-cache') });
  try {
    const registry = await world.registry();
    const chunkRows = pacedChunkRows({ kind: 'rate', rowsPerSecond: options.rowsPerSecond }, CHUNK_ROWS);
    const undisturbed = await replayUndisturbed(source, log.path, chunkRows, registry, join(folder, 'undisturbed'));
    const truth: Truth = { source, fileId: fileIdOf(log.path), lines: log.lines, broken: log.broken, undisturbed, apps, readers: stand.readers };
    if (apps.includes('speed-layer')) await announceChampion(options);
    signal.throwIfAborted();
    const doors = await openDoors(world);
    const fire = new UnderFire({
      processes, servers: stand.servers, plan: planOf(options, addApps(processes, options, log.path)), watch: new ProgressWatch(source, doors),
      goal: { bytes: log.lines.bytes.length, accepted: undisturbed.summary.accepted },
      lookEveryMs: stand.servers.length === 0 ? 5 : 50, patienceMs: options.patienceMs, signal, note,
    });
    await fire.run();
    await settle(options, fire, processes, doors);
    const unorderly = await stopAll(options, processes, doors);
    const checks = [...(await checkProof(truth, doors, note)), unorderly];
    const { read, accepted, rejected } = undisturbed.summary;
    const proof: Proof = {
      source: source.name, file: log.path, synthetic: options.file === undefined, seed, counts: { read, accepted, rejected }, kills: fire.kills, restarts: fire.restarts,
      checks, seconds: (Date.now() - startedAtMs) / 1000, ok: checks.every(isEqual),
    };
    const close = async (): Promise<void> => {
      await undisturbed.close();
      await world.close();
    };
    return { proof, truth, doors, close };
  } catch (error) {
    // Not waited for: a door whose server is gone may take its time.
    void world.close().catch(() => undefined);
    throw error;
  } finally {
    await processes.endAll();
  }
}

async function prepareLog({ source, file, rows, seed, folder }: ProveOptions): Promise<{ path: string; lines: LogLines; broken: number | undefined }> {
  mkdirSync(folder, { recursive: true });
  const path = file ?? join(folder, `synthetic-${source.name}.log`);
  const broken = file === undefined ? writeSyntheticLog(path, source, rows, seed) : undefined;
  statSync(path);
  return { path, lines: await LogLines.read(path, source.format), broken };
}

/** Before the apps start, as the trainer; on an embedded log this is the trainer's own part. */
async function announceChampion({ source, stand, seed }: ProveOptions): Promise<void> {
  const world = new World(readConfiguration(stand.settings));
  try {
    await announceFirstChampion(source, await world.tracker(), await world.log('trainer'), seed);
  } finally {
    await world.close();
  }
}

async function openDoors(world: World): Promise<ProofDoors> {
  return { log: await world.log('command'), store: await world.store(), tracker: await world.tracker(), registry: await world.registry(), lake: await world.lake(), sql: await world.sql() };
}

/** Names the processes and gives what each is told. */
function addApps(processes: AppProcesses, { source, apps, speedLayers, rowsPerSecond }: ProveOptions, path: string): readonly string[] {
  for (const app of apps) {
    if (app === 'ingestor') processes.add(app, app, { INGESTOR_REPLAYS: JSON.stringify([{ file: path, source: source.name, rate: `${rowsPerSecond}/s` }]) });
    else if (app !== 'speed-layer') processes.add(app, app, {});
    else for (let k = 1; k <= speedLayers; k++) processes.add(speedLayers === 1 ? app : `${app}-${k}`, app, { SPEED_LAYER_CHECKPOINT_RECORDS: CHECKPOINT_RECORDS });
  }
  return processes.names;
}

function planOf({ seed, kills, serverKills, serverDownMs, stand }: ProveOptions, names: readonly string[]): ReturnType<typeof planKills> {
  const manners = Object.fromEntries(names.map((name) => [name, name === 'ingestor' || name.startsWith('speed-layer') ? BUSY : IN_BURSTS]));
  const servers = Object.fromEntries(stand.servers.map(({ name }) => [name, { delayMs: 500, downMs: serverDownMs }]));
  return [...planKills(seed, kills, manners), ...(stand.servers.length === 0 ? [] : planKills(seed + 1, serverKills * stand.servers.length, servers))];
}

/** Waits until everybody has done everything: a batch layer and a trainer that have just been started do it at once. */
async function settle({ source, apps, signal, note }: ProveOptions, fire: UnderFire, processes: AppProcesses, doors: ProofDoors): Promise<void> {
  const watch = new ProgressWatch(source, doors);
  const again = async (app: AppName): Promise<void> => {
    await processes.end(app, 'SIGTERM');
    processes.start(app);
  };
  note('the replay is over and every kill is done; waiting for the rest of the work');
  if (apps.includes('speed-layer')) await fire.until('the speed layer has processed every record', () => watch.isProcessed());
  if (apps.includes('batch-layer')) {
    await fire.until('the batch layer has landed every record', () => watch.isLanded());
    await again('batch-layer');
    await fire.until('the batch layer has built gold from every record', () => watch.isBuilt());
  }
  if (!apps.includes('trainer')) return;
  const table = await doors.lake.table(tableNames(source).training).current();
  if ((table?.rowCount ?? 0) === 0) return;
  await again('trainer');
  const trainer = new Trainer({ ...doors, clock: new SystemClock() });
  await fire.until('the trainer has learned from the newest table', async () =>
    (await trainer.learnedFrom(source)) === (await trainer.trainingVersion(source)) || processes.said('trainer', /expected (labelled rows|both classes)/) > 0);
  signal.throwIfAborted();
}

/** Stops the apps in order; each must end well. */
async function stopAll(options: ProveOptions, processes: AppProcesses, doors: ProofDoors): Promise<Check> {
  let orderly = 0;
  for (const name of processes.names) {
    await processes.untilListening(name);
    const code = await processes.end(name, 'SIGTERM');
    if (code === 0) orderly++;
    else options.note(`${name} ended with ${code ?? 'no code'}: ${processes.lines.filter((line) => line.startsWith(`${name}: `)).slice(-3).join('\n')}`);
  }
  if (options.apps.includes('speed-layer')) await saveStates(options, processes, doors);
  return countCheck('apps that stopped in order', processes.names.length, orderly);
}

/** A speed layer that was stopped before it had its state back saves none: it is given the time once more. */
async function saveStates({ source, signal }: ProveOptions, processes: AppProcesses, { log, store }: ProofDoors): Promise<void> {
  const topic = `raw.${source.name}`;
  const partitions = Array.from({ length: source.deployment.partitions }, (_, partition) => partition);
  const isSaved = async (partition: number): Promise<boolean> => {
    const committed = await log.committed(GROUP, topic, partition);
    return committed === undefined || (await new Checkpoints(store, { group: GROUP, topic, partition }).offsets())[0] === committed.offset;
  };
  const speedLayers = processes.names.filter((name) => name.startsWith('speed-layer'));
  for (let round = 0; round < 3 && (await Promise.all(partitions.map(isSaved))).includes(false); round++) {
    for (const name of speedLayers) processes.start(name);
    const recovered = (): number => speedLayers.reduce((sum, name) => sum + processes.said(name, new RegExp(`${topic}/\\d+ recovered`)), 0);
    for (let wait = 0; wait < 600 && recovered() < partitions.length; wait++) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const name of speedLayers) await processes.end(name, 'SIGTERM');
  }
}
