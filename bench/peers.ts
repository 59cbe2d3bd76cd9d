import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { alibabaLog } from './inputs.ts';

/** What a peer program reached on the same input in the same run, and which of our figures stands beside it. */
export interface PeerFigure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly against: string;
}

/**
 * Runs the peers' Python programs where `TIDELINE_PEERS` names their folder and `TIDELINE_PEERS_PYTHON` an interpreter that has
 * their packages; says so and measures nothing otherwise.
 */
export function peers(measure: string, options: { scratch: string; bytes: number }): PeerFigure[] {
  const folder = process.env.TIDELINE_PEERS;
  const python = process.env.TIDELINE_PEERS_PYTHON;
  const programs = { lake: lakePeers, state: statePeers }[measure];
  if (programs === undefined) return [];
  if (folder === undefined || python === undefined || !existsSync(folder)) {
    process.stderr.write(`peers of ${measure}: skipped, set TIDELINE_PEERS and TIDELINE_PEERS_PYTHON to measure them\n`);
    return [];
  }
  return programs((script, args, env) => run(python, join(folder, script), args, options.scratch, env), options.bytes);
}

type Run = (script: string, args: readonly string[], env?: Record<string, string>) => Record<string, number> | undefined;

function run(python: string, script: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): Record<string, number> | undefined {
  const done = spawnSync(python, [script, ...args], { cwd, encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: 1 << 26 });
  const line = (done.stdout ?? '').trim().split('\n').at(-1) ?? '';
  if (done.status !== 0 || !line.startsWith('{')) {
    process.stderr.write(`peer ${script} ${args.join(' ')} failed: ${(done.stderr ?? '').trim().split('\n').at(-1)}\n`);
    return undefined;
  }
  return JSON.parse(line) as Record<string, number>;
}

function lakePeers(runPeer: Run, bytes: number): PeerFigure[] {
  const log = alibabaLog(bytes);
  return ['polars', 'duckdb', 'pandas_np'].flatMap((engine) => {
    const result = runPeer('logpipe.py', [engine, log], { T: '2' });
    return result === undefined ? [] : [{ name: `${engine}, log to Parquet, 2 threads`, value: result['MB_s'] ?? NaN, unit: 'MB/s', against: 'log file to silver Parquet' }];
  });
}

function statePeers(runPeer: Run): PeerFigure[] {
  return ['python', 'polars'].flatMap((engine) => {
    const result = runPeer('stream.py', [engine, '5000000'], { T: '1' });
    return result === undefined ? [] : [{ name: `${engine}, rolling state, 1 thread`, value: result['ev_s'] ?? NaN, unit: 'events/s', against: 'rolling state, features after each event' }];
  });
}
