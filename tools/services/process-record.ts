import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A process that this project started: a process id alone may belong to a stranger after the process ended. */
export interface ProcessRecord {
  readonly pid: number;
  /** When it started, as the system counts it, with the boot in which that was. */
  readonly startedAt: string;
  /** In the environment of the process and of everything it starts. */
  readonly marker: string;
}

export interface DetachedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly marker: string;
}

const MARKER = 'TIDELINE_STARTED_SERVER';

/** Starts a process in a session of its own, so that neither Ctrl-C nor the end of this program reaches it; its output is appended to `logFile`. */
export async function startDetached({ command, args, cwd, env, logFile, marker }: DetachedCommand): Promise<ProcessRecord> {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  try {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env, [MARKER]: marker }, detached: true, stdio: ['ignore', log, log] });
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    const pid = child.pid!;
    return { pid, startedAt: startOf(pid) ?? 'ended at once', marker };
  } finally {
    closeSync(log);
  }
}

/** The record of this process. */
export function ownRecord(): ProcessRecord {
  return { pid: process.pid, startedAt: startOf(process.pid) ?? '', marker: '' };
}

/** Whether the recorded process itself still runs. */
export function isRunning({ pid, startedAt }: ProcessRecord): boolean {
  return startOf(pid) === startedAt;
}

/**
 * Processes that remain of a record: the leader if it is still the one that was started, and the children that outlived it (MLflow's
 * web server holds its port after its parent was killed), which are known by their marker where the system shows it.
 */
export function remainingProcesses(record: ProcessRecord): readonly number[] {
  const found = new Set(isRunning(record) ? [record.pid] : []);
  for (const pid of processIds()) if (hasMarker(pid, record.marker) && startOf(pid) !== undefined) found.add(pid);
  return [...found];
}

/** Signals everything that remains of a record; says whether there was anything. */
export function signalAll(record: ProcessRecord, signal: NodeJS.Signals): boolean {
  const pids = remainingProcesses(record);
  for (const pid of pids) send(pid, signal);
  return pids.length > 0;
}

/** Asks the leader to stop, waits, then kills what remains; true when it went without force. */
export async function endProcess(record: ProcessRecord, patienceMs: number): Promise<boolean> {
  if (isRunning(record)) send(record.pid, 'SIGTERM');
  if (await goneWithin(record, isRunning(record) ? patienceMs : 0)) return true;
  signalAll(record, 'SIGKILL');
  if (!(await goneWithin(record, 10_000))) throw new Error(`expected process ${record.pid} to end after SIGKILL, found it running`);
  return false;
}

/** SIGKILL to all of it at once, without a chance to finish anything. */
export async function killProcess(record: ProcessRecord): Promise<void> {
  // Twice, because a child may be born between looking and killing.
  while (signalAll(record, 'SIGKILL')) if (await goneWithin(record, 2000)) return;
}

async function goneWithin(record: ProcessRecord, patienceMs: number): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  while (remainingProcesses(record).length > 0) {
    if (Date.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
    const [, state, start] = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout ?? '') ?? [];
    return state === undefined || state.startsWith('Z') ? undefined : start;
  }
  const stat = readStat(pid);
  // A zombie has ended; nobody collects it when the machine's first process does not.
  if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return undefined;
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${stat.startTicks}`;
}

function processIds(): readonly number[] {
  return process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number) : [];
}

function readStat(pid: number): { readonly state: string; readonly startTicks: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], startTicks: fields[19] };
  } catch {
    return undefined;
  }
}

function hasMarker(pid: number, marker: string): boolean {
  if (marker === '') return false;
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${MARKER}=${marker}`);
  } catch {
    return false;
  }
}
