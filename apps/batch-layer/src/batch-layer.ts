import type { Lake, Sql } from '#tideline/lake';
import type { Clock, EventLog, ExperimentTracker, SchemaRegistry } from '#tideline/platform';
import { registeredCodec, type Source } from '#tideline/retention';
import { compactSource, type CompactionReport } from './compact.ts';
import { buildGold, type GoldOptions, type GoldReport } from './gold.ts';
import { landSource, type Landing } from './land.ts';
import { landRejects } from './rejects.ts';
import { tableNames } from './table-names.ts';
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

  async land(source: Source, signal?: AbortSignal, onProgress?: (landed: number, behind: number) => void): Promise<Landing & { rejects: number }> {
    const { log, lake, registry } = this.#doors;
    const landing = await landSource({ source, log, lake, codec: await registeredCodec(source, registry), signal, onProgress });
    const rejects = await landRejects(source, this.#doors);
    return { ...landing, rejects };
  }

  async build(source: Source, options: Pick<GoldOptions, 'asOfMs' | 'onProgress'> = {}): Promise<BuildReport> {
    const gold = await buildGold({ source, lake: this.#doors.lake, sql: this.#doors.sql, ...options });
    const visitSegments = source.features.visit === undefined ? undefined : await publishVisitValues(source, this.#doors);
    return { ...gold, visitSegments };
  }

  /** Rows in the source's silver table. */
  async silverRows(source: Source): Promise<number> {
    return (await this.#doors.lake.table(tableNames(source).silver).current())?.rowCount ?? 0;
  }

  async compact(source: Source): Promise<readonly CompactionReport[]> {
    return compactSource(source, this.#doors);
  }
}
