import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { correctedDelivery, correctedLog, CorrectionsRefused, parseCorrections, rejectsToCorrect } from '../../../apps/batch-layer/src/gates/corrections.ts';
import { fileSystemError } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { refused, wrongUse } from '../command-error.ts';
import type { CommandContext } from '../context.ts';
import { formatNumber } from '../output.ts';
import { loadAsDelivery } from './load.ts';

/**
 * `replay FILE --rejects`: a FILE that does not exist is written with every reject that can be corrected; one that does is read, and what was
 * corrected in it goes the way of any other record, once. `replayLog` replays a file of the source's own format.
 */
export async function replayRejects(context: CommandContext, source: Source, file: string, asOfMs: number | undefined, replayLog: (path: string) => Promise<void>): Promise<void> {
  const { world, output } = context;
  if (source.tables !== undefined) throw wrongUse(`expected a source of one table for --rejects, found ${source.name}, which has several`, 'correct the lines in a file of their table and replay that');
  const doors = { store: await world.store(), lake: await world.lake(), sql: await world.sql() };
  if (!existsSync(file)) {
    const rejects = await rejectsToCorrect(source, doors);
    await write(file, Buffer.from(rejects.map((reject) => `${JSON.stringify(reject)}\n`).join('')));
    output.result({ source: source.name, file, rejects: rejects.length, replayed: 0 }, () => `${file}: ${formatNumber(rejects.length)} rejects; fill in "corrected" (null for no such line), then the same command replays them`);
    return;
  }
  try {
    const corrections = parseCorrections(await readFile(file, 'utf8'));
    if (source.deployment.load !== undefined) return await loadAsDelivery(context, source, await correctedDelivery(source, corrections, doors.store), asOfMs);
    const log = await correctedLog(source, corrections, doors.store);
    if (log.alreadyCorrected > 0) output.note(`tideline: ${formatNumber(log.alreadyCorrected)} rejects were corrected before and are left out`);
    if (log.lines === 0) return output.result({ source: source.name, file, replayed: 0 }, () => 'nothing to replay: no reject has a correction of this file');
    // Kept, so that an interrupted replay finds the same bytes in the same place and resumes.
    const folder = join('data', 'corrections');
    const path = join(folder, `${log.name}.log`);
    await mkdir(folder, { recursive: true });
    if (!existsSync(path)) await write(path, log.bytes);
    await replayLog(path);
  } catch (error) {
    if (error instanceof CorrectionsRefused) throw refused(`${file}: ${error.message}`);
    throw error;
  }
}

async function write(path: string, bytes: Buffer): Promise<void> {
  try {
    await writeFile(`${path}.part`, bytes);
    await rename(`${path}.part`, path);
  } catch (error) {
    throw fileSystemError(error, 'write', path);
  }
}
