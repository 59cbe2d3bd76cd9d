// What the command line does with input and surroundings that are not as they should be: a message that says what was expected, what was
// found and where; the promised exit code (0 done, 1 failed, 2 the data or a gate said no, 64 wrong use); and nothing lost.
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { bytesOf, expectReconciled, linesOf, PATIENT, replayOf, root, syntheticLog, Terminal, type Ended, type ReplayResult } from './tideline.ts';

/** Every source there is, as messages list them. */
const known = readdirSync(join(root, 'sources')).toSorted().join(', ');
const open: Terminal[] = [];
/** A terminal that goes away with the file's last test: tests run side by side. */
function terminal(options?: ConstructorParameters<typeof Terminal>[0]): Terminal {
  const made = new Terminal(options);
  open.push(made);
  return made;
}
afterAll(() => open.forEach((each) => each.close()));


/** Refused before anything of it is on the log. */
async function expectRefused(at: Terminal, ended: Ended, message: RegExp): Promise<void> {
  expect(ended.stderr).toMatch(message);
  expect(ended.stderr, 'a message, not a stack').not.toMatch(/\n\s+at /);
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  for (const topic of ['raw.user-behavior', 'raw.alibaba', 'raw.online-retail', 'dead-letter']) expect(await at.recordCount(topic), topic).toBe(0);
}

describe.concurrent('files that are not a log of the source', PATIENT, () => {
  test('prose', async () => {
    const at = terminal();
    at.write('prose.txt', 'It was a dark and stormy night;\nthe rain fell in torrents, except at occasional intervals\n');
    await expectRefused(at, await at.run(replayOf('prose.txt')), /prose\.txt does not read as user-behavior.*expected 5 fields a line, found \d.*the first at byte 0/s);
    await expectRefused(at, await at.run(replayOf('prose.txt', 'online-retail')), /expected the header InvoiceNo,.*missing: InvoiceNo/s);
    const inspected = await at.run(['inspect', 'prose.txt', '--json']);
    expect(inspected.code).toBe(2);
    expect(inspected.stderr).toContain(`expected a log of ${known}, found none that fits`);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ source: null, layout: null });
  });

  test('a log of another source', async () => {
    const at = terminal();
    at.write('pages.txt', syntheticLog('alibaba', 50));
    await expectRefused(at, await at.run(replayOf('pages.txt')), /pages\.txt does not read as user-behavior.*expected 5 fields a line, found/s);
    expect(await at.json(['inspect', 'pages.txt'])).toMatchObject({ source: 'alibaba', layout: 'observed' });
  });

  test('an empty file, plain and compressed', async () => {
    const at = terminal();
    at.write('empty.csv', '');
    at.write('empty.csv.gz', gzipSync(''));
    for (const name of ['empty.csv', 'empty.csv.gz']) await expectRefused(at, await at.run(replayOf(name)), /expected lines of user-behavior, found an empty file/);
    expect((await at.run(['inspect', 'empty.csv'])).code).toBe(2);
  });

  test('no file, and a folder', async () => {
    const at = terminal();
    expect(await at.run(replayOf('nowhere.csv'))).toMatchObject({ code: 1, stderr: expect.stringContaining('could not open nowhere.csv: no such file or folder') as string });
    expect(await at.run(replayOf('sources'))).toMatchObject({ code: 1, stderr: expect.stringContaining('expected a log file, found the folder sources') as string });
  });

  test('pages in another layout than the configured one', async () => {
    const at = terminal({ copySources: true });
    at.write('pages.txt', syntheticLog('alibaba', 50));
    const schema = join(at.folder, 'sources', 'alibaba', 'schema.yaml');
    const text = readFileSync(schema, 'utf8');
    writeFileSync(schema, text.replace('layout: observed', 'layout: documented'));
    expect(readFileSync(schema, 'utf8')).not.toBe(text);
    await expectRefused(at, await at.run(replayOf('pages.txt', 'alibaba')), /in the layout "documented".*found observed, configured documented \(50 of 50 rows fit observed, 0 fit documented\)/s);
  });
});

