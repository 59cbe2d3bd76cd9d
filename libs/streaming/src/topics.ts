import type { TopicSettings } from '#tideline/platform';

/** Scores of every source share one topic: it has at least this many partitions, so that sources may be added. */
const SCORE_PARTITIONS = 8;

/** Where it is announced that an artifact (a model, visit values) came into force; the newest message of a source and kind counts. */
export const MODEL_UPDATES: { readonly topic: string; readonly settings: TopicSettings } = { topic: 'model-updates', settings: { partitions: 1, shared: true } };

/** Every topic of the system for these sources, with the settings on which all apps must agree. */
export function systemTopics(sources: readonly { readonly name: string; readonly partitions: number }[]): Record<string, TopicSettings> {
  const topics: Record<string, TopicSettings> = {
    'churn-scores': { partitions: Math.max(SCORE_PARTITIONS, ...sources.map(({ partitions }) => partitions)) },
    'dead-letter': { partitions: 1, shared: true },
    [MODEL_UPDATES.topic]: MODEL_UPDATES.settings,
    'pipeline-runs': { partitions: 1, shared: true },
  };
  for (const { name, partitions } of sources) {
    for (const kind of ['raw', 'transitions', 'late']) topics[`${kind}.${name}`] = { partitions };
  }
  return topics;
}
