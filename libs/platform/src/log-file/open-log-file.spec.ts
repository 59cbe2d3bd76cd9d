import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLogFile, type LogFile } from './open-log-file.ts';
import type { Wrapping } from './unwrap.ts';

const lines = Buffer.from(Array.from({ length: 200_000 }, (_, i) => `${i};${(i * 2_654_435_761) % 4_294_967_296};line of a log\n`).join(''));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tideline-files-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** A POSIX archive written from the format's definition: header, content, padding for each, then two zero blocks. */
function tarOf(entries: readonly { name: string; bytes: Uint8Array; type?: string }[], ending = 1024): Buffer {
  const blocks = entries.flatMap(({ name, bytes, type }) => {
    const header = Buffer.alloc(512);
    header.write(name.slice(0, 100), 0);
    header.write('0000644\0', 100);
    header.write(`${bytes.byteLength.toString(8).padStart(11, '0')}\0`, 124);
    header.write(' '.repeat(8), 148);
    header.write(type ?? '0', 156);
    header.write('ustar\0', 257);
    header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.byteLength % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(ending)]);
}

// Pieces are valid only until the next, so each is copied.
async function readAll(file: LogFile, fromByte = 0): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of file.read(fromByte)) {
    if (Buffer.isBuffer(piece)) throw new Error('expected a plain Uint8Array, found a Buffer');
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

const half = Math.floor(lines.byteLength / 2) - 1;
const wrapped: readonly (readonly [string, readonly Wrapping[], () => Uint8Array])[] = [
  ['plain', [], () => lines],
  ['gzip', ['gzip'], () => gzipSync(lines, { level: 1 })],
  ['two gzip members', ['gzip'], () => Buffer.concat([gzipSync(lines.subarray(0, half)), gzipSync(lines.subarray(half))])],
  ['zstd', ['zstd'], () => zstdCompressSync(lines)],
  ['zstd with checksum', ['zstd'], () => zstdCompressSync(lines, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
  [
    'zstd frames and a skippable one',
    ['zstd'],
    () => Buffer.concat([zstdCompressSync(lines.subarray(0, half)), Buffer.from('502a4d1803000000616263', 'hex'), zstdCompressSync(lines.subarray(half))]),
  ],
  ['tar', ['tar'], () => tarOf([{ name: 'd/', bytes: Buffer.alloc(0), type: '5' }, { name: 'log', bytes: lines }])],
  ['tar in tar', ['tar', 'tar'], () => tarOf([{ name: 'inner', bytes: tarOf([{ name: 'log', bytes: lines }]) }])],
  ['tar in gzip', ['gzip', 'tar'], () => gzipSync(tarOf([{ name: 'log', bytes: lines }]))],
  ['gzip in tar', ['tar', 'gzip'], () => tarOf([{ name: 'log.gz', bytes: gzipSync(lines) }])],
  [
    'tar of several files with long names, pax attributes and no end blocks',
    ['tar'],
    () =>
      tarOf(
        [
          { name: 'pax', bytes: Buffer.from(`30 path=a/very/long/name/x.log\n${`20 size=${String(half).padStart(11, '0')}\n`}`), type: 'x' },
          { name: 'first', bytes: lines.subarray(0, half) },
          { name: '././@LongLink', bytes: Buffer.from('n'.repeat(200)), type: 'L' },
          { name: 'second', bytes: lines.subarray(half) },
        ],
        0,
      ),
  ],
];

describe('a log comes out the same whatever it is wrapped in', () => {
  test.each(wrapped)('%s', async (name, wrappings, make) => {
    const path = fileOf(name, make());
    const file = await openLogFile(path);
    expect(file.wrappings).toEqual(wrappings);
    expect(file.resumable).toBe(true);
    // The cut between two files of an archive falls inside a line, which ends there.
    const expected = name.startsWith('tar of several') ? Buffer.concat([lines.subarray(0, half), Buffer.from('\n'), lines.subarray(half)]) : lines;
    expect(expected.equals(await readAll(file))).toBe(true);
    expect(file.bytesReadCompressed).toBe(file.byteCount);
    for (const from of [1, half, half + 3, expected.byteLength - 1, expected.byteLength]) {
      expect(expected.subarray(from).equals(await readAll(file, from)), `from ${from}`).toBe(true);
    }
    await expect(readAll(file, expected.byteLength + 1)).rejects.toThrow(`expected to go on at byte ${expected.byteLength + 1}`);
    await file.close();
  });

  test('differential: archives of the system tar, in its three formats', async (t) => {
    if (spawnSync('tar', ['--version']).status !== 0) return t.skip('no tar on this system');
    const inside = join(folder, 'made', 'a-rather-long-folder-name-'.repeat(4), 'and-another-one-'.repeat(4));
    mkdirSync(inside, { recursive: true });
    writeFileSync(join(inside, `${'n'.repeat(120)}.log`), lines);
    for (const format of ['gnu', 'pax', 'ustar']) {
      const path = join(folder, `${format}.tar`);
      const made = spawnSync('tar', ['--format', format, '-cf', path, '-C', folder, 'made']);
      if (format === 'ustar' && made.status !== 0) continue;
      const file = await openLogFile(path);
      expect(lines.equals(await readAll(file)), format).toBe(true);
      await file.close();
    }
  });
});

describe('what goes wrong with log files', () => {
  test('an empty file is a log without lines', async () => {
    const file = await openLogFile(fileOf('empty', Buffer.alloc(0)));
    expect([file.byteCount, file.wrappings, (await readAll(file)).byteLength]).toEqual([0, [], 0]);
    await file.close();
  });

  test('cut off files say where, after a part of what they hold', async () => {
    const whole = { gzip: gzipSync(lines), zstd: zstdCompressSync(lines), tar: tarOf([{ name: 'log', bytes: lines }]) };
    for (const [kind, bytes] of Object.entries(whole)) {
      const cut = Math.floor(bytes.byteLength * 0.7);
      const file = await openLogFile(fileOf(`cut.${kind}`, bytes.subarray(0, cut)));
      const pieces: Buffer[] = [];
      const reading = (async () => {
        for await (const piece of file.read(0)) pieces.push(Buffer.from(piece));
      })();
      await expect(reading).rejects.toMatchObject({ code: 'CORRUPT', outcome: 'not-applied' });
      await expect(reading).rejects.toThrow(new RegExp(`cut off at (its )?byte ${cut}`));
      const read = Buffer.concat(pieces);
      expect(read.byteLength).toBeGreaterThan(100_000);
      expect(read.equals(lines.subarray(0, read.byteLength))).toBe(true);
      await file.close();
    }
  });

  test('damage inside a compressed file is reported', async () => {
    const bytes = gzipSync(lines);
    bytes[Math.floor(bytes.byteLength / 2)] ^= 0xff;
    const file = await openLogFile(fileOf('damaged.gz', bytes));
    await expect(readAll(file)).rejects.toThrow(/damaged\.gz: damaged \(.+\) at or before byte \d+/);
    await file.close();
  });

  test('missing files and folders are named', async () => {
    await expect(openLogFile(join(folder, 'none.log'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(openLogFile(folder)).rejects.toThrow(`expected a log file, found the folder ${folder}`);
  });

  test('a reader that stops early lets go, and another may start', async () => {
    const file = await openLogFile(fileOf('early.gz', gzipSync(lines)));
    for await (const piece of file.read(0)) {
      expect(piece.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(lines.equals(await readAll(file))).toBe(true);
    await file.close();
  });
});

describe('the identity of a file', () => {
  test('a growing log stays the same file, small or large; anything else is told apart', async () => {
    for (const byteCount of [100, 70_000, 1_000_000]) {
      const path = fileOf(`log-${byteCount}`, lines.subarray(0, byteCount));
      const first = await openLogFile(path);
      const remembered = first.identity;
      if (remembered === undefined) throw new Error('a regular file has an identity');
      expect(remembered.id).toMatch(/^[0-9a-f]{16}$/);
      expect(await first.continuationOf(remembered)).toEqual({ identity: remembered });
      await first.close();

      const later = async (): Promise<unknown> => {
        const file = await openLogFile(path);
        const continuation = await file.continuationOf(JSON.parse(JSON.stringify(remembered)) as typeof remembered);
        await file.close();
        return 'identity' in continuation ? [continuation.identity.id, continuation.identity.byteCount] : continuation.difference;
      };
      appendFileSync(path, lines.subarray(byteCount, byteCount + 500));
      expect(await later()).toEqual([remembered.id, byteCount + 500]);
      truncateSync(path, byteCount - 1);
      expect(await later()).toContain(`expected at least ${byteCount} bytes as at the last run, found ${byteCount - 1}`);
      const other = Buffer.from(lines.subarray(0, byteCount + 900));
      other[byteCount - 1] ^= 1;
      writeFileSync(path, other);
      expect(await later()).toContain(byteCount === 100 ? 'the file was replaced' : 'the file was rewritten');
      other[0] ^= 1;
      writeFileSync(path, other);
      expect(await later()).toContain('the file was replaced');
    }
  });
});

describe('standard input and pipes', () => {
  test('are read once, from any byte, and can not be resumed', async () => {
    const code = `
      const { openLogFile } = await import(${JSON.stringify(fileURLToPath(new URL('./open-log-file.ts', import.meta.url)))});
      const file = await openLogFile('-');
      let byteCount = 0;
      for await (const piece of file.read(5)) byteCount += piece.byteLength;
      console.log(JSON.stringify([file.resumable, file.wrappings, file.byteCount ?? null, byteCount, file.id]));`;
    for (const [bytes, wrappings] of [[lines, []], [gzipSync(lines), ['gzip']]] as const) {
      const child = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', code], { input: bytes, encoding: 'utf8' });
      const [resumable, found, size, byteCount, id] = JSON.parse(child.stdout) as unknown[];
      expect([resumable, found, size, byteCount]).toEqual([false, wrappings, null, lines.byteLength - 5]);
      const file = await openLogFile(fileOf('same', bytes));
      expect(id).toBe(file.id);
      await file.close();
    }
  });

  test('a named pipe is a stream too', async (t) => {
    const path = join(folder, 'pipe');
    if (spawnSync('mkfifo', [path]).status !== 0 || !existsSync(path)) return t.skip('no named pipes on this system');
    spawn('sh', ['-c', `head -c 1000 /dev/zero > ${path}`], { stdio: 'ignore' });
    const file = await openLogFile(path);
    expect(file.resumable).toBe(false);
    expect((await readAll(file)).byteLength).toBe(1000);
    await expect(readAll(file)).rejects.toMatchObject({ code: 'CLOSED' });
    await file.close();
  });
});