describe.concurrent('bad lines go to the dead letter, all others on', PATIENT, () => {
  test('field counts, numbers, names, times and NUL bytes', async () => {
    const at = terminal();
    const good = linesOf(syntheticLog('user-behavior', 40));
    const cut = (line: string, field: number, text: string): string => line.split(',').map((each, i) => (i === field ? text : each)).join(',');
    const bad = new Map<number, { line: Buffer; reason: string; detail: RegExp }>([
      [3, { line: Buffer.from(`${good[3]},more`), reason: 'field-count', detail: /expected 5 fields, found 6/ }],
      [4, { line: Buffer.from(good[4]!.slice(0, good[4]!.lastIndexOf(','))), reason: 'field-count', detail: /expected 5 fields, found 4/ }],
      [8, { line: Buffer.from(cut(good[8]!, 0, '12x')), reason: 'bad-number', detail: /expected bigint in user_id, found "12x"/ }],
      [9, { line: Buffer.from(cut(good[9]!, 1, '')), reason: 'missing-item-id', detail: /item_id/ }],
      [15, { line: Buffer.from(cut(good[15]!, 4, 'yesterday')), reason: 'bad-timestamp', detail: /expected timestamp in event_time, found "yesterday"/ }],
      [20, { line: Buffer.from(cut(good[20]!, 3, 'p\0v')), reason: 'nul-byte', detail: /found a NUL byte at byte \d+/ }],
      [30, { line: Buffer.from([0xff, 0xfe, 0x80]), reason: 'field-count', detail: /expected 5 fields, found 1/ }],
      [39, { line: Buffer.from(cut(good[39]!, 3, 'stare')), reason: 'not-allowed', detail: /behavior.*"stare"/ }],
    ]);
    const lines = good.map((line, i) => bad.get(i)?.line ?? Buffer.from(line));
    at.write('clicks.csv', bytesOf(lines));
    const summary = await at.replay('clicks.csv', 'user-behavior');
    expect(summary).toMatchObject({ read: 40, accepted: 32, rejected: 8 });
    expect(summary.rejectedBy).toEqual({ 'field-count': 3, 'bad-number': 1, 'missing-item-id': 1, 'bad-timestamp': 1, 'nul-byte': 1, 'not-allowed': 1 });
    await expectReconciled(at, summary);
    const letters = await at.deadLetters();
    const starts = lines.map((_, i) => bytesOf(lines.slice(0, i)).length);
    expect(letters.map(({ byteOffset }) => byteOffset)).toEqual([...bad.keys()].map((i) => starts[i]));
    for (const letter of letters) {
      const { line, reason, detail } = bad.get(starts.indexOf(letter.byteOffset))!;
      expect(letter).toMatchObject({ source: 'user-behavior', file: summary.fileId, reason });
      expect(letter.detail).toMatch(detail);
      expect(Buffer.from(letter.original, letter.encoding)).toEqual(line);
    }
  });

  test('a 14-field line of a legacy extract among pages of 15', async () => {
    const at = terminal();
    const good = linesOf(syntheticLog('alibaba', 20));
    const legacy = good[7]!.split(';').slice(1).join(';');
    at.write('pages.txt', bytesOf(good.map((line, i) => (i === 7 ? legacy : line))));
    const summary = await at.replay('pages.txt', 'alibaba');
    expect(summary).toMatchObject({ read: 20, accepted: 19, rejectedBy: { 'field-count': 1 } });
    await expectReconciled(at, summary);
    const [letter] = await at.deadLetters();
    expect(letter).toMatchObject({ byteOffset: bytesOf(good.slice(0, 7)).length, reason: 'field-count', detail: 'expected 15 fields, found 14', original: legacy });
    const only = terminal();
    only.write('legacy.txt', bytesOf(good.map((line) => line.split(';').slice(1).join(';'))));
    await expectRefused(only, await only.run(replayOf('legacy.txt', 'alibaba')), /expected 15 fields a line, found 14 in 20 of 20 lines: .*legacy/);
  });

  test('a line of five megabytes: its head is kept, no more', async () => {
    const at = terminal();
    const good = linesOf(syntheticLog('user-behavior', 10));
    at.write('clicks.csv', bytesOf([...good.slice(0, 5), 'x'.repeat(5_000_000), ...good.slice(5)]));
    const summary = await at.replay('clicks.csv', 'user-behavior');
    expect(summary).toMatchObject({ read: 11, accepted: 10, rejectedBy: { 'line-too-long': 1 } });
    await expectReconciled(at, summary);
    const [letter] = await at.deadLetters();
    expect(letter).toMatchObject({ reason: 'line-too-long', byteOffset: bytesOf(good.slice(0, 5)).length });
    expect(letter!.detail).toMatch(/expected at most \d+ bytes, found 5000000/);
    expect(letter!.original).toMatch(/^x{1024}$/);
  });

  test('no newline at the end, and CRLF', async () => {
    const at = terminal();
    const text = syntheticLog('user-behavior', 30);
    at.write('open.csv', text.trimEnd());
    at.write('windows.csv', text.replaceAll('\n', '\r\n'));
    expect(await at.replay('open.csv', 'user-behavior')).toMatchObject({ read: 30, accepted: 30, bytes: text.length - 1 });
    expect(await at.replay('windows.csv', 'user-behavior')).toMatchObject({ read: 30, accepted: 30, bytes: text.length + 30 });
    const contents = await at.contents(['raw.user-behavior']);
    const valuesOf = (i: number): string[] => contents.filter(({ headers }, _, all) => JSON.stringify(headers).includes(fileOf(all[0]!)) === (i === 0)).map(({ values }) => values);
    expect(valuesOf(1)).toEqual(valuesOf(0));
  });
});

