import { metricToWire, type MlflowMetric, type MlflowTag } from './mlflow-answers.ts';
import { MlflowError } from './mlflow-error.ts';

/** What is logged to a run at once. */
export interface RunBatch {
  readonly metrics?: readonly MlflowMetric[];
  readonly params?: readonly MlflowTag[];
  readonly tags?: readonly MlflowTag[];
}

/** The server's limits (mlflow/utils/validation.py); it cuts longer values off in silence, so they are refused here instead. */
export const LIMITS = {
  entries: 1_000,
  params: 100,
  tags: 100,
  /** Of one request's JSON; the server says 1,000,000. */
  requestBytes: 950_000,
  keyCharacters: 250,
  paramCharacters: 6_000,
  tagCharacters: 8_000,
  modelTagCharacters: 100_000,
  experimentNameCharacters: 500,
} as const;

/** Refuses keys and values that the server would refuse or cut off. */
export function checkTags(kind: 'parameter' | 'tag', tags: readonly MlflowTag[], longest: number): void {
  for (const { key, value } of tags) {
    checkKey(kind, key);
    if (value.length > longest) throw new MlflowError('LIMIT_EXCEEDED', `${kind} ${key}: expected at most ${longest} characters, found ${value.length}`);
  }
}

function checkKey(kind: string, key: string): void {
  if (key === '' || key.length > LIMITS.keyCharacters) {
    throw new MlflowError('LIMIT_EXCEEDED', `expected a ${kind} name of 1 to ${LIMITS.keyCharacters} characters, found ${key.length}: ${key.slice(0, 40)}`);
  }
}

/** Parts that the server takes, in the order given: parameters and tags first, so that a refused parameter comes before any metric. */
export function splitBatch({ metrics = [], params = [], tags = [] }: RunBatch): readonly Required<RunBatch>[] {
  checkTags('parameter', params, LIMITS.paramCharacters);
  checkTags('tag', tags, LIMITS.tagCharacters);
  for (const { key } of metrics) checkKey('metric', key);
  const batches: { metrics: MlflowMetric[]; params: MlflowTag[]; tags: MlflowTag[] }[] = [];
  let current: (typeof batches)[number] | undefined;
  let bytes = 0;
  const room = (kind: 'metrics' | 'params' | 'tags', size: number): (typeof batches)[number] => {
    const full =
      current === undefined || current.metrics.length + current.params.length + current.tags.length >= LIMITS.entries ||
      (kind !== 'metrics' && current[kind].length >= LIMITS[kind]) || bytes + size > LIMITS.requestBytes;
    if (full || current === undefined) {
      batches.push((current = { metrics: [], params: [], tags: [] }));
      bytes = 0;
    }
    bytes += size;
    return current;
  };
  const sizeOf = (entry: unknown): number => Buffer.byteLength(JSON.stringify(entry)) + 1;
  for (const param of params) room('params', sizeOf(param)).params.push(param);
  for (const tag of tags) room('tags', sizeOf(tag)).tags.push(tag);
  for (const metric of metrics) room('metrics', sizeOf(metricToWire(metric))).metrics.push(metric);
  return batches;
}
