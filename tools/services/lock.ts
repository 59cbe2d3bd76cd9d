import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync, linkSync } from 'node:fs';
import { dirname } from 'node:path';
import { failed } from '../cli/command-error.ts';
import { isRunning, ownRecord, type ProcessRecord } from './process-record.ts';

/** Runs `body` while holding a lock file that names its holder; a lock whose holder has ended is taken over. */
export async function withLock<T>(file: string, what: string, body: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(ownRecord()));
  try {
    while (!linked(own, file)) {
      const holder = readHolder(file);
      if (holder !== undefined && isRunning(holder)) throw failed(`${what} is being worked on by process ${holder.pid}`, 'wait until it has finished, or stop it');
      moveAside(file, `${own}.stale`);
    }
    try {
      return await body();
    } finally {
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
    rmSync(`${own}.stale`, { force: true });
  }
}

/** Takes a stale lock away; one that another process has taken over meanwhile is put back. */
function moveAside(file: string, aside: string): void {
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readHolder(aside);
  if (moved !== undefined && isRunning(moved)) linked(aside, file);
}

// A link appears with its content, unlike a file that is made and then written.
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(file: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessRecord;
  } catch {
    return undefined;
  }
}