const fileOf = ({ headers }: { readonly headers: unknown }): string => (headers as { name: string; values: string }[]).find(({ name }) => name === 'file')!.values;

describe.concurrent('wrapped files', PATIENT, () => {
  test('a truncated gzip: what came before is kept and counted, and the repaired file goes on from there', async () => {
    const at = terminal();
    const undisturbed = terminal();
    const text = syntheticLog('user-behavior', 20_000);
    const whole = gzipSync(text);
    const path = at.write('clicks.csv.gz', whole.subarray(0, Math.floor(whole.length * 0.8)));
    const cut = await at.run([...replayOf('clicks.csv.gz'), '--chunk', '500']);
    expect(cut.code).toBe(1);
    expect(cut.stderr).toMatch(/clicks\.csv\.gz: the compressed data is cut off at byte \d+; fetch the file again/);
    const kept = await at.recordCount('raw.user-behavior');
    expect(kept).toBeGreaterThan(0);
    expect(kept % 500).toBe(0);
    expect(cut.stderr, 'says what is kept').toMatch(new RegExp(`${kept.toLocaleString('en-US')} rows`));
    const inspected = await at.run(['inspect', 'clicks.csv.gz', '--json']);
    expect(inspected.code).toBe(2);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ source: 'user-behavior', wrappings: ['gzip'] });
    expect(inspected.stderr).toMatch(/cut off at byte \d+/);
    writeFileSync(path, whole);
    const summary = await at.replay('clicks.csv.gz', 'user-behavior', '--chunk', '500');
    expect(summary).toMatchObject({ read: 20_000, accepted: 20_000, ended: 'complete' });
    expect(summary.resumedFrom).toBe(linesOf(text).slice(0, kept).join('\n').length + 1);
    await undisturbed.replay(path, 'user-behavior', '--chunk', '500');
    expect(await at.contents(['raw.user-behavior'])).toEqual(await undisturbed.contents(['raw.user-behavior']));
  });

  const hasTar = spawnSync('tar', ['--version']).status === 0;
  if (!hasTar) console.warn('skipped: an archive needs the program tar');
  test.skipIf(!hasTar)('a tar with the name of a text, alone and in another', async () => {
    const at = terminal();
    const text = syntheticLog('user-behavior', 50);
    at.write('clicks.csv', text);
    const pack = (archive: string, member: string): void => void expect(spawnSync('tar', ['cf', archive, member], { cwd: at.folder }).status).toBe(0);
    pack('inner.tar', 'clicks.csv');
    pack('once.txt', 'clicks.csv');
    pack('twice.txt', 'inner.tar');
    for (const name of ['once.txt', 'twice.txt']) {
      expect(await at.replay(name, 'user-behavior'), name).toMatchObject({ read: 50, accepted: 50, rejected: 0, bytes: text.length });
    }
    expect(await at.json(['inspect', 'twice.txt'])).toMatchObject({ wrappings: ['tar', 'tar'], source: 'user-behavior' });
  });

  test('standard input: once, and not in a loop', async () => {
    const at = terminal();
    const stdin = syntheticLog('user-behavior', 50);
    expect(JSON.parse((await at.run([...replayOf('-'), '--json'], { stdin })).stdout)).toMatchObject({ read: 50, accepted: 50 });
    const looped = await at.run([...replayOf('-'), '--loop'], { stdin });
    expect(looped).toMatchObject({ code: 64, stderr: expect.stringContaining("- can be read only once: it can't be looped") as string });
  });
});

