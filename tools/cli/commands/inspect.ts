import type { Command } from 'commander';
import { isPlatformError, openLogFile } from '#tideline/platform';
import { detectSource, fileSource, tableNamesOf, type Inspection, type Source } from '#tideline/retention';
import { compileLayoutCheck } from '../../../apps/ingestor/src/index.ts';
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
  try {
    const { head, whole, damage } = await readHead(file.read(0));
    const readers = sources.flatMap((source) => tableNamesOf(source).map((table) => ({ source, table, reader: fileSource(source, table) })));
    const checks = Object.fromEntries(sources.flatMap((source) => {
      const check = source.tables === undefined ? compileLayoutCheck(source) : undefined;
      return check === undefined ? [] : [[source.name, check]];
    }));
    const found = detectSource(readers.map(({ reader }) => reader), head, checks, { whole })
      .map(({ source: reader, inspection }) => ({ ...readers.find((known) => known.reader === reader)!, inspection }));
    const best = found.find(({ inspection }) => inspection.fits);
    const report = {
      file: path,
      wrappings: file.wrappings,
      bytesLookedAt: head.byteLength,
      damage: damage ?? null,
      source: best?.source.name ?? null,
      ...(best?.table !== undefined && { table: best.table }),
      layout: best?.inspection.layout ?? null,
      inspections: found.map(({ source, table, inspection }) => ({ source: source.name, ...(table !== undefined && { table }), ...inspection })),
    };
    const kind = file.wrappings.length === 0 ? 'plain' : file.wrappings.join(' in ');
    output.result(report, () => [`${path}: ${kind}, looked at its first ${formatBytes(head.byteLength)}`, ...(best === undefined ? found : [best]).map(describe)].join('\n'));
    if (best === undefined) throw refused(`expected a log of ${sources.map((source) => source.name).join(', ')}, found none that fits`);
    if (damage !== undefined) throw refused(damage, `what comes before can be read: \`tideline replay ${path} --source ${best.source.name}\` keeps it and goes on once the file is whole`);
  } finally {
    await file.close();
  }
}

/** At most a megabyte, or what can be read before the file is damaged; a piece is valid only until the next is asked for, so it is copied. */
async function readHead(pieces: AsyncIterable<Uint8Array>): Promise<{ head: Uint8Array; whole: boolean; damage?: string }> {
  const parts: Buffer[] = [];
  let length = 0;
  const head = (): Uint8Array => Buffer.concat(parts).subarray(0, HEAD_BYTES);
  try {
    for await (const piece of pieces) {
      parts.push(Buffer.from(piece));
      length += piece.byteLength;
      if (length >= HEAD_BYTES) break;
    }
  } catch (error) {
    if (length === 0 || !isPlatformError(error, 'CORRUPT')) throw error;
    return { head: head(), whole: false, damage: error.message };
  }
  // A last line without a newline is complete only where the file ends.
  return { head: head(), whole: length < HEAD_BYTES };
}

function describe({ source, table, inspection }: { readonly source: Source; readonly table: string | undefined; readonly inspection: Inspection }): string {
  const { fits, layout, rows, accepted, problems, sample } = inspection;
  const verdict = fits ? `fits, layout ${layout}` : 'does not fit';
  return [
    `\n${source.name}${table === undefined ? '' : `, table ${table}`}: ${verdict}; ${rows} rows read, ${accepted} are records`,
    ...problems.map((problem) => `  ${problem}`),
    ...(fits ? sample.slice(0, 3).map((row) => `  ${JSON.stringify(row).slice(0, 300)}`) : []),
  ].join('\n');
}
