import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from './inputs.ts';

/** 5,000,000 events of 100,000 keys over 60 days, in the order of time. */
export interface Events {
  readonly count: number;
  /** Seconds since the epoch. */
  readonly seconds: Float64Array;
  readonly keys: Int32Array;
  /** Amount in hundredths. */
  readonly cents: Float64Array;
  /** Where they come from. */
  readonly origin: string;
}

const COUNT = 5_000_000;
const KEYS = 100_000;
const START = 1_511_658_000;

/** The peers' own events where their programs are at hand (made by `gen_ev.py`), else synthetic ones of the same shape. */
export function events(): Events {
  return peerEvents() ?? syntheticEvents();
}

function peerEvents(): Events | undefined {
  const folder = process.env['TIDELINE_PEERS'];
  const python = process.env['TIDELINE_PEERS_PYTHON'];
  if (folder === undefined || python === undefined) return undefined;
  const file = join(scratch, 'events.bin');
  if (!existsSync(join(scratch, 'ev.npz'))) spawnSync(python, [join(folder, 'gen_ev.py')], { cwd: scratch, stdio: 'inherit' });
  if (!existsSync(file)) {
    const program = "import numpy as np; z = np.load('ev.npz'); f = open('events.bin', 'wb'); z['ts'].astype('<f8').tofile(f); np.rint(z['a'].astype('f8') * 100).astype('<f8').tofile(f); z['k'].astype('<i4').tofile(f)";
    if (spawnSync(python, ['-c', program], { cwd: scratch, stdio: 'inherit' }).status !== 0) return undefined;
  }
  const bytes = readFileSync(file);
  const at = (offset: number): ArrayBuffer => bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const count = bytes.byteLength / 20;
  return {
    count,
    seconds: new Float64Array(at(0), 0, count),
    cents: new Float64Array(at(count * 8), 0, count),
    keys: new Int32Array(at(count * 16), 0, count),
    origin: 'the peers\' events',
  };
}

/** Keys by a square law (few busy, many quiet), times uniform, amounts log-normal in whole cents; a linear congruential generator. */
function syntheticEvents(): Events {
  let state = 5;
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const seconds = Float64Array.from({ length: COUNT }, () => START + Math.floor(uniform() * 60 * 86_400)).sort();
  const keys = Int32Array.from({ length: COUNT }, () => Math.floor(KEYS * uniform() ** 2));
  const cents = Float64Array.from({ length: COUNT }, () => Math.round(100 * Math.exp(3 + (uniform() + uniform() + uniform() - 1.5) * 2)));
  return { count: COUNT, seconds, keys, cents, origin: 'synthetic events' };
}