describe.concurrent('a file that changed since its last replay', PATIENT, () => {
  test('shrunk or replaced: refused, and taken with --from-start under another loop number', async () => {
    const at = terminal();
    const text = syntheticLog('user-behavior', 1_000);
    const path = at.write('clicks.csv', text);
    await at.replay('clicks.csv', 'user-behavior');
    writeFileSync(path, text.slice(0, text.indexOf('\n', text.length / 2) + 1));
    const shrunk = await at.run(replayOf('clicks.csv'));
    expect(shrunk).toMatchObject({ code: 2, stdout: '' });
    expect(shrunk.stderr).toContain(`expected at least ${text.length} bytes as at the last run, found`);
    expect(shrunk.stderr).toContain('--from-start');
    const other = syntheticLog('user-behavior', 1_500, 8);
    writeFileSync(path, other);
    const replaced = await at.run(replayOf('clicks.csv'));
    expect(replaced.code).toBe(2);
    expect(replaced.stderr).toMatch(/the first \d+ bytes are not those of the last run: the file was replaced; replay it with --from-start/);
    expect(await at.recordCount('raw.user-behavior')).toBe(1_000);
    expect(await at.replay('clicks.csv', 'user-behavior', '--from-start')).toMatchObject({ read: 1_500, accepted: 1_500, resumedFrom: 0, bytes: other.length });
    expect(await at.recordCount('raw.user-behavior')).toBe(2_500);
    const loops = (await at.contents(['raw.user-behavior'])).map(({ headers }) => (headers as { name: string; values: string }[]).find(({ name }) => name === 'loop')!.values);
    expect(new Set(loops)).toEqual(new Set(['0', '1']));
  });

  test('grown: goes on at the old end, however often', async () => {
    const at = terminal();
    const text = syntheticLog('user-behavior', 300);
    const borders = [0, 100, 200, 300].map((rows) => linesOf(text).slice(0, rows).join('\n').length + (rows > 0 ? 1 : 0));
    const path = at.write('clicks.csv', text.slice(0, borders[1]));
    expect(await at.replay('clicks.csv', 'user-behavior')).toMatchObject({ read: 100, resumedFrom: 0, ended: 'complete' });
    for (const i of [2, 3]) {
      appendFileSync(path, text.slice(borders[i - 1], borders[i]));
      expect(await at.replay('clicks.csv', 'user-behavior')).toMatchObject({ read: i * 100, accepted: i * 100, resumedFrom: borders[i - 1], bytes: borders[i] });
    }
    expect(await at.replay('clicks.csv', 'user-behavior')).toMatchObject({ read: 300, ended: 'already-complete' });
    expect(await at.recordCount('raw.user-behavior')).toBe(300);
  });
});

