import type { Lake, Sql, Table } from '#tideline/lake';
import { packTexts, type Clock, type EventLog, type ExperimentTracker } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { MODEL_ARTIFACT_FOLDER, NothingToLearnError, trainSource, type TrainingContext, type TrainReport } from './train.ts';
import { readTrainingFrame } from './training-frame.ts';

/** The trainer's doors and engines. */
export interface TrainerDoors {
  readonly log: EventLog;
  readonly lake: Lake;
  readonly sql: Sql;
  readonly tracker: ExperimentTracker;
  readonly clock: Clock;
}

export type TrainOptions = Pick<TrainingContext, 'seed' | 'only' | 'signal' | 'onProgress'>;

const MODEL_UPDATES = 'model-updates';

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
    const { sql, tracker, clock } = this.#doors;
    const table = this.#trainingTable(source);
    const snapshot = await table.current();
    if (snapshot === undefined || snapshot.rowCount === 0) throw new NothingToLearnError(`expected labelled rows in ${table.name}, found none`);
    await sql.bind(table, snapshot);
    const frame = await readTrainingFrame(sql, source, table.name);
    const report = await trainSource(source, frame, { tracker, clock, ...options, tags: { 'table.name': table.name, 'table.version': String(snapshot.version) } });
    if (report.candidate?.promoted === true) await this.#announce(source, report);
    return report;
  }

  /** The current version of the source's training table, or undefined before the first build. */
  async trainingVersion(source: Source): Promise<number | undefined> {
    return (await this.#trainingTable(source).current())?.version;
  }

  /** The version of the training table that the newest registered model learned from, or undefined. */
  async learnedFrom(source: Source): Promise<number | undefined> {
    const versions = await this.#doors.tracker.listVersions(`churn-${source.name}`);
    const version = versions.at(-1)?.tags['table.version'];
    return version === undefined ? undefined : Number(version);
  }

  #trainingTable(source: Source): Table {
    return this.#doors.lake.table(`gold.${source.name.replaceAll('-', '_')}_training`);
  }

  /** Tells whoever follows `model-updates` that the alias moved. */
  async #announce(source: Source, report: TrainReport): Promise<void> {
    const { log, clock } = this.#doors;
    const champion = report.champion!;
    const runId = report.models.find((model) => model.name === champion.model)!.runId;
    await log.ensureTopics({ [MODEL_UPDATES]: { partitions: 1, shared: true } });
    const writer = await log.openWriter(`trainer-${source.name}`);
    const update = { source: source.name, kind: 'model', name: champion.name, version: champion.version, runId, artifactPath: MODEL_ARTIFACT_FOLDER, alias: 'champion' };
    try {
      await writer.commit({ appends: [{ topic: MODEL_UPDATES, records: packTexts([{ key: source.name, value: JSON.stringify(update), timestampMs: clock.nowMs() }]) }] });
    } finally {
      await writer.close();
    }
  }
}
