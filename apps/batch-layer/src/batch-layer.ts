import type { Lake, Sql } from '#tideline/lake';
import type { Clock, EventLog, ExperimentTracker, SchemaRegistry } from '#tideline/platform';
import { registeredCodec, tableNames, type Source } from '#tideline/retention';
import { compactSource, type CompactionReport } from './compact.ts';
import type { RunReport } from './gates/run-report.ts';
import { NothingToValidateError, validateLake } from './gates/validate-lake.ts';
import { buildGold, type GoldOptions, type GoldReport } from './gold.ts';
import { landSource, type Landing } from './land.ts';
import { landRejects } from './rejects.ts';
import { silverRows } from './silver-view.ts';
import { lastBuild, type Build } from './table-rewrite.ts';
import { publishVisitValues } from './visits.ts';

/** The batch layer's doors and engines. */
export interface BatchLayerDoors {
  readonly log: EventLog;
  readonly lake: Lake;
  readonly sql: Sql;
  readonly tracker: ExperimentTracker;
  readonly registry: SchemaRegistry;
  readonly clock: Clock;
}

export interface BuildReport extends GoldReport {
  /** Segments with visit values, for a source that has visits. */
  readonly visitSegments: number | undefined;
}

/**
 * Rebuilds the truth in the lake: lands every record of the topics as bronze and silver, puts small files together, and builds gold
 * from silver. Whatever it was killed in the middle of, the next run finds the tables whole and goes on from their offsets.
 */
export class BatchLayer {
  readonly #doors: BatchLayerDoors;

  constructor(doors: BatchLayerDoors) {
    this.#doors = doors;
  }

  /** Lands what is new; `rejects` counts dead letters. An aborted landing has committed what it had read. */
  async land(source: Source, signal?: AbortSignal, onProgress?: (read: number, behind: number) => void): Promise<Landing & { rejects: number }> {
    // What is loaded by whole deliveries is not on a topic.
    if (source.deployment.load !== undefined) return { bronzeRows: 0, silverRows: 0, refusedRows: 0, lateRows: 0, rejects: 0 };
    const { log, lake, registry } = this.#doors;
    const landing = await landSource({ source, log, lake, codec: await registeredCodec(source, registry), signal, onProgress });
    const rejects = signal?.aborted === true ? 0 : await landRejects(source, this.#doors);
    return { ...landing, rejects };
  }

  /** Throws `NothingToBuildError` without rows in silver, `RangeError` for an as-of time that the source can't have. */
  async build(source: Source, options: Pick<GoldOptions, 'asOfMs' | 'signal' | 'onProgress'> = {}): Promise<BuildReport> {
    const gold = await buildGold({ source, lake: this.#doors.lake, sql: this.#doors.sql, ...options });
    const visitSegments = source.features.visit === undefined ? undefined : await publishVisitValues(source, this.#doors);
    return { ...gold, visitSegments };
  }

  /** Rows of the source in silver. */
  async silverRows(source: Source): Promise<number> {
    return silverRows(source, this.#doors.lake);
  }

  /** The last build of the training frame, or undefined when there is none that follows the source's present definition. */
  async lastBuild(source: Source): Promise<Build | undefined> {
    const build = await lastBuild(this.#doors.lake.table(tableNames(source).training));
    return build?.definition === source.version ? build : undefined;
  }

  /** Runs the source's checks on its tables; undefined for a source without any, or before there is a table to check. */
  async validate(source: Source, signal?: AbortSignal): Promise<RunReport | undefined> {
    const { store } = this.#doors.lake;
    try {
      return await validateLake(source, { store, lake: this.#doors.lake, sql: this.#doors.sql }, this.#doors.clock, signal);
    } catch (error) {
      if (error instanceof NothingToValidateError) return undefined;
      throw error;
    }
  }

  async compact(source: Source): Promise<readonly CompactionReport[]> {
    return compactSource(source, this.#doors);
  }
}
