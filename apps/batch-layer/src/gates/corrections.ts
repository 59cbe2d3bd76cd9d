import { createHash } from 'node:crypto';
import type { Lake, Sql } from '#tideline/lake';
import type { ObjectStore } from '#tideline/platform';
import { LogScanner, tableNames, type Source } from '#tideline/retention';
import { deliveryOfBytes, keptDelivery, type Delivery } from './delivery.ts';
import { lastRunOf } from './production.ts';
import { finishedRuns, RunHistory } from './run-history.ts';

/** One line of a corrections file: a reject, and what it should have said. */
export interface Correction {
  /** File, loop and byte offset of the rejected line: what names it for good. */
  readonly id: string;
  readonly reason: string;
  readonly detail: string;
  readonly original: string;
  readonly encoding: 'utf8' | 'base64' | 'json';
  /** A line in the source's own format; `""` leaves the reject as it is, null says that there should be no such line. */
  readonly corrected: string | null;
}

/** A corrections file that can't be applied; nothing of it was. */
export class CorrectionsRefused extends Error {
  override readonly name = 'CorrectionsRefused';
}

interface Doors {
  readonly store: ObjectStore;
  readonly lake: Lake;
  readonly sql: Sql;
}

/** Rejects that nobody has corrected yet, as lines of a corrections file; of a source that is loaded by deliveries, those of the last refused one. */
export async function rejectsToCorrect(source: Source, doors: Doors): Promise<readonly Correction[]> {
  const { lake, sql, store } = doors;
  const table = lake.table(tableNames(source).rejects);
  if ((await table.current()) === undefined) return [];
  await sql.bind(table);
  const hasRuns = (await table.schema()).columns.some(({ name }) => name === 'run');
  const refused = source.deployment.load === undefined ? undefined : await lastRefusedRun(source, doors);
  if (source.deployment.load !== undefined && refused === undefined) return [];
  const which = refused === undefined ? (hasRuns ? 'run IS NULL' : 'TRUE') : 'run = ?';
  const rows = await sql.rows(`SELECT * FROM ${table.name} WHERE ${which} AND _file <> '' ORDER BY _file, _loop, _byte_offset`, refused === undefined ? [] : [refused]);
  const done = new Set<string>();
  for await (const { key } of store.list(`${claimFolder(source)}/`)) done.add(key.slice(key.lastIndexOf('/') + 1));
  const corrections = rows.map((row) => ({
    id: `${String(row['_file'])}-${Number(row['_loop'])}-${Number(row['_byte_offset'])}`, reason: String(row['reason']), detail: String(row['detail']),
    original: String(row['original']), encoding: row['encoding'] as Correction['encoding'], corrected: '',
  }));
  return [...new Map(corrections.map((correction) => [correction.id, correction])).values()].filter(({ id }) => refused !== undefined || !done.has(id));
}

async function lastRefusedRun(source: Source, doors: Doors): Promise<string | undefined> {
  const runs = await new RunHistory(source, doors).runs();
  const productionRun = await lastRunOf(doors.lake.table(tableNames(source).silver));
  const last = finishedRuns(runs, productionRun).filter(({ mode }) => mode === 'load').at(-1);
  return last?.verdict === 'refused' ? last.run : undefined;
}

/** Reads a corrections file (a JSON object a line); `CorrectionsRefused` with the line of the first mistake. */
export function parseCorrections(text: string): readonly Correction[] {
  const corrections: Correction[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const refuse = (found: string): never => { throw new CorrectionsRefused(`line ${index + 1}: expected {"id": …, "original": …, "corrected": a line, "" or null}, found ${found}`); };
    let value: Partial<Correction>;
    try {
      value = JSON.parse(line) as Partial<Correction>;
    } catch {
      return refuse('no JSON');
    }
    if (typeof value !== 'object' || value === null) return refuse(JSON.stringify(value));
    if (typeof value.id !== 'string' || !ID.test(value.id)) return refuse(`id ${JSON.stringify(value.id)}`);
    if (value.corrected !== null && typeof value.corrected !== 'string') return refuse(`corrected ${JSON.stringify(value.corrected)}`);
    if (typeof value.corrected === 'string' && /[\r\n]/.test(value.corrected)) return refuse('more than one line in corrected');
    if (corrections.some(({ id }) => id === value.id)) return refuse(`id ${value.id} again`);
    corrections.push({ reason: '', detail: '', original: '', encoding: 'utf8', ...value, id: value.id, corrected: value.corrected });
  }
  return corrections;
}

