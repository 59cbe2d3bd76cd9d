import { type ColumnDefinition, type Lake, type Snapshot, type Table } from '#tideline/lake';
import { createRefiner, LogScanner, tableNames, takeRows, type Chunk, type Column, type ColumnBatch, type Source } from '#tideline/retention';
import { silverColumns } from '../land.ts';
import { besideEachOther, provenanceColumns } from '../provenance.ts';
import type { Delivery } from './delivery.ts';
import type { Reject } from './reject-writer.ts';

/** The file is not one of the source's, or not one that may be loaded now; nothing of it was published. */
export class DeliveryRefused extends Error {
  override readonly name = 'DeliveryRefused';
}

/** A delivery as a table of its own, which nobody reads but the run that wrote it. */
export interface StagedDelivery {
  readonly table: Table;
  readonly snapshot: Snapshot;
  /** Lines read: staged rows and unreadable ones. */
  readonly read: number;
  readonly unreadable: readonly Reject[];
  /** Newest value of the column that places rows in time, of the staged rows; undefined without rows, or when not asked for. */
  readonly newestMs: number | undefined;
}

const CHUNK_ROWS = 5000;
/** More unreadable lines than this, and more than readable ones, are no delivery of the source: they are not kept one by one. */
const MOST_UNREADABLE = 100_000;

/** The line as it stood in the file, beside silver's columns. */
const lineColumn: ColumnDefinition = { name: '_line', type: { name: 'string' }, nullable: false };

/** Scans, types and derives a delivery into `silver.<source>_staging`, in the place of what was there. */
export async function stageDelivery(source: Source, delivery: Delivery, lake: Lake, atMs: number, by?: string): Promise<StagedDelivery> {
  const table = lake.table(tableNames(source).staging);
  await table.ensure([...silverColumns(source), lineColumn]);
  const writer = await table.writer();
  const unreadable: Reject[] = [];
  let [read, staged, newestMs] = [0, 0, -Infinity];
  try {
    for await (const { batch, rejects, rowsRead } of refinedChunks(source, delivery, atMs)) {
      read += rowsRead;
      unreadable.push(...rejects);
      if (unreadable.length > MOST_UNREADABLE && unreadable.length > staged) {
        throw new DeliveryRefused(`${delivery.name}: expected lines of ${source.name}, found ${unreadable.length} of the first ${read} that are none (${unreadable[0]!.reason}: ${unreadable[0]!.detail})`);
      }
      staged += batch.rowCount;
      if (by !== undefined) newestMs = Math.max(newestMs, newestOf(batch, by));
      await writer.write(batch);
    }
    const files = await writer.finish();
    const snapshot = await table.overwrite(files, { summary: { delivery: delivery.id } });
    return { table, snapshot, read, unreadable, newestMs: newestMs === -Infinity ? undefined : newestMs };
  } catch (error) {
    await writer.abort().catch(() => undefined);
    throw error;
  }
}

interface RefinedChunk {
  readonly batch: ColumnBatch;
  readonly rejects: readonly Reject[];
  readonly rowsRead: number;
}

async function* refinedChunks(source: Source, delivery: Delivery, atMs: number): AsyncIterable<RefinedChunk> {
  // The scanner keeps the lines of accepted rows only where rules may still refuse them; here every row's line is wanted.
  const keepsLines: Source = { ...source, rejects: [...source.rejects, { when: 'false', reason: 'never' }] };
  const scanner = new LogScanner(keepsLines, { chunkRows: CHUNK_ROWS, byteOffset: 0, skipHeader: source.format.header });
  const refine = createRefiner(source);
  let ordinal = 0;
  const refined = (chunk: Chunk): RefinedChunk => {
    const result = refineChunk(chunk, refine, delivery.id, ordinal, atMs);
    ordinal += chunk.rowsRead;
    return result;
  };
  const refuseProblem = (): void => {
    if (scanner.problem !== undefined) throw new DeliveryRefused(`${delivery.name}: ${scanner.problem}`);
  };
  for await (const bytes of delivery.read()) {
    for (const chunk of scanner.push(bytes)) yield refined(chunk);
    refuseProblem();
  }
  const last = scanner.end();
  refuseProblem();
  if (last !== undefined) yield refined(last);
}

function refineChunk(chunk: Chunk, refine: ReturnType<typeof createRefiner>, file: string, ordinal: number, atMs: number): RefinedChunk {
  const { batch: refined, kept, rejections } = refine(chunk.batch);
  const lines: Column = { type: lineColumn.type, values: chunk.originals!.bytes, offsets: chunk.originals!.offsets };
  const added: ColumnBatch = {
    rowCount: chunk.batch.rowCount,
    names: [...provenanceColumns.map(({ name }) => name), '_late', lineColumn.name],
    columns: [...provenanceOfChunk(chunk, file, ordinal, atMs), { type: { name: 'boolean' }, values: new Uint8Array(chunk.batch.rowCount) }, lines],
  };
  const place = { file, loop: 0, topic: '', partition: 0, offset: -1, suite: null, check: null };
  const { offsets, bytes } = chunk.originals!;
  const rejects = [
    ...chunk.rejections.map(({ byteOffset, reason, detail, original }) => ({ ...place, byteOffset, reason, detail, ...textOf(original) })),
    ...rejections.map(({ row, reason }) => ({ ...place, byteOffset: chunk.byteOffsets[row]!, reason, detail: 'a rule of schema.yaml', ...textOf(bytes.subarray(offsets[row], offsets[row + 1])) })),
  ];
  return { batch: besideEachOther(refined, takeRows(added, kept)), rejects: rejects.sort((a, b) => a.byteOffset - b.byteOffset), rowsRead: chunk.rowsRead };
}

/** Columns of `provenanceColumns`: no topic, and the line's number in the place of an offset. */
function provenanceOfChunk({ batch, byteOffsets }: Chunk, file: string, ordinal: number, atMs: number): Column[] {
  const rows = batch.rowCount;
  const id = Buffer.from(file);
  const files = new Uint8Array(rows * id.length);
  const ends = new Int32Array(rows + 1);
  const offsets = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    files.set(id, row * id.length);
    ends[row + 1] = (row + 1) * id.length;
    offsets[row] = ordinal + row;
  }
  const int = { name: 'int' } as const;
  const bigint = { name: 'bigint' } as const;
  const string = { name: 'string' } as const;
  return [
    { type: string, values: files, offsets: ends },
    { type: int, values: new Int32Array(rows) },
    { type: bigint, values: byteOffsets },
    { type: string, values: new Uint8Array(0), offsets: new Int32Array(rows + 1) },
    { type: int, values: new Int32Array(rows) },
    { type: bigint, values: offsets },
    { type: { name: 'timestamp' }, values: new Float64Array(rows).fill(atMs) },
  ];
}

/** Bytes that are no UTF-8 travel as base64. */
function textOf(bytes: Uint8Array): Pick<Reject, 'original' | 'encoding'> {
  try {
    return { original: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), encoding: 'utf8' };
  } catch {
    return { original: Buffer.from(bytes).toString('base64'), encoding: 'base64' };
  }
}

function newestOf(batch: ColumnBatch, by: string): number {
  const { type, values, nulls } = batch.columns[batch.names.indexOf(by)]!;
  let newest = -Infinity;
  for (let row = 0; row < batch.rowCount; row++) if (nulls?.[row] !== 1) newest = Math.max(newest, values[row]!);
  return type.name === 'date' ? newest * 86_400_000 : newest;
}
