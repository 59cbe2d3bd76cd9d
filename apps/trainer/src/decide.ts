import { loadModel, ModelFileError, type Dataset, type FittedModel } from '#tideline/learning';
import { isPlatformError, type ExperimentTracker } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { gateReasons } from './gate.ts';
import { measure, pairedDifference } from './judge.ts';
import { describeInterval } from './run-note.ts';
import { MODEL_ARTIFACT_FOLDER, modelFileIn, modelNameOf } from './model-artifact.ts';
import type { Candidate, TrainingContext } from './train.ts';

/** What became of the trained models. */
export interface Decision {
  /** The model that the gate looked at, and why it was or wasn't let through; undefined when only a baseline was trained. */
  readonly candidate: { readonly model: string; readonly promoted: boolean; readonly reasons: readonly string[]; readonly remark: string } | undefined;
  /** The champion from now on. */
  readonly champion: { readonly name: string; readonly version: string; readonly model: string } | undefined;
}

/**
 * Moves the alias `champion` to the simplest model within noise of the best that passes the gate; when none does, the best is the
 * candidate that was refused.
 */
export async function decide(source: Source, judged: readonly Candidate[], test: Dataset, context: TrainingContext): Promise<Decision> {
  const { tracker } = context;
  const { metric } = source.deployment.gate;
  const name = modelNameOf(source.name);
  const standing = await currentChampion(source, tracker);
  const champion = standing && { name, version: standing.version, model: standing.modelName };
  const ranked = judged.filter((model) => model.kind !== 'one-feature').sort((a, b) => scoreOf(b, metric) - scoreOf(a, metric));
  if (ranked.length === 0) return { candidate: undefined, champion };
  const judgedByGate = withinNoise(source, ranked, judged, test.y).map((choice) => ({ ...choice, reasons: reasonsAgainst(choice.model, source, standing, test) }));
  const chosen = judgedByGate.find(({ reasons }) => reasons.length === 0) ?? judgedByGate.at(-1)!;
  const { model, remark, reasons } = chosen;
  const promoted = reasons.length === 0;
  const candidate = { model: model.name, promoted, reasons, remark };
  if (!promoted) return { candidate, champion };
  const { version } = await tracker.registerVersion(name, model.runId, MODEL_ARTIFACT_FOLDER, {
    source: source.name, model: model.name, kind: model.kind, target: source.models.target,
    ...(model.metrics[metric] === undefined ? {} : { [metric]: describeInterval(model.metrics[metric]) }), ...context.tags,
  });
  await tracker.setAlias(name, 'champion', version);
  return { candidate, champion: { name, version, model: model.name } };
}

interface Champion {
  readonly version: string;
  readonly model: FittedModel | undefined;
  readonly modelName: string;
}

/** The champion in force; its `model` is undefined when its file is gone or can't be read, so that nothing is compared with it. */
async function currentChampion(source: Source, tracker: ExperimentTracker): Promise<Champion | undefined> {
  const version = await tracker.versionByAlias(modelNameOf(source.name), 'champion');
  if (version === undefined) return undefined;
  const model = await readModel(tracker, version.runId, modelFileIn(version.artifactPath));
  return { version: version.version, model, modelName: version.tags['model'] ?? model?.kind ?? 'unknown' };
}

async function readModel(tracker: ExperimentTracker, runId: string, path: string): Promise<FittedModel | undefined> {
  try {
    return loadModel(await tracker.getArtifact(runId, path));
  } catch (error) {
    if (error instanceof ModelFileError || isPlatformError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** A champion on other features can't say anything of these rows. */
function reasonsAgainst(model: Candidate, source: Source, champion: Champion | undefined, test: Dataset): string[] {
  const { gate } = source.deployment;
  const rival = champion?.model?.featureNames.join() === test.featureNames.join() ? champion.model : undefined;
  return gateReasons({
    gate,
    candidate: model.metrics,
    champion: rival && measure(gate.metric, test.y, rival.score(test.X, test.rowCount)),
    overBaseline: model.overBaseline,
  });
}

const scoreOf = (model: Candidate, metric: string): number => {
  const value = model.metrics[metric]?.value ?? NaN;
  return Number.isNaN(value) ? -Infinity : value;
};

interface Choice {
  readonly model: Candidate;
  readonly remark: string;
}

/** Models that stand before the best in the source's list and are not worse beyond noise (a tie goes to the simpler one), then the best. */
function withinNoise(source: Source, ranked: readonly Candidate[], judged: readonly Candidate[], y: Float64Array): Choice[] {
  const [best, second] = [ranked[0]!, ranked[1]];
  const ahead = (model: Candidate): ReturnType<typeof pairedDifference> => pairedDifference(source.models.task, y, best.scores, model.scores);
  const simpler = judged.slice(0, judged.indexOf(best)).flatMap((model): Choice[] => {
    const behind = model.kind === 'one-feature' ? undefined : ahead(model);
    if (behind === undefined || behind.low > 0) return [];
    return [{ model, remark: `${best.name} is ahead by ${describeInterval(behind)}, within noise; the simpler ${model.name} is preferred` }];
  });
  const lead = second && ahead(second);
  const remark = second === undefined ? `${best.name} is the only candidate` : `${best.name} is ahead of ${second.name}${lead === undefined ? '' : ` by ${describeInterval(lead)}`}`;
  return [...simpler, { model: best, remark }];
}
