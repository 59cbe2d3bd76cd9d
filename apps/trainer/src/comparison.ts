import { compareModels, comparisonHtml, comparisonMarkdown, Random, type Comparison, type Dataset, type JudgedModel } from '#tideline/learning';
import type { ExperimentTracker } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import type { Decision } from './decide.ts';
import { judge } from './judge.ts';
import type { Candidate, TrainingContext, TrainReport } from './train.ts';

/** All models of one training side by side; what `tideline compare` prints and `comparison.json` holds. */
export interface ComparisonDocument extends Comparison {
  readonly source: string;
  readonly target: string;
  readonly split: TrainReport['split'];
  /** Name of the one-feature baseline; the training prior (or mean) is always among the models as `constant`. */
  readonly baseline: string | undefined;
  readonly champion: Decision['champion'];
  /** Facts about the training data: table, version. */
  readonly data: Readonly<Record<string, string>>;
  readonly madeAt: string;
}

/** File names of a comparison, with what `comparisonFiles` gives for each. */
type ComparisonFileName = 'comparison.json' | 'comparison.md' | 'comparison.html';

const FOLDER = 'comparison';
/** Tag of the run that keeps the comparison of its training: the artifact folder. */
const TAG = 'comparison';
const RUNS_TO_LOOK_AT = 100;

export interface ComparisonInput {
  readonly source: Source;
  readonly judged: readonly Candidate[];
  readonly train: Dataset;
  readonly test: Dataset;
  readonly split: TrainReport['split'];
  readonly decision: Decision;
}

/** Compares what was trained, and logs JSON, Markdown and HTML with the run of the best; undefined when only baselines were trained. */
export async function logComparison(input: ComparisonInput, context: TrainingContext): Promise<ComparisonDocument | undefined> {
  const { source, judged, test, decision } = input;
  if (judged.every(isBaseline)) return undefined;
  const { task } = source.models;
  const models = [constantModel(input, context), ...judged.map((model): JudgedModel => ({ ...model, isBaseline: isBaseline(model) }))];
  const { models: compared, ...comparison } = compareModels({ task, y: test.y, models, random: new Random(context.seed) });
  const document: ComparisonDocument = {
    source: source.name, target: source.models.target, split: input.split, ...comparison,
    models: compared.map(({ name, kind, isBaseline: baseline, metrics, behind, withinNoise, fitSeconds, predictSeconds, bytes }) => ({ name, kind, isBaseline: baseline, metrics, behind, withinNoise, fitSeconds, predictSeconds, bytes })),
    baseline: judged.find(({ kind }) => kind === 'one-feature')?.name, champion: decision.champion, data: context.tags ?? {}, madeAt: new Date(context.clock.nowMs()).toISOString(),
  };
  const { runId } = judged.find(({ name }) => name === comparison.best)!;
  for (const [name, text] of Object.entries(comparisonFiles(document))) await context.tracker.putArtifact(runId, `${FOLDER}/${name}`, Buffer.from(text));
  await context.tracker.logRun(runId, { tags: { [TAG]: FOLDER } });
  return document;
}

/** The comparison of the source's last training that finished, or undefined. */
export async function lastComparison(tracker: ExperimentTracker, source: string): Promise<ComparisonDocument | undefined> {
  const experiment = await tracker.ensureExperiment(source);
  const run = (await tracker.listRuns(experiment.id, RUNS_TO_LOOK_AT)).find(({ tags }) => tags[TAG] !== undefined);
  if (run === undefined) return undefined;
  return JSON.parse(new TextDecoder().decode(await tracker.getArtifact(run.id, `${run.tags[TAG]}/comparison.json`))) as ComparisonDocument;
}

/** Texts of the three forms by file name. */
export function comparisonFiles(document: ComparisonDocument): Readonly<Record<ComparisonFileName, string>> {
  const { split, champion } = document;
  const facts = {
    title: `${document.source}: models for ${document.target}`,
    notes: [
      `${split.trainRows} rows to learn from, ${split.testRows} to judge by${document.task === 'classification' ? `, ${split.testPositives} of them positive` : ''}; split ${split.description}.`,
      ...Object.entries(document.data).map(([name, value]) => `${name}: ${value}`),
      champion === undefined ? 'No champion yet.' : `Champion: ${champion.name} version ${champion.version} (${champion.model}).`,
      `Made ${document.madeAt}.`,
    ],
    comparison: document,
  };
  return { 'comparison.json': `${JSON.stringify(document, undefined, 2)}\n`, 'comparison.md': comparisonMarkdown(facts), 'comparison.html': comparisonHtml(facts) };
}

const isBaseline = ({ kind }: Pick<Candidate, 'kind'>): boolean => kind === 'one-feature' || kind === 'constant';

/** The least that any model must beat: the training rows' mean, which for labels is the prior, said of every row. */
function constantModel({ source, train, test, judged }: ComparisonInput, { seed }: TrainingContext): JudgedModel {
  const mean = train.y.reduce((sum, target) => sum + target, 0) / train.rowCount;
  const scores = new Float64Array(test.rowCount).fill(mean);
  const name = judged.some((model) => model.name === 'constant') ? 'constant (training mean)' : 'constant';
  return { name, kind: 'constant', isBaseline: true, metrics: judge(source.models.task, test.y, scores, seed), scores, fitSeconds: 0, predictSeconds: 0, bytes: 0 };
}
