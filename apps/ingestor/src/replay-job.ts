import { parseRate, parseSpeed, type Pace } from './pace.ts';

/** A file to put on the log, as the settings name it. */
export interface ReplayJob {
  readonly file: string;
  readonly source: string;
  /** Of a source of several tables; told by the file's head when left out. */
  readonly table?: string;
  readonly pace: Pace;
  readonly loop: boolean;
}

/**
 * Reads a JSON list of `{"file", "source", "table"?, "rate"?: "20000/s", "speed"?: "60x", "loop"?: true}`; anything else gives every problem in words.
 */
export function parseReplayJobs(text: string): { jobs: readonly ReplayJob[] } | { problems: readonly string[] } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problems: [`expected a JSON list of replays: ${(error as Error).message}`] };
  }
  if (!Array.isArray(value)) return { problems: [`expected a list of replays, found ${JSON.stringify(value).slice(0, 80)}`] };
  const problems: string[] = [];
  const jobs = value.map((entry: unknown, i) => readJob(entry, (message) => problems.push(`replay ${i + 1}: ${message}`)));
  return problems.length > 0 ? { problems } : { jobs };
}

const KNOWN = new Set(['file', 'source', 'table', 'rate', 'speed', 'loop']);

function readJob(entry: unknown, report: (message: string) => void): ReplayJob {
  const fields = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
  for (const name of Object.keys(fields)) if (!KNOWN.has(name)) report(`expected ${[...KNOWN].join(', ')}, found "${name}"`);
  const text = (name: string): string => {
    const found = fields[name];
    if (typeof found === 'string' && found !== '') return found;
    report(`expected "${name}" to be text, found ${JSON.stringify(found)}`);
    return '';
  };
  if (fields['loop'] !== undefined && typeof fields['loop'] !== 'boolean') report(`expected "loop" to be true or false, found ${JSON.stringify(fields['loop'])}`);
  const table = fields['table'] === undefined ? {} : { table: text('table') };
  return { file: text('file'), source: text('source'), ...table, pace: readPace(fields['rate'], fields['speed'], report), loop: fields['loop'] === true };
}

function readPace(rate: unknown, speed: unknown, report: (message: string) => void): Pace {
  if (rate !== undefined && speed !== undefined) report('expected a rate or a speed, found both');
  if (rate !== undefined) {
    const rowsPerSecond = parseRate(String(rate));
    if (rowsPerSecond !== undefined) return { kind: 'rate', rowsPerSecond };
    report(`expected a rate like 20000/s, found ${JSON.stringify(rate)}`);
  } else if (speed !== undefined) {
    const factor = parseSpeed(String(speed));
    if (factor !== undefined) return { kind: 'speed', factor };
    report(`expected a speed like 60x, found ${JSON.stringify(speed)}`);
  }
  return { kind: 'unpaced' };
}
