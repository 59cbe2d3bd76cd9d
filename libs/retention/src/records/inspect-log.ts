import type { Source } from '../sources/source.ts';
import type { Column, ColumnBatch } from './columns.ts';
import { detectContainer } from './detect-container.ts';
import { LogScanner } from './log-scanner.ts';
import type { Chunk, Rejection } from './log-scanner.ts';
import { fieldBounds } from './row-reader.ts';

const SAMPLE_ROWS = 10;
/** Lines of the head that are looked at. */
const ROWS_AT_MOST = 2000;
/** A file of which less than this share of lines can be read is another source's. */
const READABLE_SHARE = 0.1;

/** What is known about a file from its head. */
export interface Inspection {
  /** The file can be replayed as this source under its configured layout. */
  readonly fits: boolean;
  /** The layout that its rows have, the configured one or another; undefined when none fits. */
  readonly layout: string | undefined;
  /** Column names by file position under that layout, after a header if there is one. */
  readonly fields: readonly string[] | undefined;
  /** Lines looked at, and how many of them are records under the layout. */
  readonly rows: number;
  readonly accepted: number;
  /** What is wrong, most important first: expected, found, which. */
  readonly problems: string[];
  /** First records, decoded: decimals as numbers, times as ISO text, lists as arrays. */
  readonly sample: Record<string, unknown>[];
}

/** What an inspection may be given besides the head. */
export interface InspectOptions {
  /** The source's `layoutCheck`, compiled: 1 for every row of the batch for which it holds. Without it layouts differ by readable rows. */
  readonly layoutCheck?: (batch: ColumnBatch) => Uint8Array;
  /** The layout that the file is expected to have; the source's own by default. */
  readonly layout?: string;
  /** The head is the whole file, so its last line is complete even without a newline. */
  readonly whole?: boolean;
  /** Sources whose format a file that does not fit may have instead. */
  readonly others?: readonly Source[];
}

interface Trial {
  readonly layout: string;
  readonly fields: readonly string[];
  readonly chunk: Chunk | undefined;
  readonly headerProblem: string | undefined;
  /** Rows for which the layout check holds; all readable ones without a check. */
  readonly votes: number;
}

/** Reads the head of a (decompressed) file as the source under each of its layouts and says which fits, or what it is instead. */
export function inspectLog(source: Source, head: Uint8Array, options: InspectOptions = {}): Inspection {
  const configured = options.layout ?? source.format.layout;
  const container = detectContainer(head);
  const nothing = { fits: false, layout: undefined, fields: undefined, rows: 0, accepted: 0, sample: [] };
  if (container !== undefined) return { ...nothing, problems: [containerProblem(source, container)] };
  const lines = completeLines(head, options.whole ?? false);
  if (lines.length === 0) return { ...nothing, problems: [`expected lines of ${source.name}, found an empty file`] };
  const trials = source.format.layouts.map(({ name }) => tryLayout(source, name, lines, options.layoutCheck));
  const own = trials.find((trial) => trial.layout === configured) ?? trials[0];
  const best = trials.reduce((a, b) => (b.votes > a.votes || (b.votes === a.votes && b === own) ? b : a));
  const bestFits = isConvincing(best);
  const fits = bestFits && best === own;
  const shown = bestFits ? best : own;
  const problems = fits ? [] : misfits(source, own, bestFits ? best : undefined, lines, options.others ?? []);
  problems.push(...damages(shown.chunk, lines));
  return {
    fits,
    layout: bestFits ? best.layout : undefined,
    fields: bestFits ? best.fields : undefined,
    rows: shown.chunk?.rowsRead ?? 0,
    accepted: shown.chunk?.batch.rowCount ?? 0,
    problems,
    sample: shown.chunk === undefined ? [] : sampleOf(shown.chunk.batch, SAMPLE_ROWS),
  };
}

/** The sources by how well a head fits them, best first; ties keep the given order. */
export function detectSource(
  sources: readonly Source[],
  head: Uint8Array,
  layoutChecks: Readonly<Partial<Record<string, (batch: ColumnBatch) => Uint8Array>>> = {},
  options: Pick<InspectOptions, 'whole'> = {},
): { readonly source: Source; readonly inspection: Inspection }[] {
  const ranked = sources.map((source) => {
    const layoutCheck = layoutChecks[source.name];
    return { source, inspection: inspectLog(source, head, layoutCheck === undefined ? options : { ...options, layoutCheck }) };
  });
  const worth = ({ fits, layout, rows, accepted }: Inspection): number =>
    (fits ? 2 : 0) + (layout === undefined ? 0 : 1) + (rows === 0 ? 0 : accepted / rows);
  return ranked.sort((a, b) => worth(b.inspection) - worth(a.inspection));
}

/** The first rows of a batch as plain values by column name. */
export function sampleOf(batch: ColumnBatch, rows: number): Record<string, unknown>[] {
  return Array.from({ length: Math.min(rows, batch.rowCount) }, (_, row) =>
    Object.fromEntries(batch.names.map((name, index) => [name, plainValue(batch.columns[index], row)])),
  );
}

