import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileObjectStore } from './file-object-store.ts';
import { objectStoreContract } from './object-store.contract.ts';
import { openObjectStore } from './open-object-store.ts';

objectStoreContract('FileObjectStore', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tideline-objects-'));
  const store = await FileObjectStore.open(folder);
  return { store, address: `file:${folder}`, dispose: async () => rmSync(folder, { recursive: true }) };
});

describe('the files of an object store', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tideline-objects-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const bytes = new Uint8Array([1, 2, 3]);

  test('temporary files of dead processes are removed at the next opening, those of the living stay', async () => {
    const staging = join(folder, '.tmp');
    mkdirSync(staging);
    const id = '01234567-89ab-cdef-0123-456789abcdef';
    const dead = join(staging, `${hostname()}.4194303.${id}.tmp`);
    const alive = join(staging, `${hostname()}.${process.pid}.${id}.tmp`);
    const elsewhere = join(staging, `another-host.1.${id}.tmp`);
    const ancient = join(staging, `another-host.2.${id}.tmp`);
    for (const path of [dead, alive, elsewhere, ancient]) writeFileSync(path, 'left over');
    utimesSync(ancient, 1, 1);
    await FileObjectStore.open(folder);
    expect([dead, alive, elsewhere, ancient].map((path) => existsSync(path))).toEqual([false, true, true, false]);
  });

  test('nothing temporary stays behind after any kind of write', async () => {
    const store = await FileObjectStore.open(folder);
    await store.put('gold/a', bytes);
    await store.putIfAbsent('gold/a', bytes);
    await store.putIfAbsent('gold/b', bytes);
    const upload = await store.upload('gold/c');
    await upload.write(bytes);
    await upload.finish();
    const aborted = await store.upload('gold/d');
    await aborted.abort();
    await expect(store.put('gold/a/inside', bytes)).rejects.toMatchObject({ code: 'ALREADY_EXISTS', outcome: 'not-applied' });
    expect(readdirSync(join(folder, '.tmp'))).toEqual([]);
    await expect(store.put('.tmp/x', bytes)).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
  });

  test('another engine finds the object where the store says', async () => {
    const store = await openObjectStore(`file:${folder}`);
    await store.put('silver/t/v=1/f.parquet', bytes);
    expect(existsSync(fileURLToPath(store.locate('silver/t/v=1/f.parquet')?.url ?? ''))).toBe(true);
  });

  test.skipIf(process.getuid?.() === 0)('a folder that may not be written is named', async () => {
    chmodSync(folder, 0o500);
    await expect(FileObjectStore.open(join(folder, 'x'))).rejects.toMatchObject({ code: 'PERMISSION' });
    chmodSync(folder, 0o700);
  });

  test('a full disk is named, with what to do, and leaves nothing behind', async (t) => {
    // The kernel's own full device refuses every write as a full disk would; a store can't be led to it, so its parts are.
    if (!existsSync('/dev/full')) return t.skip('no /dev/full on this system');
    const { fileSystemError } = await import('../file-system/file-system-error.ts');
    const { open } = await import('node:fs/promises');
    const { writeFully } = await import('../file-system/durable-files.ts');
    const full = await open('/dev/full', 'w');
    const failure = await writeFully(full, bytes).catch((error: unknown) => fileSystemError(error, 'write', '/lake/gold/x'));
    await full.close();
    expect(failure).toMatchObject({ code: 'NO_SPACE', outcome: 'not-applied' });
    expect(String(failure)).toContain('could not write /lake/gold/x: no space left on the disk; free some space');
  });
});

describe('addresses of object stores', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['ftp://x', 'OBJECT_STORE: expected one of file:<folder>, memory:, s3://<host>:<port>[/<prefix>], found "ftp://x"'],
    ['./data/lake', 'expected one of file:<folder>, memory:, s3://<host>:<port>[/<prefix>], found "./data/lake"'],
    ['file:', 'without a folder'],
    ['file://host/share', 'found "file://host/share"'],
    ['memory:x', 'found "memory:x"'],
    ['file:./lake?sync=no', 'takes no parameters, found "sync"'],
    ['s3://me:secret@host/x?secret_key=abc', 's3: takes the parameters tls, region, found'],
  ];
  test.each(cases)('%s is refused', async (address, message) => {
    await expect(openObjectStore(address)).rejects.toThrow(message);
    await expect(openObjectStore(address)).rejects.not.toThrow(/secret@|abc/);
  });
});
