import assert from 'node:assert';

import { AlibabaLines } from './alibaba-lines.ts';
import { LedgerLines } from './ledger-lines.ts';
import type { LineWriter } from './line-writer.ts';
import { OnlineRetailLines } from './online-retail-lines.ts';
import { UserBehaviorLines } from './user-behavior-lines.ts';

/** Exactly one of `rows` and `bytes`; times matter to sources that have them. */
export interface GenerateOptions {
  readonly seed: number;
  /** Exactly so many rows, a header not counted. */
  readonly rows?: number;
  /** About so many bytes: for alibaba to the first line that reaches them, else within a few per cent. */
  readonly bytes?: number;
  /** Size of the blocks in which the bytes come; it does not change the bytes. */
  readonly blockBytes?: number;
  readonly startMs?: number;
  readonly durationMs?: number;
}

const BLOCK_BYTES = 1 << 18;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface SyntheticFormat {
  readonly meanLineBytes: number;
  readonly startMs: number;
  readonly durationMs: number;
  open(seed: number, rows: number, startMs: number, durationMs: number): LineWriter;
}

const FORMATS: Readonly<Record<string, SyntheticFormat>> = {
  alibaba: { meanLineBytes: 1634, startMs: 0, durationMs: 0, open: (seed) => new AlibabaLines(seed) },
  'user-behavior': {
    meanLineBytes: 39.7,
    startMs: Date.UTC(2017, 10, 26, 1),
    durationMs: 2 * HOUR_MS,
    open: (seed, rows, startMs, durationMs) => new UserBehaviorLines(seed, rows, startMs, durationMs),
  },
  'online-retail': {
    meanLineBytes: 84.3,
    startMs: Date.UTC(2010, 11, 1),
    durationMs: 374 * DAY_MS,
    open: (seed, rows, startMs, durationMs) => new OnlineRetailLines(seed, rows, startMs, durationMs),
  },
  ledger: {
    meanLineBytes: 47,
    startMs: Date.UTC(2026, 0, 1),
    durationMs: 5 * DAY_MS,
    open: (seed, rows, startMs, durationMs) => new LedgerLines(seed, rows, startMs, durationMs),
  },
};

/** Names of the sources that synthetic logs can be made for. */
export const SYNTHETIC_SOURCES: readonly string[] = Object.keys(FORMATS);

/**
 * A synthetic log in a source's own file format, as blocks that end with a whole line. The same source, seed, size and times give the same
 * bytes. The structure is plausible and can be learned from; the values are nobody's.
 */
export function* generate(source: string, options: GenerateOptions): Generator<Uint8Array, void, undefined> {
  const format = FORMATS[source];
  assert(format !== undefined, `expected one of ${SYNTHETIC_SOURCES.join(', ')}, found ${source}`);
  assert((options.rows === undefined) !== (options.bytes === undefined), 'expected rows or bytes, and not both');
  const exactBytes = options.bytes !== undefined && source === 'alibaba';
  const rows = options.rows ?? (exactBytes ? Infinity : Math.max(1, Math.round(options.bytes! / format.meanLineBytes)));
  const lines = format.open(options.seed, rows, options.startMs ?? format.startMs, options.durationMs ?? format.durationMs);
  const blockBytes = Math.max(options.blockBytes ?? BLOCK_BYTES, lines.header.length);
  const bytesAtMost = exactBytes ? options.bytes! : Infinity;
  let block = Buffer.allocUnsafeSlow(blockBytes + lines.lineBytesAtMost);
  let position = block.write(lines.header, 'latin1');
  let written = 0;
  let rowsLeft = rows;
  while (rowsLeft > 0 && written + position < bytesAtMost) {
    const next = lines.write(block, position);
    if (next < 0) break;
    rowsLeft--;
    position = next;
    if (position < blockBytes) continue;
    yield block.subarray(0, position);
    written += position;
    block = Buffer.allocUnsafeSlow(blockBytes + lines.lineBytesAtMost);
    position = 0;
  }
  if (position > 0) yield block.subarray(0, position);
}
