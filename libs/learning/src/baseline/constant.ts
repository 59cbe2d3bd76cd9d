import type { PreparedRows } from '../prepared-rows.ts';
import type { Core, Family, FitContext, FitSettings } from '../family.ts';
import { logLossOfMargin, priorLogOdds } from '../linear/log-loss.ts';
import type { Section } from '../model-file.ts';
import { float64Section } from '../model-file.ts';

/** Says the training prior (or mean) whatever the features: the least that any model must beat. */
export const constantBaseline: Family = {
  kind: 'constant',
  tasks: ['classification', 'regression'],
  parameters: {},
  imputesMissing: false,
  needsFeature: false,
  takesCategories: true,
  orderTolerance: 1e-12,
  fit: fitConstant,
  load: (file) => new ConstantCore(float64Section(file, 'constant.margin', 1)[0]!),
};

class ConstantCore implements Core {
  readonly #margin: number;

  constructor(margin: number) {
    this.#margin = margin;
  }

  margin(): number {
    return this.#margin;
  }

  explain(_x: Float32Array, contributions: Float64Array): number {
    contributions.fill(0);
    return this.#margin;
  }

  sections(): Record<string, Section> {
    return { 'constant.margin': Float64Array.of(this.#margin) };
  }
}

async function fitConstant(data: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: Core; history: readonly number[] }> {
  const margin = settings.task === 'classification' ? priorLogOdds(data.y, data.weights) : weightedMean(data.y, data.weights);
  const [lossOf0, lossOf1] = [logLossOfMargin(0, margin), logLossOfMargin(1, margin)];
  const losses = data.y.map((y) => (settings.task === 'regression' ? (y - margin) ** 2 : y > 0 ? lossOf1 : lossOf0));
  if (context.pace.spend(8 * data.rowCount)) await context.pace.pause();
  return { core: new ConstantCore(margin), history: [weightedMean(losses, data.weights)] };
}

/** Plain weighted mean; the running update keeps a constant column exact. */
export function weightedMean(values: Float64Array, weights: Float64Array | undefined): number {
  let mean = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    const weight = weights === undefined ? 1 : weights[i]!;
    if (weight === 0) continue;
    total += weight;
    mean += (weight / total) * (values[i]! - mean);
  }
  return mean;
}
