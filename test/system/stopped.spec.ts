// Stopped in the middle, politely and not: what was finished before is kept, the same command goes on, and in the end everything is as if
// nobody had disturbed it.
import { cpSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bytesOf, expectReconciled, linesOf, PATIENT, replayOf, root, rowsCommitted, syntheticLog, Terminal, until, type ReplayResult } from './tideline.ts';

const open: Terminal[] = [];
/** A terminal that goes away with the file's last test: tests run side by side. */
function terminal(): Terminal {
  const made = new Terminal();
  open.push(made);
  return made;
}
afterAll(() => open.forEach((each) => each.close()));

describe.concurrent('a replay', PATIENT, () => {
  test('a second replay of the same file is refused while the first goes on unharmed', async () => {
    const at = terminal();
    at.write('clicks.csv', syntheticLog('user-behavior', 1_000));
    const first = at.start([...replayOf('clicks.csv'), '--rate', '400/s', '--loop', '--json']);
    await at.withLog((log) => until('the first replay commits', async () => (await rowsCommitted(log, 'raw.user-behavior')) > 0));
    const second = await at.run(replayOf('clicks.csv'));
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toContain(`the replay of clicks.csv is held by another holder (process ${first.child.pid}`);
    const before = await at.recordCount('raw.user-behavior');
    await at.withLog((log) => until('the first replay goes on', async () => (await rowsCommitted(log, 'raw.user-behavior')) > before));
    first.child.kill('SIGINT');
    const { code, stdout } = await first.ended;
    expect(code).toBe(0);
    const summary = JSON.parse(stdout) as ReplayResult;
    expect(summary).toMatchObject({ rejected: 0, ended: 'stopped' });
    await expectReconciled(at, summary);
  });

  test('Ctrl-C stops at a chunk border and says how to go on; --stop-after does the first', async () => {
    const at = terminal();
    at.write('clicks.csv', syntheticLog('user-behavior', 2_000));
    const running = at.start([...replayOf('clicks.csv'), '--rate', '200/s', '--json'], { program: join(root, 'tools', 'tideline.mjs') });
    await at.withLog((log) => until('some chunks', async () => (await rowsCommitted(log, 'raw.user-behavior')) >= 100));
    // A terminal sends it to the whole group; the launcher waits for the command itself, which ends in order.
    for (const pid of childrenOf(running.child.pid!)) process.kill(pid, 'SIGINT');
    const { code, stdout, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(stderr).toContain('stopped; `tideline replay clicks.csv --source user-behavior` goes on from there');
    const stopped = JSON.parse(stdout) as ReplayResult;
    expect(stopped.ended).toBe('stopped');
    expect(stopped.read % 10).toBe(0);
    await expectReconciled(at, stopped);
    const next = await at.replay('clicks.csv', 'user-behavior', '--chunk', '50', '--stop-after', '120');
    expect(next).toMatchObject({ read: stopped.read + 150, ended: 'stopped', resumedFrom: stopped.bytes });
    const last = await at.replay('clicks.csv', 'user-behavior');
    expect(last).toMatchObject({ read: 2_000, ended: 'complete', resumedFrom: next.bytes });
    await expectReconciled(at, last);
  });

  test('kill -9 again and again: the topics are those of an undisturbed replay, byte for byte', async () => {
    const rows = 30_000;
    const at = terminal();
    const undisturbed = terminal();
    const lines = linesOf(syntheticLog('user-behavior', rows));
    for (let i = 100; i < rows; i += 997) lines[i] = lines[i]!.replace(',', ';');
    const path = at.write('clicks.csv', bytesOf(lines));
    const args = [...replayOf(path), '--chunk', '300'];
    await undisturbed.run(args);
    let kills = 0;
    await at.withLog(async (log) => {
      for (const border of [1, 9_000, 17_000, 26_000]) {
        const running = at.start(args);
        await until(`${border} rows or the end`, async () => running.child.exitCode !== null || (await rowsCommitted(log, 'raw.user-behavior')) >= border);
        running.child.kill('SIGKILL');
        if ((await running.ended).signal === 'SIGKILL') kills++;
      }
    });
    expect(kills).toBeGreaterThanOrEqual(3);
    const summary = await at.replay(path, 'user-behavior', '--chunk', '300');
    expect(summary).toMatchObject({ read: rows, rejected: 30, rejectedBy: { 'field-count': 30 } });
    await expectReconciled(at, summary);
    const topics = ['raw.user-behavior', 'dead-letter'];
    expect(await at.contents(topics)).toEqual(await undisturbed.contents(topics));
  });
});

/** Processes that this one started. */
function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number));
}

