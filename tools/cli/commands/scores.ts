import type { Command } from 'commander';
import { isPlatformError, type EventLog, type RecordBatch } from '#tideline/platform';
import type { CommandContext, Runner } from '../context.ts';
import { parseCount } from '../parse-quantity.ts';

interface ScoresOptions {
  readonly source?: string;
  readonly key?: string;
  readonly follow?: boolean;
  readonly limit: number;
}

interface Score {
  readonly source: string;
  readonly entity: string;
  readonly eventTime: string | null;
  readonly churnProbability: number | null;
  readonly expectedValue: number | null;
  readonly reward: number;
  readonly model: { readonly name: string; readonly version: string } | null;
  readonly reasons: readonly { readonly feature: string; readonly value: number | null }[];
}

const TOPIC = 'churn-scores';

export function addScores(program: Command, run: Runner): void {
  program
    .command('scores')
    .description('live churn scores, the newest last')
    .option('--source <name>', 'only this source')
    .option('--key <entity>', 'only this entity')
    .option('--follow', 'go on until Ctrl-C, one score a line')
    .option('--limit <n>', 'how many of the newest to show first', parseCount('limit', 0), 20)
    .action(run(showScores));
}

async function showScores({ world, output, signal }: CommandContext, options: ScoresOptions): Promise<void> {
  if (options.source !== undefined) await world.source(options.source);
  const log = await world.log('command');
  const wanted = (score: Score): boolean =>
    (options.source === undefined || score.source === options.source) && (options.key === undefined || score.entity === options.key);
  const partitions = await partitionsOf(log);
  const newest: Score[] = [];
  const next = new Map<number, number>();
  for (const { partition, start, end } of partitions) {
    // Enough of the end to find `limit` that match, unless they are rare; with a key, everything is searched.
    const from = options.key === undefined ? Math.max(start, end - Math.max(1, options.limit) * 200) : start;
    next.set(partition, await readScores(log, partition, from, end, (score) => {
      if (!wanted(score)) return;
      newest.push(score);
      if (newest.length > options.limit * 4 + 64) newest.splice(0, newest.length - options.limit);
    }));
  }
  const shown = options.limit === 0 ? [] : newest.slice(-options.limit);
  if (options.follow !== true) {
    output.result(shown, () => (shown.length === 0 ? 'no scores yet' : shown.map(describe).join('\n')));
    return;
  }
  for (const score of shown) output.line(score, () => describe(score));
  await follow(log, next, signal, (score) => void (wanted(score) && output.line(score, () => describe(score))));
}

async function follow(log: EventLog, next: Map<number, number>, signal: AbortSignal, take: (score: Score) => void): Promise<void> {
  while (!signal.aborted) {
    let found = 0;
    for (const { partition, start } of await partitionsOf(log)) {
      const batches = await log.read(TOPIC, partition, next.get(partition) ?? start, { maxWaitMs: 0 });
      for (const batch of batches) {
        for (const score of scoresOf(batch)) take(score);
        next.set(partition, batch.baseOffset + batch.count);
        found += batch.count;
      }
    }
    if (found === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function partitionsOf(log: EventLog): Promise<readonly { partition: number; start: number; end: number }[]> {
  return (await log.describeTopics()).find(({ topic }) => topic === TOPIC)?.partitions ?? [];
}

async function readScores(log: EventLog, partition: number, from: number, end: number, take: (score: Score) => void): Promise<number> {
  let offset = from;
  try {
    while (offset < end) {
      const batches = await log.read(TOPIC, partition, offset, { maxWaitMs: 0 });
      if (batches.length === 0) break;
      for (const batch of batches) {
        for (const score of scoresOf(batch)) take(score);
        offset = batch.baseOffset + batch.count;
      }
    }
  } catch (error) {
    if (!isPlatformError(error, 'NOT_FOUND')) throw error;
  }
  return offset;
}

function* scoresOf(batch: RecordBatch): Iterable<Score> {
  const text = Buffer.from(batch.values.buffer, batch.values.byteOffset, batch.values.byteLength);
  for (let i = 0; i < batch.count; i++) yield JSON.parse(text.toString('utf8', batch.valueOffsets[i], batch.valueOffsets[i + 1])) as Score;
}

function describe(score: Score): string {
  const risk = score.churnProbability === null ? ' no model' : `${(score.churnProbability * 100).toFixed(1).padStart(5)} % `;
  const value = score.expectedValue === null ? '' : `  worth ${score.expectedValue.toFixed(2)}`;
  const why = score.reasons.map(({ feature, value: of }) => `${feature} ${of === null ? 'unknown' : Number(of.toPrecision(4))}`).join(', ');
  return `${score.eventTime ?? ''} ${score.source} ${score.entity.padEnd(8)} ${risk}${value}${why === '' ? '' : `  because of ${why}`}`.trim();
}