const small = join(terminal().folder, 'small');
mkdirSync(small);
const canMount = process.platform === 'linux' && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', small]).status === 0;
if (!canMount) console.warn('skipped: a full disk needs the right to mount a small file system');
afterAll(() => void (canMount && spawnSync('umount', [small])));

describe.skipIf(!canMount)('a full disk', PATIENT, () => {
  test('says so, keeps what is whole, and goes on once there is space', async () => {
    const at = terminal();
    const undisturbed = terminal();
    const path = at.write('clicks.csv', syntheticLog('user-behavior', 100_000));
    const env = { EVENT_LOG: `file:${small}/log`, SCHEMA_REGISTRY: `file:${small}/schemas` };
    const full = await at.run(replayOf('clicks.csv'), { env });
    expect(full).toMatchObject({ code: 1, stdout: '' });
    expect(full.stderr).toMatch(/could not append to .*ingestor\.sqlite: no space left on the disk; free some space there, then repeat/);
    expect(full.stderr, 'a message, not a stack').not.toMatch(/\n\s+at /);
    expect(full.stderr, 'says what is kept').toMatch(/[\d,]+ rows/);
    const again = await at.run(replayOf('clicks.csv'), { env });
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('no space left') as string });
    const generated = await at.run(['generate', 'user-behavior', '--rows', '500000', '--out', join(small, 'more.csv')]);
    expect(generated).toMatchObject({ code: 1, stderr: expect.stringMatching(/could not write .*more\.csv.*no space left/) as string });
    expect(readdirSync(small).sort()).toEqual(['log', 'schemas']);
    expect(spawnSync('mount', ['-o', 'remount,size=64m', small]).status).toBe(0);
    const result = await at.json<ReplayResult>(replayOf('clicks.csv'), { env });
    expect(result).toMatchObject({ read: 100_000, accepted: 100_000, ended: 'complete' });
    expect(result.resumedFrom).toBeGreaterThan(0);
    await undisturbed.replay(path, 'user-behavior');
    rmSync(join(at.folder, 'data'), { recursive: true, force: true });
    mkdirSync(join(at.folder, 'data'));
    expect(spawnSync('cp', ['-r', join(small, 'log'), join(at.folder, 'data', 'log')]).status).toBe(0);
    expect(await at.contents(['raw.user-behavior'])).toEqual(await undisturbed.contents(['raw.user-behavior']));
  });
});

