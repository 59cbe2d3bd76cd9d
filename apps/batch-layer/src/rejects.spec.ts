import { describe, expect, it, vi } from 'vitest';
import { isPlatformError, MemoryObjectStore, PlatformError } from '#tideline/platform';
import { tableNames } from '#tideline/retention';
import { appendText, BatchWorld, readTable, sourceNamed } from './batch-fixtures.ts';
import { landRejects } from './rejects.ts';

const clicks = sourceNamed('user-behavior');
const retail = sourceNamed('online-retail');
const { rejects: REJECTS } = tableNames(clicks);
const GOOD = '1,11,22,pv,1511658000\n';
const BAD = '1,11,22,stolen,1511658000\n';

describe('landing rejects', () => {
  it('keeps each dead letter of the source once, with reason, original and place', async () => {
    const world = new BatchWorld();
    expect(await landRejects(clicks, world)).toBe(0);
    await appendText(world, clicks, GOOD + BAD + GOOD, { chunkRows: 1 });
    await appendText(world, retail, 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\nanother source\n', { fileId: 'file-2' });
    expect(await landRejects(clicks, world)).toBe(1);
    expect(await landRejects(clicks, world)).toBe(0);
    await appendText(world, clicks, `x\n${BAD}`, { fileId: 'file-3' });
    expect(await landRejects(clicks, world)).toBe(2);
    const rows = await readTable(world.store, world.lake.table(REJECTS));
    expect(rows).toMatchObject([
      { original: BAD.trim(), encoding: 'utf8', _file: 'file-1', _byte_offset: GOOD.length, _offset: 0, _topic: 'dead-letter' },
      { original: 'x', _file: 'file-3', _byte_offset: 0, _offset: 2 },
      { original: BAD.trim(), _file: 'file-3', _byte_offset: 2, _offset: 3 },
    ]);
    expect(rows.map(({ reason }) => reason)).toEqual([rows[0]!['reason'], 'field-count', rows[0]!['reason']]);
    expect((await world.lake.table(REJECTS).current())!.offsets).toEqual({ 0: [0, 4] });
  });

  it('says base64 of bytes that are no text', async () => {
    const world = new BatchWorld();
    await appendText(world, clicks, 'one,1\n');
    const { log } = world;
    const read = log.read.bind(log);
    vi.spyOn(log, 'read').mockImplementation(async (...request) => {
      const letter = { source: clicks.name, file: 'f', byteOffset: 0, reason: 'field-count', detail: '', original: '/w==', encoding: 'base64' };
      const value = Buffer.from(JSON.stringify(letter));
      return (await read(...request)).map((batch) => ({ ...batch, values: value, valueOffsets: Uint32Array.of(0, value.length) }));
    });
    expect(await landRejects(clicks, world)).toBe(1);
    expect(await readTable(world.store, world.lake.table(REJECTS))).toMatchObject([{ original: '/w==', encoding: 'base64' }]);
  });

  it('keeps what a commit published when its answer is lost', async () => {
    const store = new MemoryObjectStore();
    const world = new BatchWorld({ store });
    await appendText(world, clicks, BAD);
    const put = store.putIfAbsent.bind(store);
    const head = store.head.bind(store);
    let isDown = false;
    vi.spyOn(store, 'putIfAbsent').mockImplementation(async (key, bytes) => {
      const done = await put(key, bytes);
      if (!key.endsWith('v2.metadata.json')) return done;
      isDown = true;
      throw new PlatformError('TIMEOUT', 'no answer', { outcome: 'unknown' });
    });
    vi.spyOn(store, 'head').mockImplementation(async (key) => {
      if (isDown) throw new PlatformError('UNAVAILABLE', 'still down');
      return head(key);
    });
    await expect(landRejects(clicks, world)).rejects.toSatisfy((error) => isPlatformError(error));
    isDown = false;
    vi.restoreAllMocks();
    expect(await landRejects(clicks, world)).toBe(0);
    expect(await readTable(store, world.lake.table(REJECTS))).toHaveLength(1);
  });
});
