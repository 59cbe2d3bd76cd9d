import { modelFileIn } from '../../apps/trainer/src/model-artifact.ts';
import { loadModel } from '#tideline/learning';
import type { EventLog, ExperimentTracker, PackedRecords, RecordBatch } from '#tideline/platform';
import { SourceProcessor, type LiveModel, type RecordCodec, type Source } from '#tideline/retention';
import { compareBatches, type Comparison } from './compare-batches.ts';
import type { Check } from './proof.ts';
import { readTopic, recordOf, type PlainRecord } from './read-topic.ts';

type Batches = ReadonlyMap<number, readonly RecordBatch[]>;

interface Schemas {
  readonly codec: RecordCodec;
  readonly transitionSchemaId: number;
}

/** What the speed layer must have put out, and the state that it must have come to in each partition. */
export interface ExpectedOutputs {
  readonly byTopic: Readonly<Record<'churn-scores' | 'transitions' | 'late', ReadonlyMap<number, readonly PackedRecords[]>>>;
  readonly processors: ReadonlyMap<number, SourceProcessor>;
}

interface Score {
  readonly entity: string;
  readonly churnProbability: number | null;
  readonly expectedValue: number | null;
  readonly model: { readonly name: string; readonly version: string } | null;
  readonly origin: { readonly partition: number; readonly offset: string };
}

/**
 * Runs one processor per partition over the batches that are on the topic, in this process and undisturbed. When a new champion came into
 * force is the one thing that the batches do not say: it is taken from the scores themselves, everything else is computed.
 */
export async function expectOutputs(source: Source, schemas: Schemas, raw: Batches, scores: Batches, tracker: ExperimentTracker): Promise<ExpectedOutputs> {
  const models = await modelsIn(source, scores, tracker);
  const byTopic = { 'churn-scores': new Map<number, PackedRecords[]>(), transitions: new Map<number, PackedRecords[]>(), late: new Map<number, PackedRecords[]>() };
  const processors = new Map<number, SourceProcessor>();
  for (const [partition, batches] of raw) {
    const processor = new SourceProcessor(source, { partition, ...schemas });
    processors.set(partition, processor);
    const outputs = { 'churn-scores': [] as PackedRecords[], transitions: [] as PackedRecords[], late: [] as PackedRecords[] };
    const put = (appends: readonly { readonly topic: string; readonly records: PackedRecords }[]): void => {
      for (const { topic, records } of appends) outputs[topic.split('.')[0] as keyof typeof outputs].push(records);
    };
    const champions = new Champions(scores.get(partition) ?? [], models);
    let position: number | undefined;
    for (const batch of batches) {
      champions.change(outputs['churn-scores'].length, processor, position, put);
      put(processor.process(batch, true).appends);
      position = batch.baseOffset + batch.count;
    }
    champions.change(outputs['churn-scores'].length, processor, position, put);
    for (const [name, list] of Object.entries(outputs)) byTopic[name as keyof typeof outputs].set(partition, list);
  }
  return { byTopic, processors };
}

/** Follows which model each batch of scores names. */
class Champions {
  readonly #named: readonly (string | undefined)[];
  readonly #models: ReadonlyMap<string, LiveModel>;
  #inForce: string | undefined;

  constructor(scores: readonly RecordBatch[], models: ReadonlyMap<string, LiveModel>) {
    this.#named = scores.map((batch) => modelOf(scoreIn(recordOf(batch, 0))));
    this.#models = models;
  }

  /** Takes over what the next batches of scores name; a change between records has the whole population scored once more. */
  change(next: number, processor: SourceProcessor, position: number | undefined, put: (appends: ReturnType<SourceProcessor['refresh']>['appends']) => void): void {
    let at = next;
    while (at < this.#named.length && this.#named[at] !== this.#inForce) {
      this.#inForce = this.#named[at];
      processor.useModel(this.#inForce === undefined ? undefined : this.#models.get(this.#inForce));
      if (position === undefined) return;
      const { appends } = processor.refresh(position);
      put(appends);
      at += appends.length;
    }
  }
}

function scoreIn({ value }: PlainRecord): Score {
  return JSON.parse(Buffer.from(value, 'latin1').toString('utf8')) as Score;
}

function modelOf({ model }: Score): string | undefined {
  return model === null ? undefined : `${model.name} ${model.version}`;
}

async function modelsIn(source: Source, scores: Batches, tracker: ExperimentTracker): Promise<ReadonlyMap<string, LiveModel>> {
  const models = new Map<string, LiveModel>();
  for (const batch of [...scores.values()].flat()) {
    const { model } = scoreIn(recordOf(batch, 0));
    if (model === null || models.has(`${model.name} ${model.version}`)) continue;
    const { runId, artifactPath } = await tracker.getVersion(model.name, model.version);
    const fitted = loadModel(await tracker.getArtifact(runId, modelFileIn(artifactPath)));
    const { kind, featureNames } = fitted;
    models.set(`${model.name} ${model.version}`, {
      name: model.name, version: model.version, kind, target: source.models.target, featureNames, assess: (features, contributions) => fitted.assessRow(features, contributions),
    });
  }
  return models;
}

/** Scores, transitions and late records on the log against those that must be there, byte for byte. */
export async function checkOutputs(source: Source, log: EventLog, expected: ExpectedOutputs, scores: Batches): Promise<readonly Check[]> {
  const { name } = source;
  const byKey = ({ key, value, timestampMs }: PlainRecord): string => `${key} at ${timestampMs}, ${value.length} bytes`;
  const comparison = (what: string, nameOf: Comparison['nameOf'] = byKey): Comparison => ({ what, comparesTimes: source.time !== undefined, nameOf });
  const nameOfScore = (record: PlainRecord): string => {
    const { entity, origin, model } = scoreIn(record);
    return `score of ${entity} caused by raw.${name}/${origin.partition} offset ${origin.offset}${model === null ? '' : ` by version ${model.version}`}`;
  };
  const visits = source.features.visit === undefined ? {} : { normal: withoutVisitValues };
  return [
    compareBatches({ ...comparison('churn-scores', nameOfScore), ...visits }, expected.byTopic['churn-scores'], scores),
    compareBatches(comparison(`transitions.${name}`), expected.byTopic.transitions, await readTopic(log, `transitions.${name}`)),
    compareBatches(comparison(`late.${name}`), expected.byTopic.late, await readTopic(log, `late.${name}`)),
  ];
}

/** Visit values change while the batch layer works, and a score does not name them: what they alone decide is left out. */
function withoutVisitValues(value: string): string {
  const score = scoreIn({ value } as PlainRecord);
  return JSON.stringify({ ...score, expectedValue: null, ...(score.model === null ? { churnProbability: null } : {}) });
}
