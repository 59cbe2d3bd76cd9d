import { open, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { openLogFile } from '#tideline/platform';
import { inspectAgainst, type LogInspection } from '../inspect-head.ts';
import { refused } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes } from '../output.ts';

const HEAD_BYTES = 1 << 20;

export function addInspect(program: Command, run: Runner): void {
  program
    .command('inspect')
    .argument('<file>')
    .description('which source and layout fit, first records decoded, what is wrong with the file; writes nothing')
    .option('--source <name>', 'look at this source only')
    .action(run(inspect));
}

async function inspect({ world, output }: CommandContext, path: string, options: { readonly source?: string }): Promise<void> {
  const sources = options.source === undefined ? await world.sources() : [await world.source(options.source)];
  const file = await openLogFile(path);
  const head = await readHead(file.read(0));
  const stored = path === '-' ? undefined : await storedHead(path);
  const inspections = inspectAgainst(sources, head, stored);
  const best = inspections.find((inspection) => inspection.fits);
  const report = { file: path, kind: file.kind, bytesLookedAt: head.byteLength, source: best?.source ?? null, layout: best?.layout ?? null, inspections };
  output.result(report, () => [`${path}: ${file.kind}, looked at its first ${formatBytes(head.byteLength)}`, ...inspections.map(describe)].join('\n'));
  if (best === undefined) throw refused(`expected a log of ${sources.map((source) => source.name).join(', ')}, found none that fits`);
}

async function readHead(blocks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const block of blocks) {
    parts.push(Buffer.from(block));
    length += block.byteLength;
    if (length >= HEAD_BYTES) break;
  }
  return Buffer.concat(parts).subarray(0, HEAD_BYTES);
}

async function storedHead(path: string): Promise<Uint8Array | undefined> {
  if (!(await stat(path)).isFile()) return undefined;
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1024), 0, 1024, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function describe(inspection: LogInspection): string {
  const verdict = inspection.fits ? `fits${inspection.layout === undefined ? '' : `, layout ${inspection.layout}`}` : 'does not fit';
  return [
    `\n${inspection.source}: ${verdict}; ${inspection.rows} rows read`,
    ...inspection.problems.map((problem) => `  ${problem}`),
    ...(inspection.fits ? inspection.sample.slice(0, 3).map((row) => `  ${JSON.stringify(row).slice(0, 300)}`) : []),
  ].join('\n');
}
