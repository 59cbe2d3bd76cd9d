import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { failed } from '../cli/command-error.ts';
import { withLock } from './lock.ts';
import type { Tool, Toolchain } from './toolchain.ts';

/** How one thing is installed into a folder of its own. */
export interface Installation {
  readonly name: string;
  readonly version: string;
  /** What a person should expect of it the first time. */
  readonly size: string;
  readonly needs: readonly Tool[];
  readonly steps: (folder: string, tools: Toolchain) => readonly InstallStep[];
}

export interface InstallStep {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Written into the folder before the step runs. */
  readonly files?: Readonly<Record<string, string>>;
}

const STAMP = 'installed.json';
const PROGRESS_EVERY_MS = 15_000;

export function installFolder(root: string, { name, version }: Installation): string {
  return join(root, `${name}-${version}`);
}

/** Installed wholly, in this version. */
export function isInstalled(root: string, installation: Installation): boolean {
  try {
    return readFileSync(join(installFolder(root, installation), STAMP), 'utf8') === stampOf(installation);
  } catch {
    return false;
  }
}

/** Installs what is missing, all at once; half an install counts as none, because the stamp is written last. */
export async function install(root: string, installations: readonly Installation[], tools: Toolchain, report: (line: string) => void): Promise<void> {
  const ended = await Promise.allSettled(installations.map((each) => withLock(join(root, `${each.name}.lock`), `the installation of ${each.name}`, () => installOne(root, each, tools, report))));
  const problems = ended.flatMap((each) => (each.status === 'rejected' ? [each.reason instanceof Error ? each.reason.message : String(each.reason)] : []));
  if (problems.length > 0) throw failed(problems.join('\n'), 'what was installed is kept; run the same command again when this is put right');
}

async function installOne(root: string, installation: Installation, tools: Toolchain, report: (line: string) => void): Promise<void> {
  if (isInstalled(root, installation)) return;
  const { name, version, size } = installation;
  const folder = installFolder(root, installation);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const started = Date.now();
  const elapsed = (): string => `${Math.round((Date.now() - started) / 1000)} s`;
  report(`${name} ${version}: installing (${size})`);
  const timer = setInterval(() => report(`${name}: still installing, ${elapsed()}`), PROGRESS_EVERY_MS);
  try {
    for (const step of installation.steps(folder, tools)) await runStep(folder, name, step, join(root, `${name}.log`));
  } finally {
    clearInterval(timer);
  }
  writeFileSync(join(folder, `${STAMP}.new`), stampOf(installation));
  renameSync(join(folder, `${STAMP}.new`), join(folder, STAMP));
  report(`${name}: installed in ${elapsed()}`);
}

async function runStep(folder: string, name: string, { command, args, env, files }: InstallStep, logFile: string): Promise<void> {
  for (const [file, text] of Object.entries(files ?? {})) writeFileSync(join(folder, file), text);
  const log = openSync(logFile, 'w');
  try {
    const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', log, log] });
    const ended = new Promise<number | string>((resolve, reject) => child.once('error', reject).once('exit', (code, signal) => resolve(code ?? signal ?? 'nothing')));
    // Building takes minutes of processor time: what a person does meanwhile goes first.
    if (child.pid !== undefined && existsSync('/proc')) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    const code = await ended;
    if (code !== 0) throw new Error(`${name}: expected ${command} ${args.slice(0, 3).join(' ')} … to end with 0, found ${code}; its last lines, from ${logFile}:\n${lastLines(logFile)}`);
  } finally {
    closeSync(log);
  }
}

/** The last lines of a log file, for a message. */
export function lastLines(file: string, count = 12): string {
  if (!existsSync(file)) return '  (no log)';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).map((line) => `  ${line}`).join('\n');
}

function stampOf({ name, version }: Installation): string {
  return JSON.stringify({ name, version });
}