/** File, loop and byte offset. */
const ID = /^([A-Za-z0-9._=-]+)-(\d+)-(\d+)$/;

const given = (corrections: readonly Correction[]): readonly Correction[] => corrections.filter(({ corrected }) => corrected !== '');

/**
 * The corrected lines of a source on a topic as a file in its own format, named by the corrections' content, for a replay that resumes where it
 * stopped. Each reject is claimed by the first corrections that name it, so that a corrected row counts once whoever corrects it again.
 */
export async function correctedLog(source: Source, corrections: readonly Correction[], store: ObjectStore): Promise<{ readonly name: string; readonly bytes: Buffer; readonly lines: number; readonly alreadyCorrected: number }> {
  const all = given(corrections);
  const header = source.format.header ? `${source.columns.map(({ field }) => field).join(source.format.separator)}\n` : '';
  refuseUnreadable(source, all, header);
  const digest = createHash('sha256').update(JSON.stringify(all.map(({ id, corrected }) => [id, corrected]))).digest('hex').slice(0, 16);
  const mine: string[] = [];
  for (const { id, corrected } of all) {
    const key = `${claimFolder(source)}/${id}`;
    await store.putIfAbsent(key, Buffer.from(digest));
    const owner = Buffer.from(await store.get(key)).toString('utf8');
    if (owner === digest && corrected !== null) mine.push(corrected);
  }
  const bytes = Buffer.from(header + mine.map((line) => `${line}\n`).join(''));
  return { name: `${source.name}-${digest}`, bytes, lines: mine.length, alreadyCorrected: all.filter(({ corrected }) => corrected !== null).length - mine.length };
}

/** Refuses corrections that would be rejected again, before anything is claimed. */
function refuseUnreadable(source: Source, corrections: readonly Correction[], header: string): void {
  for (const { id, corrected } of corrections) {
    if (corrected === null) continue;
    const scanner = new LogScanner(source, { chunkRows: 10, byteOffset: 0, skipHeader: source.format.header });
    const chunks = scanner.push(Buffer.from(`${header}${corrected}\n`));
    const last = scanner.end();
    const rejection = [...chunks, ...(last === undefined ? [] : [last])].flatMap((chunk) => chunk.rejections)[0];
    if (rejection !== undefined) throw new CorrectionsRefused(`${id}: expected a line of ${source.name}, found ${rejection.reason} (${rejection.detail})`);
  }
}

function claimFolder(source: Source): string {
  return `bronze/corrections/${source.name}`;
}

/** The delivery that the rejects are of, with their lines replaced: a delivery of its own, which must pass the same checks. */
export async function correctedDelivery(source: Source, corrections: readonly Correction[], store: ObjectStore): Promise<Delivery> {
  const all = given(corrections);
  const files = new Set(all.map(({ id }) => ID.exec(id)![1]!));
  if (files.size !== 1) throw new CorrectionsRefused(`expected corrections of one delivery, found ${files.size === 0 ? 'none that says anything' : `those of ${[...files].join(', ')}`}`);
  const [file] = files;
  const delivery = await keptDelivery(store, source, file!);
  if (delivery === undefined) throw new CorrectionsRefused(`expected delivery ${file} in bronze/deliveries/${source.name}, found none`);
  const parts: Buffer[] = [];
  for await (const bytes of delivery.read()) parts.push(Buffer.from(bytes));
  let bytes = Buffer.concat(parts);
  const offsetOf = ({ id }: Correction): number => Number(ID.exec(id)![3]);
  // From the end on, so that earlier offsets stay true.
  for (const correction of [...all].sort((a, b) => offsetOf(b) - offsetOf(a))) {
    const original = Buffer.from(correction.original, correction.encoding === 'base64' ? 'base64' : 'utf8');
    const start = offsetOf(correction);
    const end = start + original.length;
    if (!bytes.subarray(start, end).equals(original)) throw new CorrectionsRefused(`${correction.id}: expected the original line at byte ${start} of the delivery, found another`);
    const terminator = bytes[end] === 13 ? 2 : 1;
    const rest = bytes.subarray(correction.corrected === null ? end + terminator : end);
    bytes = Buffer.concat([bytes.subarray(0, start), Buffer.from(correction.corrected ?? ''), rest]);
  }
  return deliveryOfBytes(`delivery ${file} with ${all.length} corrections`, bytes);
}
