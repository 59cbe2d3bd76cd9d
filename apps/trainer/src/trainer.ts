import type { Lake, Sql, Table } from '#tideline/lake';
import type { Kernels } from '#tideline/learning';
import { packTexts, type Clock, type EventLog, type ExperimentTracker } from '#tideline/platform';
import { tableNames, type ModelUpdate, type Source } from '#tideline/retention';
import { appendOnce, MODEL_UPDATES } from '#tideline/streaming';
import { MODEL_ARTIFACT_FOLDER } from './model-artifact.ts';
import { NothingToLearnError, trainSource, type TrainingContext, type TrainReport } from './train.ts';
import { readTrainingFrame } from './training-frame.ts';

/** The trainer's doors and engines. */
export interface TrainerDoors {
  readonly log: EventLog;
  readonly lake: Lake;
  readonly sql: Sql;
  readonly tracker: ExperimentTracker;
  readonly clock: Clock;
  /** Where models learn; typed arrays on this thread unless given. */
  readonly kernels?: Kernels | undefined;
}

export type TrainOptions = Pick<TrainingContext, 'seed' | 'only' | 'signal' | 'onProgress'>;

/** Tag of every run: the version of the training table that it learned from. */
const TABLE_VERSION_TAG = 'table.version';
/** Tag of the candidate's run: `passed`, or what the gate said. The last thing that a training writes, so it marks one that is done. */
const GATE_TAG = 'gate';
/** A training makes a few runs, so its mark is among the newest ones. */
const RUNS_TO_LOOK_AT = 100;

/**
 * Learns: reads the training frame of gold, splits it by time, fits and judges every model of the source, registers the best one and
 * moves the alias `champion` when the gate lets it, then tells the speed layer and the api.
 */
export class Trainer {
  readonly #doors: TrainerDoors;

  constructor(doors: TrainerDoors) {
    this.#doors = doors;
  }

  /** Throws `NothingToLearnError` when gold has no training frame with labels yet. */
  async train(source: Source, options: TrainOptions): Promise<TrainReport> {
    const { sql, tracker, clock, kernels } = this.#doors;
    const table = this.#trainingTable(source);
    const snapshot = await table.current();
    if (snapshot === undefined || snapshot.rowCount === 0) throw new NothingToLearnError(`expected labelled rows in ${table.name}, found none`);
    await sql.bind(table, snapshot);
    const frame = await readTrainingFrame(sql, source, table.name);
    const report = await trainSource(source, frame, { tracker, clock, kernels, ...options, tags: { 'table.name': table.name, [TABLE_VERSION_TAG]: String(snapshot.version) } });
    if (report.candidate !== undefined) await this.#conclude(source, report, report.candidate);
    return report;
  }

  /** The current version of the source's training table, or undefined before the first build. */
  async trainingVersion(source: Source): Promise<number | undefined> {
    return (await this.#trainingTable(source).current())?.version;
  }

  /** The version of the training table that the last training by the source's present definition learned from, promoted or not. */
  async learnedFrom(source: Source): Promise<number | undefined> {
    const { tracker } = this.#doors;
    const experiment = await tracker.ensureExperiment(source.name);
    const runs = await tracker.listRuns(experiment.id, RUNS_TO_LOOK_AT);
    const last = runs.find(({ tags }) => tags[GATE_TAG] !== undefined && tags['source.version'] === source.version);
    return last && Number(last.tags[TABLE_VERSION_TAG]);
  }

  #trainingTable(source: Source): Table {
    return this.#doors.lake.table(tableNames(source).training);
  }

  async #conclude(source: Source, { models, champion }: TrainReport, { model, promoted, reasons }: NonNullable<TrainReport['candidate']>): Promise<void> {
    const { runId } = models.find(({ name }) => name === model)!;
    if (promoted) await this.#announce(source, champion!, runId);
    await this.#doors.tracker.logRun(runId, { tags: { [GATE_TAG]: promoted ? 'passed' : reasons.join('; ') } });
  }

  /** Tells whoever follows `model-updates` that the alias moved. */
  async #announce(source: Source, champion: NonNullable<TrainReport['champion']>, runId: string): Promise<void> {
    const { log, clock } = this.#doors;
    const update: ModelUpdate = {
      source: source.name, kind: 'model', name: champion.name, version: champion.version, runId, artifactPath: MODEL_ARTIFACT_FOLDER, alias: 'champion',
    };
    const records = packTexts([{ key: source.name, value: JSON.stringify(update), timestampMs: clock.nowMs() }]);
    await appendOnce({ log, writerId: `trainer-${source.name}`, ...MODEL_UPDATES, records });
  }
}