function plainValue(column: Column, row: number): unknown {
  const { type, values, offsets, nulls } = column;
  if (nulls?.[row] === 1) return null;
  if (type.name === 'string') return Buffer.from(values.slice(offsets![row], offsets![row + 1])).toString('utf8');
  const scalar = (index: number): unknown => {
    const element = type.name === 'list' ? type.of : type;
    if (element.name === 'decimal') return values[index] / 10 ** element.scale;
    if (element.name === 'boolean') return values[index] === 1;
    if (element.name === 'timestamp') return new Date(values[index]).toISOString();
    return element.name === 'date' ? new Date(values[index] * 86_400_000).toISOString().slice(0, 10) : values[index];
  };
  if (type.name !== 'list') return scalar(row);
  return Array.from({ length: offsets![row + 1] - offsets![row] }, (_, index) => scalar(offsets![row] + index));
}

function tryLayout(source: Source, layout: string, lines: Uint8Array, check: InspectOptions['layoutCheck']): Trial {
  const scanner = new LogScanner(source, { layout, chunkRows: ROWS_AT_MOST, byteOffset: 0, skipHeader: source.format.header });
  const chunk = scanner.push(lines)[0] ?? scanner.end();
  const holds = chunk === undefined || chunk.batch.rowCount === 0 || check === undefined ? undefined : check(chunk.batch);
  const votes = holds === undefined ? (chunk?.batch.rowCount ?? 0) : holds.reduce((sum, each) => sum + each, 0);
  return { layout, fields: scanner.fields, chunk, headerProblem: scanner.problem, votes };
}

function isConvincing({ headerProblem, chunk, votes }: Trial): boolean {
  if (headerProblem !== undefined || chunk === undefined) return false;
  // A file with nothing but its header is a log without rows.
  if (chunk.rowsRead === 0) return true;
  return chunk.batch.rowCount >= chunk.rowsRead * READABLE_SHARE && votes * 2 > chunk.batch.rowCount;
}

/** The head up to its last newline: what follows may be cut off. */
function completeLines(head: Uint8Array, whole: boolean): Uint8Array {
  const end = head.lastIndexOf(10) + 1;
  return whole || end === 0 ? head : head.subarray(0, end);
}

function containerProblem(source: Source, container: string): string {
  if (container === 'tar in tar') return `expected lines of ${source.name}, found a tar archive inside a tar archive: unpack it twice`;
  return `expected lines of ${source.name}, found ${container === 'tar' ? 'a tar archive' : container}: unpack it first`;
}

function misfits(source: Source, own: Trial, best: Trial | undefined, lines: Uint8Array, others: readonly Source[]): string[] {
  if (own.headerProblem !== undefined) return [own.headerProblem, ...otherSources(lines, others)];
  if (best !== undefined) {
    const rows = best.chunk?.batch.rowCount ?? 0;
    return [`layout: found ${best.layout}, configured ${own.layout} (${best.votes} of ${rows} rows fit ${best.layout}, ${own.votes} fit ${own.layout})`];
  }
  const problems = otherSources(lines, others);
  const [fields, count, total] = usualFieldCount(source, lines);
  const expected = source.columns.length;
  if (fields !== expected) {
    const legacy = fields > expected / 2 && fields < expected * 2 ? ': an extract of another version of this log, such as a legacy sample' : '';
    problems.push(`expected ${expected} fields a line, found ${fields} in ${count} of ${total} lines${legacy}`);
  } else {
    const readable = own.chunk?.batch.rowCount ?? 0;
    const known = source.format.layouts.map(({ name }) => name).join(', ');
    const what = readable > own.votes ? `its layout check holds for ${own.votes} of ${readable} rows` : `${readable} of ${total} lines can be read`;
    problems.push(`expected rows of ${source.name}, found none of its layouts (${known}): under ${own.layout} ${what}`);
  }
  return problems;
}

function otherSources(lines: Uint8Array, others: readonly Source[]): string[] {
  return others.filter((other) => inspectLog(other, lines).fits).map((other) => `the file has the format of ${other.name}`);
}

/** The most frequent number of fields, how many lines have it, and how many there are. */
function usualFieldCount(source: Source, lines: Uint8Array): [number, number, number] {
  const separator = source.format.separator.charCodeAt(0);
  const quote = source.format.quote === undefined ? -1 : source.format.quote.charCodeAt(0);
  const counts = new Map<number, number>();
  let total = 0;
  for (let start = 0; start < lines.length && total < ROWS_AT_MOST; total++) {
    const newline = lines.indexOf(10, start);
    const end = newline < 0 ? lines.length : newline;
    const fields = fieldBounds(lines, start, end, separator, quote).length / 2;
    counts.set(fields, (counts.get(fields) ?? 0) + 1);
    start = end + 1;
  }
  const [fields, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0]);
  return [fields, count, total];
}

/** Damage that some lines show, by reason, with the first line of each. */
function damages(chunk: Chunk | undefined, lines: Uint8Array): string[] {
  const problems: string[] = [];
  const nul = lines.indexOf(0);
  if (nul >= 0) problems.push(`found NUL bytes, the first at byte ${nul}`);
  const first = new Map<string, Rejection>();
  const counts = new Map<string, number>();
  for (const rejection of chunk?.rejections ?? []) {
    if (!first.has(rejection.reason)) first.set(rejection.reason, rejection);
    counts.set(rejection.reason, (counts.get(rejection.reason) ?? 0) + 1);
  }
  for (const [reason, { byteOffset, detail }] of first) {
    problems.push(`${reason}: ${counts.get(reason)} of ${chunk!.rowsRead} lines, the first at byte ${byteOffset}: ${detail}`);
  }
  return problems;
}