describe.concurrent('a build', PATIENT, () => {
  const tables = [
    ...['bronze.user_behavior', 'silver.user_behavior', 'silver.user_behavior_rejects'].map((name) => ({ name, order: '_partition, _offset' })),
    ...['gold.user_behavior_features', 'gold.user_behavior_labels', 'gold.user_behavior_training'].map((name) => ({ name, order: 'as_of, entity' })),
  ];
  /** The rows of every table in order, as one hash each; the time of arrival is the log's, so it is among them. */
  const hashes = (at: Terminal): Promise<{ name: string; rows: number; hash: string }[]> =>
    at.query(tables.map(({ name, order }) => `SELECT '${name}' AS name, count(*) AS rows, md5(string_agg(CAST(t AS VARCHAR), chr(10) ORDER BY ${order})) AS hash FROM ${name} AS t`).join(' UNION ALL '));

  test('kill -9 again and again: the tables are whole all the time, and in the end those of an undisturbed build', async () => {
    const at = terminal();
    const undisturbed = terminal();
    const lines = linesOf(syntheticLog('user-behavior', 20_000));
    for (let i = 50; i < lines.length; i += 499) lines[i] = lines[i]!.replace(',', ';');
    at.write('clicks.csv', bytesOf(lines));
    await at.replay('clicks.csv', 'user-behavior');
    // The same log under both, so that nothing that is compared depends on when it was made.
    for (const door of ['log', 'schemas']) cpSync(join(at.folder, 'data', door), join(undisturbed.folder, 'data', door), { recursive: true });
    await undisturbed.json(['build', 'user-behavior']);
    let kills = 0;
    for (const linesSeen of [1, 2, 4, 5, 9]) {
      const { child, ended } = at.start(['build', 'user-behavior']);
      let seen = 0;
      child.stderr!.on('data', (text: string) => {
        seen += text.split('\n').length - 1;
        if (seen >= linesSeen) child.kill('SIGKILL');
      });
      if ((await ended).signal === 'SIGKILL') kills++;
      const checked = await at.json<{ table: string; problems: string[] }[]>(['lake', 'check']);
      expect(checked.filter(({ problems }) => problems.length > 0)).toEqual([]);
    }
    expect(kills).toBeGreaterThanOrEqual(3);
    await at.json(['build', 'user-behavior']);
    const expected = await hashes(undisturbed);
    expect(expected.every(({ rows }) => rows > 0)).toBe(true);
    expect(await hashes(at)).toEqual(expected);
  });

  test('Ctrl-C is heard, ends in order, and the next build goes on', async () => {
    const at = terminal();
    at.write('clicks.csv', syntheticLog('user-behavior', 60_000));
    await at.replay('clicks.csv', 'user-behavior');
    const { child, ended } = at.start(['build', 'user-behavior', '--json']);
    child.stderr!.once('data', () => child.kill('SIGINT'));
    const { code, stdout, stderr } = await ended;
    expect(stderr).toContain('tideline: stopping at the next border; Ctrl-C again stops at once');
    expect(stderr).toContain('stopped; what was finished before is kept\nthe same command goes on from there');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(await at.json(['build', 'user-behavior'])).toMatchObject({ gold: { asOf: expect.arrayContaining(['2017-11-26T01:30:00.000Z']) as string[] } });
    expect(await at.query('SELECT count(*) AS n FROM silver.user_behavior')).toEqual([{ n: 60_000 }]);
  });
});
