import assert from 'node:assert';
import { PlatformError } from '../errors.ts';
import type { Metric, RunData } from './experiment-tracker.ts';

/** Asserts names that MLflow allows and that are safe as relative paths (parameters, metrics and tags may hold slashes). */
export function checkName(kind: 'metric' | 'parameter' | 'tag' | 'artifact' | 'artifact folder', name: string): void {
  const safe = /^[A-Za-z0-9_.\- /]+$/.test(name) && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  assert(safe && name.length <= 250, `expected a ${kind} name of [A-Za-z0-9_.- /], found "${name}"`);
}

/** Asserts names of registered models, which may hold no slash. */
export function checkModelName(name: string): void {
  assert(/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,249}$/.test(name), `expected a model name of [A-Za-z0-9_.-], found "${name}"`);
}

/** Asserts names of aliases: MLflow keeps `latest` and names like `v3` for itself. */
export function checkAliasName(name: string): void {
  const free = /^[A-Za-z0-9_-]{1,250}$/.test(name) && !/^v\d+$/i.test(name) && name.toLowerCase() !== 'latest';
  assert(free, `expected an alias of [A-Za-z0-9_-], neither latest nor like v3, found "${name}"`);
}

export function checkRunData({ metrics, params, tags }: RunData): void {
  for (const metric of metrics ?? []) checkName('metric', metric.name);
  for (const [name, value] of Object.entries(params ?? {})) {
    checkName('parameter', name);
    assert(!value.includes('\n') && value.length <= 6000, `parameter ${name}: expected one line of at most 6,000 characters`);
  }
  for (const [name, value] of Object.entries(tags ?? {})) {
    checkName('tag', name);
    assert(value.length <= 8000, `tag ${name}: expected at most 8,000 characters, found ${value.length}`);
  }
}

/** The value to show for each metric: at the highest step, there the newest, there the one logged last. */
export function lastValues(metrics: Iterable<Metric>): Readonly<Record<string, number>> {
  const last = new Map<string, Metric>();
  for (const metric of metrics) {
    const before = last.get(metric.name);
    const isLater =
      before === undefined || metric.step > before.step || (metric.step === before.step && metric.timestampMs >= before.timestampMs);
    if (isLater) last.set(metric.name, metric);
  }
  return Object.fromEntries([...last.values()].map(({ name, value }) => [name, value]));
}

export function parameterChanged(runId: string, name: string, before: string, value: string): PlatformError {
  return new PlatformError('ALREADY_EXISTS', `run ${runId}: parameter ${name} is "${before}" already, found "${value}"; it is written once`);
}

export function noSuchRun(runId: string): PlatformError {
  return new PlatformError('NOT_FOUND', `no run ${runId}`);
}

export function noSuchVersion(name: string, version: string): PlatformError {
  return new PlatformError('NOT_FOUND', `no version ${version} of model ${name}`);
}
