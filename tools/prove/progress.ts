import { lastBuild } from '../../apps/batch-layer/src/table-rewrite.ts';
import { nextOffset, type Lake } from '#tideline/lake';
import type { EventLog, ExperimentTracker } from '#tideline/platform';
import { tableNames, type Source } from '#tideline/retention';
import { GROUP } from './check-states.ts';

/** What the work will come to, known from the undisturbed replay. */
export interface Goal {
  readonly bytes: number;
  readonly accepted: number;
}

/** How far the work is. */
export interface Progress {
  readonly byteOffset: number;
  readonly isReplayed: boolean;
  /** Sum of the speed layer's committed offsets: about the records processed. */
  readonly processed: number;
  readonly landed: number;
}

/** The doors through which progress is watched: the same public reads that anybody has. */
export interface WatchedDoors {
  readonly log: EventLog;
  readonly lake: Lake;
  readonly tracker: ExperimentTracker;
}

/** Looks from outside at how far ingestor, speed layer and batch layer have come. */
export class ProgressWatch {
  readonly #source: Source;
  readonly #doors: WatchedDoors;
  readonly #topic: string;

  constructor(source: Source, doors: WatchedDoors) {
    this.#source = source;
    this.#doors = doors;
    this.#topic = `raw.${source.name}`;
  }

  async look(): Promise<Progress> {
    const { log, lake } = this.#doors;
    const topic = (await log.describeTopics()).find((description) => description.topic === this.#topic);
    const replay = topic?.groups.find(({ group }) => group.startsWith('replay-'));
    const committed = replay === undefined ? undefined : await log.committed(replay.group, this.#topic, 0);
    const facts = JSON.parse(committed?.metadata ?? '{"byteOffset":0,"finished":false}') as { byteOffset: number; finished: boolean };
    const processed = (topic?.groups ?? []).filter(({ group }) => group === GROUP).reduce((sum, { offset }) => sum + offset, 0);
    const bronze = await lake.table(tableNames(this.#source).bronze).current();
    return { byteOffset: facts.byteOffset, isReplayed: facts.finished, processed, landed: bronze?.rowCount ?? 0 };
  }

  /** Whether the speed layer has processed every record there is: nothing is left to read behind what it committed. */
  async isProcessed(): Promise<boolean> {
    return this.#nothingBehind(async (partition) => (await this.#doors.log.committed(GROUP, this.#topic, partition))?.offset ?? 0);
  }

  /** Whether bronze and silver hold every record there is. */
  async isLanded(): Promise<boolean> {
    const { lake } = this.#doors;
    const names = tableNames(this.#source);
    for (const name of [names.bronze, names.silver]) {
      const snapshot = await lake.table(name).current();
      if (!(await this.#nothingBehind(async (partition) => nextOffset(snapshot?.offsets, partition)))) return false;
    }
    return true;
  }

  /** Whether gold was built from all rows that silver has now. */
  async isBuilt(): Promise<boolean> {
    const { lake } = this.#doors;
    const names = tableNames(this.#source);
    const silver = await lake.table(names.silver).current();
    return silver !== undefined && (await lastBuild(lake.table(names.training)))?.silverRows === silver.rowCount;
  }

  async #nothingBehind(offsetOf: (partition: number) => Promise<number>): Promise<boolean> {
    const { log } = this.#doors;
    for (let partition = 0; partition < this.#source.deployment.partitions; partition++) {
      const offset = await offsetOf(partition);
      if (offset < (await log.offsets(this.#topic, partition)).end && (await log.read(this.#topic, partition, offset, { maxBytes: 1, maxWaitMs: 100 })).length > 0) return false;
    }
    return true;
  }
}
