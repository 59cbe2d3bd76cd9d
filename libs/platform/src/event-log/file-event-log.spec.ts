import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventLogContract } from './event-log.contract.ts';
import { FileEventLog } from './file-event-log.ts';
import { packTexts, valuesOf } from './text-records.ts';

eventLogContract('FileEventLog', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tideline-log-'));
  const opened: FileEventLog[] = [];
  return {
    address: `file:${folder}`,
    exclusiveGroups: true,
    open: async (app) => {
      const log = new FileEventLog(folder, { app });
      opened.push(log);
      return log;
    },
    dispose: async () => {
      for (const log of opened) await log.close();
      rmSync(folder, { recursive: true });
    },
  };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tideline-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const text = (value: string) => packTexts([{ key: 'k', value, timestampMs: 1 }]);

describe('the files of a log', () => {
  test('everything is there after reopening, and base offsets have no gaps', async () => {
    for (let round = 0; round < 3; round++) {
      const log = new FileEventLog(folder, { app: 'a' });
      await log.ensureTopics({ t: { partitions: 1 } });
      const writer = await log.openWriter('w');
      expect(await writer.commit({ appends: [{ topic: 't', partition: 0, records: text(`r${round}`) }] })).toEqual([round]);
      expect(valuesOf(await log.read('t', 0, 0))).toEqual(Array.from({ length: round + 1 }, (_, i) => `r${i}`));
      await log.close();
    }
  });

  test('a partition, a group and a writer belong to the app that used them first', async () => {
    const a = new FileEventLog(folder, { app: 'a' });
    const b = new FileEventLog(folder, { app: 'b' });
    await a.ensureTopics({ t: { partitions: 2 }, letters: { partitions: 1, shared: true } });
    const first = await a.openWriter('w');
    await first.commit({ appends: [{ topic: 't', partition: 0, records: text('x') }], offsets: [{ group: 'g', topic: 't', partition: 0, offset: 1 }] });
    await expect(b.openWriter('w')).rejects.toThrow('writer w belongs to app a, found app b');
    const other = await b.openWriter('v');
    await expect(other.commit({ appends: [{ topic: 't', partition: 0, records: text('y') }] })).rejects.toThrow('partition t/0 belongs to app a');
    await expect(other.commit({ appends: [], offsets: [{ group: 'g', topic: 't', partition: 0, offset: 2 }] })).rejects.toThrow('group g belongs to app a');
    await other.commit({ appends: [{ topic: 't', records: text('y') }, { topic: 'letters', records: text('z') }] });
    expect(valuesOf(await a.read('t', 1, 0))).toEqual(['y']);
    await Promise.all([a.close(), b.close()]);
  });

  test('a full disk refuses the whole transaction and keeps the log usable', async () => {
    const log = new FileEventLog(folder, { app: 'a', pageCountMax: 160 });
    await log.ensureTopics({ t: { partitions: 2 } });
    const writer = await log.openWriter('w');
    await writer.commit({ appends: [{ topic: 't', partition: 0, records: text('small') }] });
    const big = text('x'.repeat(2_000_000));
    const offsets = [{ group: 'g', topic: 't', partition: 0, offset: 1 }];
    const appends = [0, 1].map((partition) => ({ topic: 't', partition, records: big }));
    const failure = writer.commit({ appends, offsets });
    await expect(failure).rejects.toMatchObject({ code: 'NO_SPACE', outcome: 'not-applied' });
    await expect(failure).rejects.toThrow(join(folder, 'a.sqlite'));
    expect(await log.committed('g', 't', 0)).toBeUndefined();
    expect([await log.offsets('t', 0), await log.offsets('t', 1)].map(({ end }) => end)).toEqual([1, 0]);
    expect(await writer.commit({ appends: [{ topic: 't', partition: 0, records: text('still') }], offsets })).toEqual([1]);
    expect(valuesOf(await log.read('t', 0, 0))).toEqual(['small', 'still']);
    await log.close();
  });
});

describe('files that are not what they should be', () => {
  test('damaged files are named', async () => {
    const log = new FileEventLog(folder, { app: 'a' });
    await log.ensureTopics({ t: { partitions: 1 } });
    const writer = await log.openWriter('w');
    await writer.commit({ appends: [{ topic: 't', partition: 0, records: text('a needle in the file') }] });
    await log.close();
    const path = join(folder, 'a.sqlite');
    expect(existsSync(`${path}-wal`)).toBe(false);
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('needle')] ^= 1;
    writeFileSync(path, bytes);
    const flipped = new FileEventLog(folder, { app: 'a' });
    await expect(flipped.read('t', 0, 0)).rejects.toMatchObject({ code: 'CORRUPT' });
    await expect(flipped.read('t', 0, 0)).rejects.toThrow(`${path}: batch at offset 0 of t/0`);
    await flipped.close();

    writeFileSync(path, 'not a database at all, '.repeat(10_000));
    const garbage = new FileEventLog(folder, { app: 'a' });
    await expect(garbage.read('t', 0, 0)).rejects.toMatchObject({ code: 'CORRUPT' });
    await expect(garbage.openWriter('w')).rejects.toThrow(path);
    await garbage.close();
    writeFileSync(join(folder, 'topics.sqlite'), 'nor this');
    expect(() => new FileEventLog(folder, { app: 'a' })).toThrow('topics.sqlite');
  });

  test('a file of another layout is refused', async () => {
    const log = new FileEventLog(folder, { app: 'a' });
    await log.close();
    const db = new DatabaseSync(join(folder, 'topics.sqlite'));
    db.exec('PRAGMA user_version = 9');
    db.close();
    expect(() => new FileEventLog(folder, { app: 'a' })).toThrow('expected layout version 1, found 9');
  });
});
