import type { Arithmetic, Parameters, Task } from '../estimator.ts';
import type { BackendFacts } from '../kernels/compute.ts';
import { calibrationBins, calibrationError } from '../metrics/classification.ts';
import { describeBounds, type Bounds } from './comparison.ts';

/** What a model card is written from. */
export interface ModelCardFacts {
  readonly name: string;
  readonly kind: string;
  readonly task: Task;
  /** What is predicted, in the source's words. */
  readonly target: string;
  readonly parameters: Parameters;
  readonly featureNames: readonly string[];
  /** Where the rows come from: table, version and the like, by name. */
  readonly data: Readonly<Record<string, string>>;
  /** How the rows were parted. */
  readonly split: string;
  readonly trainRows: number;
  readonly testRows: number;
  readonly metrics: Readonly<Record<string, Bounds>>;
  readonly baseline: { readonly name: string; readonly metrics: Readonly<Record<string, Bounds>> } | undefined;
  /** In ROC AUC, paired. */
  readonly overBaseline: Bounds | undefined;
  /** Targets and scores of the test rows. */
  readonly test: { readonly y: Float64Array; readonly scores: Float64Array };
  readonly hasProbability: boolean;
  readonly hasReasons: boolean;
  /** Shares of missing values among the rows to learn from, by feature. */
  readonly missing: Readonly<Record<string, number>>;
  readonly arithmetic: Arithmetic;
  readonly backend: BackendFacts;
  readonly seed: number;
  readonly fitSeconds: number;
  readonly bytes: number;
}

/** A registered model for people, in Markdown (after Mitchell et al. 2019, "Model cards for model reporting"): every number measured, limits said. */
export function modelCard(facts: ModelCardFacts): string {
  const { name, kind, target, parameters, arithmetic, backend } = facts;
  const settings = Object.entries(parameters).map(([parameter, value]) => `${parameter} ${Array.isArray(value) ? value.join(' ') : String(value)}`);
  return [
    `# ${name}`, '',
    `A ${kind} model (${facts.task}) that predicts ${target} from ${facts.featureNames.length} features.`, '',
    '## Data', '',
    ...Object.entries(facts.data).map(([key, value]) => `- ${key}: ${value}`),
    `- split: ${facts.split}`,
    `- ${facts.trainRows} rows to learn from, ${facts.testRows} to judge by${facts.task === 'classification' ? `, ${shareOf(facts.test.y)} of them of class 1` : ''}`,
    `- features: ${facts.featureNames.join(', ')}`, '',
    '## Results', '',
    ...resultLines(facts), '',
    '## Calibration', '',
    ...calibrationLines(facts), '',
    '## Limits', '',
    ...limitLines(facts).map((line) => `- ${line}`), '',
    '## Made by', '',
    `- parameters: ${settings.join(', ') || 'none'}`,
    `- seed ${facts.seed}; fitted in ${facts.fitSeconds.toFixed(2)} s; ${facts.bytes} bytes`,
    `- backend ${backend.backend} with ${backend.threadCount} thread${backend.threadCount === 1 ? '' : 's'}${backend.adapter === undefined ? '' : ` on ${backend.adapter}`}: ${backend.reason}`,
    `- kernel version ${arithmetic.kernelVersion}, ${arithmetic.exact ? 'exact: the same data and seed give the same bytes on every exact backend' : 'not exact: a graphics adapter did part of the sums'}`, '',
  ].join('\n');
}

function shareOf(labels: Float64Array): string {
  return `${((100 * labels.reduce((sum, label) => sum + label, 0)) / labels.length).toFixed(1)} %`;
}

function resultLines({ metrics, baseline, overBaseline }: ModelCardFacts): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const headers = ['metric', 'this model', ...(baseline === undefined ? [] : [`${baseline.name} (baseline)`])];
  const rows = Object.entries(metrics).map(([metric, bounds]) => {
    const beside = baseline?.metrics[metric];
    return [metric, describeBounds(bounds), ...(baseline === undefined ? [] : [beside === undefined ? '' : describeBounds(beside)])];
  });
  return [
    ...[headers, headers.map(() => '---'), ...rows].map(line), '', 'Intervals hold 95 %.',
    ...(overBaseline === undefined ? [] : [`ROC AUC above the baseline on the same rows: ${describeBounds(overBaseline)}.`]),
  ];
}

function calibrationLines({ task, hasProbability, test }: ModelCardFacts): string[] {
  if (task === 'regression') return ['A regression: nothing to calibrate.'];
  if (!hasProbability) return ['This model ranks rows; its score is a distance, not a probability.'];
  const bins = calibrationBins(test.y, test.scores);
  return [
    `Expected calibration error ${calibrationError(bins).toFixed(4)}: the mean distance between what was said and what happened.`, '',
    '| said | happened | rows |', '| --- | --- | --- |',
    ...bins.filter(({ rowCount }) => rowCount > 0).map(({ predicted, observed, rowCount }) => `| ${predicted.toFixed(3)} | ${observed.toFixed(3)} | ${rowCount} |`),
  ];
}

function limitLines(facts: ModelCardFacts): string[] {
  const { metrics, baseline, overBaseline, missing } = facts;
  const mostlyMissing = Object.entries(missing).filter(([, share]) => share > 0.5).map(([name, share]) => `${name} (${(100 * share).toFixed(0)} %)`);
  const worthless = overBaseline !== undefined && overBaseline.low <= 0;
  return [
    'It knows nothing of times, entities or behaviour unlike those of the rows that it learned from; look at drift before trusting it on new ones.',
    'It says what goes together with the target, not what causes it.',
    ...(facts.testRows < 1000 ? [`Judged by only ${facts.testRows} rows: the intervals are wide, and rare kinds of rows are hardly among them.`] : []),
    ...(worthless ? [`These rows do not show that it is better than ${baseline?.name ?? 'the baseline'} alone.`] : []),
    ...(Object.values(metrics).some(({ value }) => Number.isNaN(value)) ? ['Some metrics could not be measured: the rows to judge by lack a class.'] : []),
    ...(mostlyMissing.length > 0 ? [`Mostly missing in the rows that it learned from: ${mostlyMissing.join(', ')}.`] : []),
    ...(facts.hasReasons ? [] : ['It gives no reasons for a score.']),
  ];
}
