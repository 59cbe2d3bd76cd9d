import { createServer, type AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EXIT_HOPELESS, FileEventLog, FileExperimentTracker } from '#tideline/platform';
import { appendScores, fabricatedLog, fabricatedScore } from '../test/fabricated-world.ts';
import { serve } from './serve.ts';

/*
 * Goal: the program as the supervisor starts it, on file doors that another process fills, with the sources of this repository; and
 * every start that cannot succeed ends with one line that says what to change.
 */
describe('serving', () => {
  let folder: string;
  const complaints: string[] = [];
  const freePort = async (): Promise<number> => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  };
  const settings = (port: number): Record<string, string> => ({
    EVENT_LOG: `file:${folder}/log`,
    EXPERIMENTS: `file:${folder}/mlruns`,
    TIDELINE_PORT: String(port),
    TIDELINE_LOG_LEVEL: 'silent',
    TIDELINE_SYNTHETIC: 'alibaba, user-behavior',
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tideline-api-'));
    complaints.length = 0;
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => complaints.push(String(text)) > 0);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  it('answers from what another process writes, and stops in order', async () => {
    const port = await freePort();
    const writer = await fabricatedLog(['alibaba'], new FileEventLog(join(folder, 'log'), { app: 'speed-layer' }));
    const stop = new AbortController();
    const code = serve(settings(port), stop.signal);
    const get = async <T>(path: string): Promise<T> => (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as T;
    await vi.waitFor(() => get('/health'), { timeout: 20_000 });
    await appendScores(writer, 0, [fabricatedScore('alibaba', '6-2-4', 0.25, { offset: 1, state: Array.from({ length: 12 }, (_, index) => index) })]);
    const story = await vi.waitFor(async () => {
      const found = await get<{ features?: { name: string; value: number }[] }>('/sources/alibaba/entities/6-2-4');
      expect(found.features).toBeDefined();
      return found;
    }, { timeout: 20_000 });
    expect(story.features?.slice(0, 2)).toMatchObject([{ name: 'purchase_power01', value: 0 }, { name: 'page', value: 1 }]);
    expect(await get('/sources')).toEqual(expect.arrayContaining([['alibaba', true], ['online-retail', false], ['user-behavior', true]].map(([name, synthetic]) => expect.objectContaining({ name, synthetic }))));
    stop.abort();
    expect(await code).toBe(0);
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow();
    await writer.close();
  });

  it('gives up with one line when the port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await (await FileExperimentTracker.open(join(folder, 'mlruns'))).close();
    expect(await serve(settings(port), new AbortController().signal)).toBe(EXIT_HOPELESS);
    expect(complaints).toEqual([`tideline api: port ${port} on 127.0.0.1 is in use by another program; stop it or set TIDELINE_PORT\n`]);
    await new Promise((resolve) => other.close(resolve));
  });

  it('gives up with the name of a setting that is wrong', async () => {
    expect(await serve({ ...settings(0), TIDELINE_PORTT: '1' }, new AbortController().signal)).toBe(EXIT_HOPELESS);
    expect(complaints.join('')).toContain('TIDELINE_PORTT');
    expect(await serve({ ...settings(0), TIDELINE_HOST: '0.0.0.0' }, new AbortController().signal)).toBe(EXIT_HOPELESS);
    expect(complaints.at(-1)).toContain('TIDELINE_API_KEYS');
  });
});