describe.concurrent('wrong use', PATIENT, () => {
  const cases: readonly [what: string, args: readonly string[], env: Readonly<Record<string, string>>, message: RegExp][] = [
    ['an unknown command', ['replya'], {}, /unknown command 'replya'\s+\(Did you mean replay\?\)/],
    ['an unknown source', replayOf('clicks.csv', 'user-behaviour'), {}, new RegExp(`expected a source \\(${known}\\), found 'user-behaviour'\ndid you mean user-behavior\\?`)],
    ['no source', ['replay', 'clicks.csv'], {}, /required option '--source <name>' not specified/],
    ['an unknown option', [...replayOf('clicks.csv'), '--chunks', '3'], {}, /unknown option '--chunks'\s+\(Did you mean --chunk\?\)/],
    ['a chunk of no rows', [...replayOf('clicks.csv'), '--chunk', '0'], {}, /expected --chunk to be a whole number of at least 1, found '0'/],
    ['a rate that is none', [...replayOf('clicks.csv'), '--rate', 'fast'], {}, /expected --rate like 20000\/s, found 'fast'/],
    ['speed and rate', [...replayOf('clicks.csv'), '--rate', '5', '--speed', '5x'], {}, /expected one of --speed and --rate, found both/],
    ['speed without time', [...replayOf('clicks.csv', 'alibaba'), '--speed', '60x'], {}, /expected a source with time for --speed, found alibaba/],
    ['a date that is none', ['build', 'online-retail', '--as-of', 'soon'], {}, /expected --as-of to be a date like 2011-09-09.*found 'soon'/],
    ['an unknown model', ['train', 'alibaba', '--models', 'forest'], {}, /expected models of alibaba \(page-alone, logistic, boosting\), found 'forest'/],
    ['an unknown table', ['lake', 'show', 'silver.alibab'], {}, /expected a table of the lake .*found 'silver\.alibab'/],
    ['an unknown app', ['start', '--only', 'api,speedlayer'], {}, /expected apps among ingestor, .*found 'speedlayer'/],
    ['an unknown setting', ['sources'], { TIDELINE_PROT: '3001' }, /TIDELINE_PROT: no such setting; did you mean TIDELINE_PORT\?/],
    ['a port that is none', ['sources'], { TIDELINE_PORT: '99999' }, /TIDELINE_PORT: expected a port from 0 to 65535/],
    ['an unknown door', ['topics'], { EVENT_LOG: 'flie:./data' }, /EVENT_LOG: expected one of file:<folder>, memory:.*found "flie:\.\/data"/],
    ['a parameter that no door takes', ['topics'], { EVENT_LOG: 'file:./data?sync=off' }, /EVENT_LOG: file: takes no parameters, found "sync"/],
    ['another host without keys', ['start'], { TIDELINE_HOST: '0.0.0.0' }, /TIDELINE_HOST: 0\.0\.0\.0 is reachable from other machines, which needs TIDELINE_API_KEYS/],
  ];
  const at = terminal();
  at.write('clicks.csv', syntheticLog('user-behavior', 10));

  test.each(cases)('%s', async (_, args, env, message) => {
    const { code, stdout, stderr } = await at.run(args, { env });
    expect(stderr).toMatch(message);
    expect(stderr, 'a message, not a stack').not.toMatch(/\n\s+at /);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
  });

  test('secrets in addresses are not shown', async () => {
    const { code, stderr } = await at.run(['topics'], { env: { EVENT_LOG: 'kafka://someone:opensesame@host:9092' } });
    expect(code).toBe(64);
    expect(stderr).toContain('kafka://***@host:9092');
    expect(stderr).not.toContain('opensesame');
  });

  test('the launcher passes the exit code on', async () => {
    const launcher = join(root, 'tools', 'tideline.mjs');
    expect((await at.run(['frobnicate'], { program: launcher })).code).toBe(64);
    expect((await at.run(['build', 'alibaba'], { program: launcher })).code).toBe(2);
    expect((await at.run(['--version'], { program: launcher })).code).toBe(0);
  });
});

