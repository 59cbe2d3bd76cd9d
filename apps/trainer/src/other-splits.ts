import { takeRows, type Dataset } from '#tideline/learning';
import type { ModelDefinition, Source } from '#tideline/retention';
import { measure } from './judge.ts';
import { withoutGap, type TrainingFrame } from './training-frame.ts';

/** The same models on another cut of the same rows, or judged by a part of the test rows: reported beside the judgement, promoted by none. */
export interface OtherSplit {
  readonly description: string;
  readonly trainRows: number;
  readonly testRows: number;
  readonly testPositives: number;
  readonly models: readonly { readonly name: string; readonly rocAuc: number; readonly prAuc: number }[];
}

/** What one model says of the rows to judge by, in their order. */
interface Scored {
  readonly definition: ModelDefinition;
  readonly scores: Float64Array;
}

interface Judged {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly models: readonly Scored[];
  readonly description: string;
}

type FitAndScore = (definition: ModelDefinition, train: Dataset, test: Dataset) => Promise<Float64Array>;

/**
 * Judges as the source's `split` asks beside the main one: with training rows up to the test's (whose labels then look into the test's time), and
 * among the test rows of entities that the main question is about. A part with one class only is left out: no area is defined for it.
 */
export async function judgeOtherSplits(source: Source, frame: TrainingFrame, main: Judged, fitAndScore: FitAndScore): Promise<readonly OtherSplit[]> {
  const { split } = source.models;
  if (split === undefined) return [];
  const judged: Judged[] = [main];
  if (split.withoutGap) {
    const rows = withoutGap(frame, source);
    const [train, test] = [takeRows(frame.data, rows.train), takeRows(frame.data, rows.test)];
    const models: Scored[] = [];
    for (const { definition } of main.models) models.push({ definition, scores: await fitAndScore(definition, train, test) });
    judged.push({ train, test, models, description: rows.description });
  }
  const others = judged.slice(1).map((one) => report(one));
  if (split.among === undefined) return others;
  return [...others, ...judged.map((one) => report(amongRows(one, source)))].filter(({ testRows, testPositives }) => testPositives > 0 && testPositives < testRows);
}

function amongRows({ train, test, models, description }: Judged, source: Source): Judged {
  const { feature, atMost, title } = source.models.split!.among!;
  const column = test.featureNames.indexOf(feature);
  const rows = Int32Array.from({ length: test.rowCount }, (_, row) => row).filter((row) => test.X[row * test.columnCount + column]! <= atMost);
  return {
    train, test: takeRows(test, rows), description: `${title}: ${description}`,
    models: models.map(({ definition, scores }) => ({ definition, scores: Float64Array.from(rows, (row) => scores[row]!) })),
  };
}

function report({ train, test, models, description }: Judged): OtherSplit {
  return {
    description, trainRows: train.rowCount, testRows: test.rowCount, testPositives: test.y.reduce((sum, label) => sum + label, 0),
    models: models.map(({ definition, scores }) => ({ name: definition.name, rocAuc: measure('rocAuc', test.y, scores) ?? NaN, prAuc: measure('prAuc', test.y, scores) ?? NaN })),
  };
}
