// Goal: the networked store keeps every promise of the door, also where connections break, and says what is wrong where it can't.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { doors, openObjectStore, parseAddress, type ObjectStore } from '#tideline/platform';
import { MinioObjectStore } from '../../libs/platform/src/object-store/minio/minio-object-store.ts';
import { objectStoreContract } from '../../libs/platform/src/object-store/object-store.contract.ts';
import { login, openCable, plainClient, randomPrefix, removeBuckets, type Cable } from './object-store-fixtures.ts';
import { services } from './services.ts';

const { objectStore, registry } = services();
const impatient = { callMs: 1_500, silenceMs: 1_000, openMs: 500 };
const openAt = (address: string, options = {}): Promise<MinioObjectStore> => MinioObjectStore.open(parseAddress(address, doors.objectStore), { login, ...options });

objectStoreContract('MinioObjectStore', async () => {
  const prefix = randomPrefix();
  const address = `s3://${objectStore}/${prefix}`;
  const store = await openObjectStore(address, { login });
  const dispose = async (): Promise<void> => {
    await store.close();
    await removeBuckets(prefix);
  };
  return { store, address, login, dispose };
});

describe('objects on a real S3 server', () => {
  let prefix: string;
  let cable: Cable;
  let store: ObjectStore;

  beforeEach(async () => {
    prefix = randomPrefix();
    cable = await openCable();
    store = await openAt(`s3://${cable.address}/${prefix}`);
  });

  afterEach(async () => {
    await store.close();
    await cable.pull();
    await removeBuckets(prefix);
  });

  const someBytes = (count: number): Uint8Array => randomBytes(count);

  test('another client finds the objects, and the store finds what another client put', async () => {
    await store.put('gold/a/b.json', Buffer.from('{"a":1}'));
    expect(store.locate('gold/a/b.json')).toEqual({ url: `s3://${prefix}-gold/a/b.json` });
    const pieces: Buffer[] = [];
    for await (const piece of await plainClient.getObject(`${prefix}-gold`, 'a/b.json')) pieces.push(piece as Buffer);
    expect(Buffer.concat(pieces).toString()).toBe('{"a":1}');
    await plainClient.putObject(`${prefix}-gold`, 'by/hand', 'hello');
    expect(Buffer.from(await store.get('gold/by/hand')).toString()).toBe('hello');
    await expect(store.put('platinum/x', new Uint8Array())).rejects.toThrow('one of the buckets bronze, gold, silver');
  });

  test('40 MB in pieces of any size arrive whole, in parts with checksums, and ranges of them come back', async () => {
    const bytes = someBytes(40_000_001);
    const upload = await store.upload('silver/big.bin');
    for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 1_999_993) await upload.write(bytes.subarray(at, at + size));
    const info = await upload.finish();
    expect(info).toMatchObject({ key: 'silver/big.bin', byteCount: bytes.length });
    // A digest of the parts' digests: the server had them in five parts.
    expect(info.etag).toMatch(/^[0-9a-f]{32}-5$/);
    const hash = (part: Uint8Array): string => createHash('sha256').update(part).digest('hex');
    expect(hash(await store.get('silver/big.bin'))).toBe(hash(bytes));
    for (const [start, end] of [[0, 1], [8_388_607, 8_388_610], [39_999_990, 40_000_001], [20_000_000, 30_000_000]] as const) {
      expect(hash(await store.get('silver/big.bin', { start, end })), `${start}`).toBe(hash(bytes.subarray(start, end)));
    }
    expect(await store.get('silver/big.bin', { start: 50_000_000 })).toHaveLength(0);
    expect(await store.get('silver/big.bin', { start: 5, end: 5 })).toHaveLength(0);
    await expect(store.get('silver/none', { start: 5, end: 5 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    // What is larger than a part goes in parts by itself.
    expect((await store.put('silver/put.bin', bytes)).etag).toBe(info.etag);
  });

  test('an aborted upload leaves no part on the server', async () => {
    const upload = await store.upload('silver/half');
    await upload.write(someBytes(20_000_000));
    expect(await plainClient.findUploadId(`${prefix}-silver`, 'half')).toBeDefined();
    await upload.abort();
    expect(await plainClient.findUploadId(`${prefix}-silver`, 'half')).toBeUndefined();
    expect(await store.head('silver/half')).toBeUndefined();
  });

  test('lists and bulk deletes go on over pages', async () => {
    const keys = Array.from({ length: 1_234 }, (_, i) => `bronze/many/${String(i * 7919 % 10_000).padStart(5, '0')}`).sort();
    for (let at = 0; at < keys.length; at += 50) await Promise.all(keys.slice(at, at + 50).map((key) => plainClient.putObject(`${prefix}-bronze`, key.slice('bronze/'.length), key)));
    const listed: string[] = [];
    for await (const { key } of store.list('bronze/many/')) listed.push(key);
    expect(listed).toEqual(keys);
    await store.delete(keys.slice(1));
    const left: string[] = [];
    for await (const { key } of store.list('')) left.push(key);
    expect(left).toEqual([keys[0]]);
  });

  test('a conditional put whose answer is lost finds out whether it won', async () => {
    cable.loseAnswerTo(`PUT /${prefix}-gold/first`);
    expect(await store.putIfAbsent('gold/first', Buffer.from('mine'))).toBe(true);
    await plainClient.putObject(`${prefix}-gold`, 'second', 'theirs');
    cable.loseAnswerTo(`PUT /${prefix}-gold/second`);
    expect(await store.putIfAbsent('gold/second', Buffer.from('mine'))).toBe(false);
    expect(cable.lost).toBe(2);
    expect(Buffer.from(await store.get('gold/second')).toString()).toBe('theirs');
  });

  test('an upload whose last answer is lost is finished once', async () => {
    const bytes = someBytes(17_000_000);
    const upload = await store.upload('gold/model.bin');
    await upload.write(bytes);
    cable.loseAnswerTo(`POST /${prefix}-gold/model.bin?uploadId`);
    expect(await upload.finish()).toMatchObject({ byteCount: bytes.length });
    expect(cable.lost).toBe(1);
  });

  test('a server that is away for a while is waited for, in the middle of an upload too', async () => {
    const upload = await store.upload('gold/slow.bin');
    await upload.write(someBytes(9_000_000));
    await cable.pull();
    setTimeout(() => void cable.plug(), 1_200);
    await upload.write(someBytes(9_000_000));
    expect(await upload.finish()).toMatchObject({ byteCount: 18_000_000 });
  });

  test('a server that stays away is told: what is certain, and what is not', async () => {
    const hasty = await openAt(`s3://${cable.address}/${prefix}`, { patience: impatient });
    await cable.pull();
    await expect(hasty.get('gold/x')).rejects.toMatchObject({ code: 'UNAVAILABLE', retriable: true, outcome: 'not-applied' });
    await expect(hasty.put('gold/x', Buffer.from('x'))).rejects.toMatchObject({ code: 'UNAVAILABLE', retriable: true, outcome: 'not-applied' });
    await cable.plug();
    cable.loseAnswerTo(`PUT /${prefix}-gold/y`);
    const put = hasty.putIfAbsent('gold/y', Buffer.from('y'));
    while (cable.lost === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await cable.pull();
    await expect(put).rejects.toMatchObject({ outcome: 'unknown', retriable: true });
    await hasty.close();
    await cable.plug();
    expect(Buffer.from(await store.get('gold/y')).toString()).toBe('y');
  });

  test('a clock that is an hour wrong is named', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    try {
      await expect(store.get('gold/x')).rejects.toThrow(/RequestTimeTooSkewed.*set the clock/);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('wrong settings of an S3 server', () => {
  const address = `s3://${objectStore}/x`;
  const patience = impatient;

  test('a wrong login is named, without its secret', async () => {
    const wrongSecret = openAt(address, { patience, login: { ...login, password: 'not-the-secret' } });
    await expect(wrongSecret).rejects.toMatchObject({ code: 'PERMISSION', message: expect.stringMatching(/^OBJECT_STORE s3:.*SignatureDoesNotMatch.*S3_ACCESS_KEY and S3_SECRET_KEY/) as string });
    await expect(wrongSecret).rejects.not.toThrow('not-the-secret');
    await expect(openAt(address, { patience, login: { username: 'nobody', password: 'whatever-it-is' } })).rejects.toThrow(/InvalidAccessKeyId.*S3_ACCESS_KEY/);
    await expect(openAt(address, { patience, login: undefined })).rejects.toMatchObject({ code: 'PERMISSION' });
  });

  test('an address where nothing or something else answers is named', async () => {
    await expect(openAt('s3://127.0.0.1:1', { patience })).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('check the address and that the server runs') as string });
    await expect(openAt('s3://nowhere.invalid:9000', { patience })).rejects.toThrow(/OBJECT_STORE s3:\/\/nowhere.invalid:9000: .*ENOTFOUND/);
    await expect(openAt(`s3://${new URL(registry).host}`, { patience })).rejects.toMatchObject({ code: 'ADDRESS_INVALID', message: expect.stringContaining('expected an S3 server there') as string });
    await expect(openAt(`${address}?tls=true`, { patience })).rejects.toThrow('set ?tls=false');
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    await expect(openAt(`s3://127.0.0.1:${(silent.address() as AddressInfo).port}`, { patience: { ...impatient, silenceMs: 200 } })).rejects.toMatchObject({ code: 'TIMEOUT' });
    silent.closeAllConnections();
    silent.close();
  });

  test.each([
    ['s3://a:1,b:2', 'expected one server'], ['s3://a:1/Upper', 'expected a prefix'], ['s3://a:1/a/b', 'expected a prefix'], ['s3://a:99999', 'expected a port'], ['s3://a?tls=maybe', 'tls=true or tls=false'],
  ])('%s is refused before anything is asked', async (text, message) => {
    await expect(openAt(text, { patience })).rejects.toMatchObject({ code: 'ADDRESS_INVALID', message: expect.stringContaining(message) as string });
  });
});

const installed = join(process.cwd(), '.services', 'install');
const minioFolder = existsSync(installed) ? readdirSync(installed).find((name) => name.startsWith('minio-')) : undefined;
const minio = process.env['MINIO_BINARY'] ?? join(installed, minioFolder ?? 'minio', 'minio');

describe('a MinIO of our own', () => {
  let folder: string;
  let server: ChildProcess | undefined;
  const port = 20_000 + (process.pid % 10_000);

  async function start(): Promise<void> {
    const env = { ...process.env, MINIO_ROOT_USER: login.username, MINIO_ROOT_PASSWORD: login.password, MINIO_BROWSER: 'off', MINIO_UPDATE: 'off' };
    server = spawn(minio, ['server', join(folder, 'data'), '--address', `127.0.0.1:${port}`, '--console-address', `127.0.0.1:${port + 1}`], { env, stdio: 'ignore' });
    for (;;) {
      const ready = await fetch(`http://127.0.0.1:${port}/minio/health/ready`).then(({ ok }) => ok, () => false);
      if (ready) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async function kill(): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tideline-minio-'));
  });
  afterEach(async () => {
    await kill();
    spawnSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  });

  test('killed in the middle of writes and started again: what was answered is there, what was raced for was won once', async (t) => {
    if (!existsSync(minio)) return t.skip(`no MinIO at ${minio}; name one in MINIO_BINARY`);
    await start();
    const one = await openAt(`s3://127.0.0.1:${port}`);
    const two = await openAt(`s3://127.0.0.1:${port}`);
    const won: string[][] = [[], []];
    let round = 0;
    const write = async (store: ObjectStore, who: number): Promise<void> => {
      for (let i = 0; i < 150; i++) {
        round = Math.max(round, i);
        if (await store.putIfAbsent(`gold/v${i}`, Buffer.from(String(who)))) won[who]!.push(`gold/v${i}`);
      }
    };
    const writing = Promise.all([write(one, 0), write(two, 1)]);
    for (const at of [20, 80]) {
      while (round < at) await new Promise((resolve) => setTimeout(resolve, 2));
      await kill();
      await start();
    }
    await writing;
    expect(won.flat().sort()).toEqual(Array.from({ length: 150 }, (_, i) => `gold/v${i}`).sort());
    for (const [who, keys] of won.entries()) for (const key of keys) expect(Buffer.from(await one.get(key)).toString()).toBe(String(who));
    await one.close();
    await two.close();
  });

  test('a full disk is named, with what to do, and the object is not there', async (t) => {
    if (!existsSync(minio)) return t.skip(`no MinIO at ${minio}; name one in MINIO_BINARY`);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', folder]).status !== 0) return t.skip('only root may mount a small disk');
    await start();
    const store = await openAt(`s3://127.0.0.1:${port}`, { patience: { callMs: 5_000 } });
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 40; i++) await store.put(`bronze/${i}`, Buffer.alloc(4_000_000, i));
    };
    await expect(fill()).rejects.toMatchObject({ code: 'NO_SPACE', message: expect.stringMatching(/^OBJECT_STORE s3:.*could not put bronze\/\d+: .*free some space on the server/) as string });
    // The first to meet the end of the disk gets an answer (500) that leaves it open; the next is refused outright.
    await expect(fill()).rejects.toMatchObject({ code: 'NO_SPACE', outcome: 'not-applied' });
    const upload = await store.upload('bronze/big');
    const uploadAll = async (): Promise<void> => {
      for (let i = 0; i < 30; i++) await upload.write(Buffer.alloc(4_000_000, i));
      await upload.finish();
    };
    await expect(uploadAll()).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(await store.head('bronze/big')).toBeUndefined();
    await store.close();
  });
});
