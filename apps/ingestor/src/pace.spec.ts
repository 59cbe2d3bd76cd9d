import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '#tideline/platform';
import type { Chunk, ColumnBatch } from '#tideline/retention';
import { cutByEventTime, pacedChunkRows, Pacer, parseRate, parseSpeed } from './pace.ts';

/** Rows of event time and text, each ten bytes long, with rejected lines in between where `null` stands. */
function chunkOf(times: readonly (number | null)[]): Chunk {
  const kept = times.flatMap((time, i) => (time === null ? [] : [{ time, byteOffset: i * 10 }]));
  const texts = Buffer.from(kept.map((_, i) => 'x'.repeat(i % 4)).join(''));
  const offsets = new Int32Array(kept.length + 1);
  kept.forEach((_, i) => (offsets[i + 1] = offsets[i] + (i % 4)));
  const batch: ColumnBatch = {
    rowCount: kept.length,
    names: ['at', 'text'],
    columns: [
      { type: { name: 'timestamp' }, values: Float64Array.from(kept, ({ time }) => time), nulls: Uint8Array.from(kept, (_, i) => i % 2) },
      { type: { name: 'string' }, values: texts, offsets },
    ],
  };
  return {
    batch,
    byteOffsets: Float64Array.from(kept, ({ byteOffset }) => byteOffset),
    rejections: times.flatMap((time, i) => (time === null ? [{ byteOffset: i * 10, reason: 'bad', detail: '', original: new Uint8Array() }] : [])),
    rowsRead: times.length,
    byteOffsetStart: 0,
    byteOffsetEnd: times.length * 10,
  };
}

function textsOf({ batch }: Chunk): string[] {
  const [times, texts] = batch.columns;
  return Array.from({ length: batch.rowCount }, (_, i) =>
    `${times.values[i]}${times.nulls![i]}${Buffer.from(texts.values as Uint8Array).toString('utf8', texts.offsets![i], texts.offsets![i + 1])}`);
}

describe('cutByEventTime', () => {
  const times = fc.array(fc.option(fc.integer({ min: 0, max: 20_000 }), { freq: 5 }), { maxLength: 40 });

  test('the pieces are the chunk again: rows, rejections and bytes, each once and in order', () => {
    fc.assert(fc.property(times, fc.integer({ min: 1, max: 100 }), (rows, factor) => {
      const chunk = chunkOf(rows);
      const pieces = cutByEventTime(chunk, 'at', factor).map((piece) => piece.chunk);
      expect(pieces.flatMap(textsOf)).toEqual(textsOf(chunk));
      expect(pieces.flatMap(({ byteOffsets }) => [...byteOffsets])).toEqual([...chunk.byteOffsets]);
      expect(pieces.flatMap(({ rejections }) => rejections)).toEqual(chunk.rejections);
      expect(pieces.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBe(chunk.rowsRead);
      expect(pieces[0].byteOffsetStart).toBe(chunk.byteOffsetStart);
      expect(pieces[pieces.length - 1].byteOffsetEnd).toBe(chunk.byteOffsetEnd);
      for (let i = 1; i < pieces.length; i++) expect(pieces[i].byteOffsetStart).toBe(pieces[i - 1].byteOffsetEnd);
    }));
  });

  test('cuts where the running maximum enters another cell of 50 ms at that speed', () => {
    const pieces = cutByEventTime(chunkOf([0, 400, 100, 500, 499, 1700, 2100]), 'at', 10);
    expect(pieces.map(({ chunk, timeMs }) => [chunk.batch.rowCount, timeMs])).toEqual([[3, 400], [2, 500], [1, 1700], [1, 2100]]);
  });
});

describe('Pacer', () => {
  const paced = async (pace: ConstructorParameters<typeof Pacer>[0], steps: readonly [rows: number, timeMs?: number][]): Promise<number[]> => {
    let nowMs = 1_000;
    const clock = { nowMs: () => nowMs, steadyMs: () => nowMs, sleep: async (ms: number) => void (nowMs += ms) };
    const pacer = new Pacer(pace, clock, new AbortController().signal);
    const at: number[] = [];
    for (const [rows, timeMs] of steps) {
      await pacer.due(rows, timeMs);
      at.push(nowMs - 1_000);
    }
    return at;
  };

  test('a time of day that is set forth or back by an hour changes no pace', async () => {
    for (const byMs of [-3_600_000, 3_600_000]) {
      const clock = new ManualClock(1e12);
      const pacer = new Pacer({ kind: 'rate', rowsPerSecond: 100 }, clock, new AbortController().signal);
      await pacer.due(50, undefined);
      clock.set(byMs);
      let isDue = false;
      const due = pacer.due(50, undefined).then(() => (isDue = true));
      await clock.advance(499);
      expect(isDue).toBe(false);
      await clock.advance(1);
      await due;
    }
  });

  test('by rate, by event time, and not at all', async () => {
    expect(await paced({ kind: 'rate', rowsPerSecond: 100 }, [[5], [5], [10], [1]])).toEqual([0, 50, 100, 200]);
    expect(await paced({ kind: 'speed', factor: 60 }, [[5, 6_000], [5, 12_000], [1, 66_000]])).toEqual([0, 100, 1_000]);
    expect(await paced({ kind: 'unpaced' }, [[5], [5]])).toEqual([0, 0]);
  });

  test('a rate makes chunks smaller, so that rows do not wait', () => {
    expect(pacedChunkRows({ kind: 'rate', rowsPerSecond: 200 }, 5_000)).toBe(10);
    expect(pacedChunkRows({ kind: 'rate', rowsPerSecond: 3 }, 5_000)).toBe(1);
    expect(pacedChunkRows({ kind: 'rate', rowsPerSecond: 1e9 }, 5_000)).toBe(5_000);
  });

  test('reads speeds and rates as they are written', () => {
    expect([parseSpeed('60x'), parseSpeed('0.5'), parseSpeed('-1x'), parseSpeed('0x'), parseSpeed('fast')]).toEqual([60, 0.5, undefined, undefined, undefined]);
    expect([parseRate('20000/s'), parseRate('7'), parseRate('20000/m')]).toEqual([20_000, 7, undefined]);
  });
});