describe.concurrent('surroundings', PATIENT, () => {
  test('a mistake in a source names its file, line and column', async () => {
    const at = terminal({ copySources: true });
    const schema = join(at.folder, 'sources', 'alibaba', 'schema.yaml');
    const text = readFileSync(schema, 'utf8');
    const mistaken = text.replace('purchase_power / 7', 'purchase_powr / 7');
    const before = mistaken.slice(0, mistaken.indexOf('purchase_powr')).split('\n');
    writeFileSync(schema, mistaken);
    const place = `sources/alibaba/schema.yaml:${before.length}:${before.at(-1)!.length + 1}:`;
    for (const args of [['sources'], replayOf('nowhere.txt', 'alibaba')]) {
      const { code, stderr } = await at.run(args);
      expect(code).toBe(1);
      expect(stderr).toContain(`${place} purchase_power_scaled: unknown name purchase_powr; did you mean purchase_power?`);
    }
    writeFileSync(schema, text);
    const models = join(at.folder, 'sources', 'online-retail', 'models.yaml');
    writeFileSync(models, `${readFileSync(models, 'utf8')}\ngradient: [1, 2\n`);
    const { code, stderr } = await at.run(['sources']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/sources\/online-retail\/models\.yaml:\d+:\d+: /);
  });

  test('a reader that has seen enough, and a result that can not be written', async () => {
    const at = terminal();
    const generate = ['generate', 'alibaba', '--rows', '20000', '--out', '-'];
    const { child, ended } = at.start(generate);
    child.stdout!.once('data', () => child.stdout!.destroy());
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    if (!existsSync('/dev/full')) return console.warn('skipped: this system has no /dev/full');
    expect(await at.run(generate, { stdout: '/dev/full' })).toMatchObject({ code: 1, stderr: expect.stringMatching(/^tideline: could not write the result: .*no space left/) as string });
  });

  test('a port in use', async () => {
    const at = terminal();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const env = { TIDELINE_PORT: String(port) };
      const ended = await at.run(['start', '--only', 'api'], { env });
      expect(ended.stderr).toContain(`port ${port} on 127.0.0.1 is in use by another program; stop it or set TIDELINE_PORT`);
      expect(ended.code).toBe(1);
      const doctor = await at.run(['doctor', '--json'], { env });
      expect(doctor.code).toBe(2);
      const { checks, ok } = JSON.parse(doctor.stdout) as { checks: { name: string; ok: boolean; found: string; advice: string | null }[]; ok: boolean };
      expect(ok).toBe(false);
      expect(checks.find(({ name }) => name === 'port')).toEqual({ name: 'port', ok: false, found: `127.0.0.1:${port} is held by another program`, advice: 'set TIDELINE_PORT to a free one' });
      expect(checks.filter((check) => check.name !== 'port' && !check.ok)).toEqual([]);
    } finally {
      server.close();
    }
  });

  test('with --json every command prints one document and nothing else on stdout', async () => {
    const at = terminal();
    const documentOf = async (...args: string[]): Promise<unknown> => {
      const { code, stdout, stderr } = await at.run([...args, '--json']);
      expect([0, 2], `${args.join(' ')}: ${stderr}`).toContain(code);
      expect(stdout, args.join(' ')).not.toBe('');
      return JSON.parse(stdout) as unknown;
    };
    expect(await documentOf('generate', 'user-behavior', '--rows', '20000', '--out', 'clicks.csv')).toMatchObject({ synthetic: true, rows: 20_000 });
    expect(await documentOf('inspect', 'clicks.csv')).toMatchObject({ source: 'user-behavior', layout: 'published' });
    expect(await documentOf(...replayOf('clicks.csv'))).toMatchObject({ read: 20_000 });
    expect(await documentOf('build', 'user-behavior')).toMatchObject({ landing: { bronzeRows: 20_000, silverRows: 20_000 } });
    expect(await documentOf('lake', 'query', 'SELECT count(*) AS n FROM silver.user_behavior')).toEqual([{ n: 20_000 }]);
    expect(await documentOf('train', 'user-behavior')).toMatchObject({ source: 'user-behavior', target: 'churn' });
    const documents = await Promise.all([
      documentOf('sources'), documentOf('topics'), documentOf('scores'), documentOf('models'), documentOf('lake', 'tables'),
      documentOf('lake', 'show', 'silver.user_behavior'), documentOf('lake', 'check'), documentOf('verify', '--source', 'user-behavior'), documentOf('doctor'),
    ]);
    expect(documents.every((document) => typeof document === 'object' && document !== null)).toBe(true);
    const prompt = await at.run(['lake', 'query', 'SELEKT 1', '--json']);
    expect(prompt).toMatchObject({ code: 2, stdout: '' });
  });
});
