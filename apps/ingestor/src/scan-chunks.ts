import type { LogFile } from '#tideline/platform';
import { LogScanner, type Chunk, type Source } from '#tideline/retention';
import { ReplayRefused } from './replay-refused.ts';

/** From where and into how large chunks a file is scanned. */
export interface ScanRequest {
  readonly source: Source;
  readonly chunkRows: number;
  /** 0 or where a chunk ended. */
  readonly byteOffset: number;
  /** Column names by position, when the header lies before `byteOffset`. */
  readonly fields: readonly string[] | undefined;
}

export interface ScannedChunk {
  readonly chunk: Chunk;
  readonly fields: readonly string[];
  /** Bytes of the file as stored that were read so far, for progress. */
  readonly bytesReadCompressed: number;
}

/** The rest of a file as chunks, in order; each is made when the one before is done with. */
export async function* scanChunks(file: LogFile, { source, chunkRows, byteOffset, fields }: ScanRequest): AsyncIterable<ScannedChunk> {
  const skipHeader = source.format.header && byteOffset === 0;
  const scanner = new LogScanner(source, { chunkRows, byteOffset, skipHeader, ...(!skipHeader && fields && { fields }) });
  const refuseProblem = (): void => {
    if (scanner.problem !== undefined) throw new ReplayRefused('wrong-layout', `${file.path}: ${scanner.problem}`);
  };
  const scanned = (chunk: Chunk): ScannedChunk => ({ chunk, fields: scanner.fields, bytesReadCompressed: file.bytesReadCompressed });
  for await (const bytes of file.read(byteOffset)) {
    for (const chunk of scanner.push(bytes)) yield scanned(chunk);
    refuseProblem();
  }
  const last = scanner.end();
  refuseProblem();
  if (last !== undefined) yield scanned(last);
}
