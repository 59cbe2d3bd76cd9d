// The apps as an operator has them: probes and metrics while they work, JSON lines, a stop in the middle of work that loses nothing, traces
// where a receiver is named, and one clear line when a start can't succeed.
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { expectReconciled, PATIENT, root, rowsCommitted, syntheticLog, Terminal, type Ended, type Running } from './tideline.ts';

const open: Terminal[] = [];
function terminal(): Terminal {
  const made = new Terminal();
  open.push(made);
  return made;
}
afterAll(() => open.forEach((each) => each.close()));

const programOf = (app: string): string => join(root, 'dist', 'apps', app, 'src', 'main.js');

/** Asks an app now and then: faster would only take the time away that it needs. */
async function until(what: string, holds: () => Promise<boolean>, patienceMs = 100_000): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`expected within ${patienceMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface RunningApp extends Running {
  readonly address: string;
  ask(path: string): Promise<{ status: number; text: string }>;
  /** A metric's value, summed over its labels; 0 while nobody answers. */
  metric(name: string): Promise<number>;
}

async function startApp(at: Terminal, app: string, env: Readonly<Record<string, string>> = {}): Promise<RunningApp> {
  const port = await freePort();
  const setting = app === 'api' ? 'TIDELINE_PORT' : `TIDELINE_${app.toUpperCase().replace('-', '_')}_PORT`;
  const running = at.start([], { program: programOf(app), env: { [setting]: String(port), ...env } });
  const address = `http://127.0.0.1:${port}`;
  const ask = async (path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${address}${path}`).catch(() => undefined);
    return response === undefined ? { status: 0, text: '' } : { status: response.status, text: await response.text() };
  };
  const metric = async (name: string): Promise<number> => {
    const lines = (await ask('/metrics')).text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  };
  return { ...running, address, ask, metric };
}

/** Ended in order, with nothing but JSON lines of its own; gives them. */
function linesOf({ code, signal, stdout, stderr }: Ended, app: string): Record<string, unknown>[] {
  expect({ code, signal, stdout, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  const lines = stderr.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(new Set(lines.map((line) => line['app']))).toEqual(new Set([app]));
  return lines;
}

describe('operations', PATIENT, () => {
  test('the ingestor answers probes, says its progress, and stopped in mid-replay it loses nothing', async () => {
    const at = terminal();
    at.write('clicks.csv', syntheticLog('user-behavior', 10_000));
    const app = await startApp(at, 'ingestor', { INGESTOR_REPLAYS: JSON.stringify([{ file: 'clicks.csv', source: 'user-behavior', rate: '1000/s' }]) });
    await until('some seconds of replay', async () => (await app.metric('tideline_ingest_rows_total')) > 6_000);
    expect((await app.ask('/health')).status).toBe(200);
    expect(await app.ask('/ready')).toMatchObject({ status: 200, text: expect.stringContaining('"name":"event log","ok":true') as string });
    expect(await app.metric('tideline_ingest_commit_seconds_count')).toBeGreaterThan(100);
    expect((await app.ask('/metrics')).text).toContain('tideline_ingest_replays{state="running",app="ingestor"} 1');
    app.child.kill('SIGTERM');
    const lines = linesOf(await app.ended, 'ingestor');
    const progress = lines.find(({ msg }) => String(msg).startsWith('replaying'))!;
    expect(progress).toMatchObject({ source: 'user-behavior', file: 'clicks.csv', rejected: 0 });
    expect(progress['rowsPerSecond']).toBeGreaterThan(500);
    expect(progress['megabytesPerSecond']).toBeGreaterThan(0.01);
    expect(lines.find(({ msg }) => String(msg).startsWith('replay stopped'))).toMatchObject({ ended: 'stopped', rejected: 0 });
    expect(lines.at(-1)).toMatchObject({ msg: 'stopped in order' });
    const rest = await at.replay('clicks.csv', 'user-behavior');
    expect(rest).toMatchObject({ read: 10_000, ended: 'complete' });
    await expectReconciled(at, rest);
  });

  test('the speed layer stopped in mid-work has saved its state: it goes on without replaying', async () => {
    const at = terminal();
    at.write('clicks.csv', syntheticLog('user-behavior', 30_000));
    await at.replay('clicks.csv', 'user-behavior', '--chunk', '500');
    const app = await startApp(at, 'speed-layer');
    await until('records processed', async () => (await app.metric('tideline_speed_records_total')) > 0);
    app.child.kill('SIGTERM');
    linesOf(await app.ended, 'speed-layer');
    const again = await startApp(at, 'speed-layer');
    await until('no lag', async () => (await again.metric('tideline_speed_state_entities')) > 0 && (await again.ask('/ready')).status === 200 && (await again.metric('tideline_speed_lag_records')) === 0);
    expect(await again.metric('tideline_speed_watermark_delay_seconds')).toBeGreaterThan(0);
    again.child.kill('SIGTERM');
    const recoveries = linesOf(await again.ended, 'speed-layer').map(({ msg }) => String(msg)).filter((msg) => /user-behavior\/\d+ recovered/.test(msg));
    expect(recoveries.length).toBeGreaterThan(0);
    for (const recovery of recoveries) expect(recovery).toContain(': 0 records replayed');
    expect(await at.json(['verify', '--source', 'user-behavior'])).toMatchObject({ ok: true });
  });

  test('the batch layer stopped while it lands leaves tables that the next run completes', async () => {
    const at = terminal();
    at.write('clicks.csv', syntheticLog('user-behavior', 30_000));
    await at.replay('clicks.csv', 'user-behavior');
    const app = await startApp(at, 'batch-layer');
    await until('a commit', async () => (await app.metric('tideline_door_call_seconds_count')) > 40);
    app.child.kill('SIGTERM');
    linesOf(await app.ended, 'batch-layer');
    await at.json(['build', 'user-behavior']);
    expect(await at.query('SELECT count(*) AS n, count(DISTINCT (_partition, _offset)) AS places FROM silver.user_behavior')).toEqual([{ n: 30_000, places: 30_000 }]);
    expect((await at.json<{ problems: string[] }[]>(['lake', 'check'])).flatMap(({ problems }) => problems)).toEqual([]);
  });

  test('the trainer stopped while it learns leaves no run behind that seems to go on, and learns when started again', async () => {
    const at = terminal();
    at.write('invoices.csv', syntheticLog('online-retail', 20_000));
    await at.replay('invoices.csv', 'online-retail');
    await at.json(['build', 'online-retail']);
    const app = await startApp(at, 'trainer');
    await until('a run began', async () => (await app.metric('tideline_door_call_seconds_count')) > 5);
    app.child.kill('SIGTERM');
    linesOf(await app.ended, 'trainer');
    const again = await startApp(at, 'trainer');
    await until('a training', async () => (await again.metric('tideline_train_seconds_count')) >= 1);
    expect(await again.metric('tideline_train_gate_total')).toBe(1);
    again.child.kill('SIGTERM');
    linesOf(await again.ended, 'trainer');
  });

  test('the api stops in order while somebody listens to its stream', async () => {
    const at = terminal();
    const app = await startApp(at, 'api');
    await until('it answers', async () => (await app.ask('/health')).status === 200);
    const stream = await fetch(`${app.address}/scores/stream`);
    expect(stream.status).toBe(200);
    app.child.kill('SIGTERM');
    linesOf(await app.ended, 'api');
    await stream.text().catch(() => undefined);
  });

  test('spans go to a receiver that is named: one a chunk, with its parts', async () => {
    const at = terminal();
    at.write('clicks.csv', syntheticLog('user-behavior', 2_000));
    const bodies: string[] = [];
    const receiver = createHttpServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
        bodies.push(`${request.url} ${Buffer.concat(parts).toString('utf8')}`);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    const replays = JSON.stringify([{ file: 'clicks.csv', source: 'user-behavior' }]);
    const app = await startApp(at, 'ingestor', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, INGESTOR_REPLAYS: replays });
    await until('all rows', () => at.withLog(async (log) => (await rowsCommitted(log, 'raw.user-behavior').catch(() => 0)) >= 2_000));
    app.child.kill('SIGTERM');
    linesOf(await app.ended, 'ingestor');
    receiver.close();
    const sent = bodies.join('\n');
    expect(sent).toContain('/v1/traces ');
    for (const text of ['"tideline-ingestor"', '"ingest chunk"', '"read, scan and pack"', '"commit"']) expect(sent).toContain(text);
  });

  test('a port in use, a wrong setting and a wrong replay end with 78 and one line that says what to change', async () => {
    const at = terminal();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const cases: [env: Record<string, string>, says: string][] = [
      [{ TIDELINE_TRAINER_PORT: String(port) }, `TIDELINE_TRAINER_PORT: 127.0.0.1:${port} is in use by another program`],
      [{ TIDELINE_TRAINER_PROT: '1' }, 'TIDELINE_TRAINER_PROT: no such setting; did you mean TIDELINE_TRAINER_PORT?'],
      [{ EXPERIMENTS: 'ftp://x', TIDELINE_LOG_LEVEL: 'silent' }, 'EXPERIMENTS: expected one of'],
    ];
    for (const [env, says] of cases) {
      const { code, stderr } = await at.run([], { program: programOf('trainer'), env });
      const lines = stderr.trim().split('\n').map((line) => JSON.parse(line) as { level: string; msg: string });
      expect([code, lines.filter(({ level }) => level === 'error').map(({ msg }) => msg)]).toEqual([78, [expect.stringContaining(says)]]);
    }
    other.close();
    const { code, stderr } = await at.run([], { program: programOf('ingestor'), env: { INGESTOR_REPLAYS: '[{"file":"x"}]' } });
    expect([code, stderr]).toEqual([78, expect.stringContaining('INGESTOR_REPLAYS: replay 1: expected')]);
  });

  test('a second signal ends a process that hangs at once', async () => {
    const at = terminal();
    const platform = pathToFileURL(join(root, 'dist', 'libs', 'platform', 'src', 'index.js')).href;
    at.write('hang.mjs', `import { stopRequest } from ${JSON.stringify(platform)};
      stopRequest('hang').addEventListener('abort', () => console.log('asked'));
      setInterval(() => undefined, 1000);
      console.log('up');`);
    const { child, ended } = at.start([], { program: join(at.folder, 'hang.mjs') });
    const heard = (word: string): Promise<void> => new Promise((resolve) => child.stdout!.on('data', (text: string) => void (text.includes(word) && resolve())));
    await heard('up');
    const asked = heard('asked');
    child.kill('SIGTERM');
    await asked;
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 143 });
  });
});
