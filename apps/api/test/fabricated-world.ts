import type { EventLog, ExperimentTracker, ModelVersion, PackedRecords } from '#tideline/platform';
import { MemoryEventLog, packTexts } from '#tideline/platform';
import { decodeTransition, TransitionWriter, VisitValues, type Source } from '#tideline/retention';
import type { LoadedModel } from '../src/models/served-model.ts';
import type { ChurnScore } from '../src/scores/churn-score.ts';

/*
 * A small world for tests: sources, a tracker and a log filled with fabricated scores. Everything in it is made up and says so in
 * its names; a real run's topics look the same.
 */

/** Records of text keys and JSON values, packed as the log wants them. */
function packJson(entries: readonly { key: string; value: unknown }[], timestampMs = Date.parse('2026-03-04T10:00:00Z')): PackedRecords {
  return packTexts(entries.map(({ key, value }) => ({ key, value: JSON.stringify(value), timestampMs })));
}

/** A source with two features and no time, enough for the API. */
export function fabricatedSource(name: string, options: { visits?: boolean; state?: readonly string[] } = {}): Source {
  const state = options.state ?? ['recency', 'orders'];
  return {
    name,
    title: `Fabricated ${name}`,
    entity: 'customer',
    time: 'at',
    features: {
      features: state.map((feature) => ({ name: feature, formula: `fabricated_${feature}` })),
      state,
      visit: options.visits === true ? { step: 'page', by: 'segment', last: 'done' } : undefined,
    },
    models: { target: 'churn' },
  } as unknown as Source;
}

/** A logistic model with weights by feature, written as JSON; NaN counts as 0. */
export function fabricatedModel(weights: Readonly<Record<string, number>>, bias = 0): Uint8Array {
  return Buffer.from(JSON.stringify({ weights, bias }));
}

/** Reads what `fabricatedModel` wrote; throws on anything else, as a real loader does. */
function loadFabricatedModel(bytes: Uint8Array): LoadedModel {
  const { weights, bias } = JSON.parse(Buffer.from(bytes).toString()) as { weights: Record<string, number>; bias: number };
  const featureNames = Object.keys(weights);
  const parts = (x: Float64Array): number[] => featureNames.map((name, index) => (Number.isNaN(x[index]) ? 0 : weights[name] * x[index]));
  return {
    kind: 'fabricated',
    task: 'classification',
    featureNames,
    scoreRow: (x) => 1 / (1 + Math.exp(-parts(x).reduce((sum, part) => sum + part, bias))),
    explainRow: (x, contributions) => {
      parts(x).forEach((part, index) => (contributions[index] = part));
      return bias;
    },
  };
}

/** What turns bytes into meaning in a fabricated world. */
export const fabricatedReaders = { loadModel: loadFabricatedModel, loadVisitValues: (bytes: Uint8Array) => VisitValues.load(bytes), decodeTransition };

/** A step of a fabricated entity. */
export interface FabricatedStep {
  readonly entity: string;
  readonly eventTimeMs: number | null;
  readonly state: readonly number[];
  readonly action: string;
  readonly reward: number;
  readonly nextState: readonly number[] | null;
  readonly done: boolean;
}

/** Appends one batch of transitions of a source, written as the speed layer writes them. */
export async function appendTransitions(log: EventLog, source: string, steps: readonly FabricatedStep[]): Promise<void> {
  const out = new TransitionWriter(1);
  for (const { entity, state, nextState, action, ...step } of steps) {
    const key = Buffer.from(entity);
    const text = Buffer.from(action);
    const states = { state: Float64Array.from(state), stateAt: 0, nextState: nextState === null ? null : Float64Array.from(nextState) };
    out.write(key, 0, key.length, { ...step, ...states, action: text, actionStart: 0, actionEnd: text.length }, step.eventTimeMs ?? 0, state.length);
  }
  const writer = await log.openWriter(`fabricated-transitions-${source}`);
  await writer.commit({ appends: [{ topic: `transitions.${source}`, partition: 0, records: out.finish() }] });
  await writer.close();
}

/** A score of a fabricated entity. */
export function fabricatedScore(source: string, entity: string, probability: number | null, at: { offset: number; state?: readonly (number | null)[]; featureNames?: readonly string[]; timeMs?: number }): ChurnScore {
  const state = at.state ?? [3, 1];
  const names = at.featureNames ?? ['recency', 'orders'];
  const timeMs = at.timeMs ?? Date.parse('2026-03-04T10:00:00Z') + at.offset * 1000;
  return {
    source,
    entity,
    eventTime: new Date(timeMs).toISOString(),
    featureTime: new Date(timeMs - (timeMs % 86_400_000)).toISOString(),
    churnProbability: probability,
    expectedValue: null,
    state,
    reward: 0.5,
    model: probability === null ? null : { name: `churn-${source}`, version: '1', kind: 'fabricated' },
    reasons: probability === null ? [] : names.slice(0, 3).map((feature, index) => ({ feature, value: state[index] ?? null, contribution: (probability - 0.5) * (2 - index) })),
    origin: { topic: `raw.${source}`, partition: 0, offset: String(at.offset) },
  };
}

/** The topics of the API's world on a fresh log in memory, or on one handed in. */
export async function fabricatedLog(sources: readonly string[], log: EventLog = new MemoryEventLog()): Promise<EventLog> {
  const topics = Object.fromEntries(sources.flatMap((source) => [`raw.${source}`, `transitions.${source}`].map((topic) => [topic, { partitions: 1 }])));
  await log.ensureTopics({ ...topics, 'churn-scores': { partitions: 2 }, 'model-updates': { partitions: 1 } });
  return log;
}

/** Appends one batch of scores to a partition of `churn-scores`. */
export async function appendScores(log: EventLog, partition: number, scores: readonly ChurnScore[]): Promise<void> {
  const writer = await log.openWriter(`fabricated-scores-${partition}`);
  await writer.commit({ appends: [{ topic: 'churn-scores', partition, records: packJson(scores.map((value) => ({ key: value.entity, value }))) }] });
  await writer.close();
}

/** Registers a version with its artifact and makes it champion. */
export async function promote(tracker: ExperimentTracker, name: string, file: string, bytes: Uint8Array, metrics: Readonly<Record<string, number>> = {}): Promise<ModelVersion> {
  const experiment = await tracker.ensureExperiment(`fabricated ${name}`);
  const run = await tracker.startRun(experiment.id, `fabricated ${name}`, { kind: 'fabricated' });
  await tracker.logRun(run.id, { metrics: Object.entries(metrics).map(([metric, value]) => ({ name: metric, value, step: 0, timestampMs: 0 })) });
  await tracker.putArtifact(run.id, `model/${file}`, bytes);
  await tracker.endRun(run.id, 'FINISHED');
  const version = await tracker.registerVersion(name, run.id, 'model', { kind: 'fabricated' });
  await tracker.setAlias(name, 'champion', version.version);
  return version;
}
