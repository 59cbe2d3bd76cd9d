import type { Lake, Sql } from '#tideline/lake';
import type { EventLog, ObjectStore, SchemaRegistry } from '#tideline/platform';
import { registeredCodec, SourceProcessor, tableNames, type RecordCodec, type Source } from '#tideline/retention';
import { Checkpoints, readCommitMetadata, type Checkpoint } from '#tideline/streaming';
import { comparePartition, LayerComparison, type FeatureComparison } from './compare-layers.ts';
import { readLandedState } from './landing-table.ts';
import { bindSilver, readSilverStates } from './silver-view.ts';
import { countLate, reconcile, type Counts } from './reconcile.ts';

export interface VerifyDoors {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly lake: Lake;
  readonly sql: Sql;
  readonly registry: SchemaRegistry;
}

export interface Verification {
  readonly source: string;
  readonly counts: Counts;
  /** Offset per partition at which speed and batch were compared; null where no saved state of the speed layer fits. */
  readonly comparedAt: Readonly<Record<string, number | null>>;
  readonly features: readonly FeatureComparison[];
  /** What is wrong, one sentence each; none of it comes from the system being at work meanwhile. */
  readonly problems: readonly string[];
  /** What is not there yet, and is no mistake. */
  readonly notes: readonly string[];
  readonly ok: boolean;
}

const GROUP = 'speed-layer';

/**
 * Checks that counts reconcile from file to lake, and that every feature of every entity is the same in the speed layer's newest checkpoint
 * and in silver cut at that checkpoint's offset. Lands nothing, and is right while replays, landings and the speed layer go on.
 */
export async function verifySource(source: Source, doors: VerifyDoors): Promise<Verification> {
  const { lake, log, sql } = doors;
  const names = tableNames(source);
  // Read in the order against the stream: what a later reading says is never behind an earlier one.
  const states = await readSilverStates(source, lake);
  const bronze = await readLandedState(lake.table(names.bronze));
  const shown = await bindSilver(source, lake, sql, states);
  const late = shown === undefined ? 0 : await countLate(sql, names.silver);
  const silver = { covers: shown && { offsets: shown.offsets, rowCount: shown.rowCount }, refusedRows: states.reduce((sum, state) => sum + state.refusedRows, 0) };
  const { counts, problems, notes } = await reconcile(source, log, { bronze: { covers: bronze.snapshot, refusedRows: bronze.refusedRows }, silver }, late);
  const found = { problems: [...problems], notes: [...notes] };
  const comparison = new LayerComparison(source);
  const comparedAt: Record<string, number | null> = {};
  const codec = await registeredCodec(source, doors.registry);
  for (let partition = 0; partition < source.deployment.partitions; partition++) {
    const covered = shown?.offsets[partition]?.[1] ?? 0;
    const saved = covered === 0 ? undefined : await savedState(source, doors, codec, partition, covered, found);
    comparedAt[String(partition)] = saved?.offset ?? null;
    if (saved !== undefined) await comparePartition(source, sql, saved.processor, partition, saved.offset, comparison);
  }
  if (counts.silver > 0 && Object.values(comparedAt).every((offset) => offset === null)) {
    found.problems.push('expected a state saved by the speed layer that silver reaches, found none, so nothing could be compared: let the speed layer run, it saves every minute');
  }
  found.problems.push(...comparison.problems());
  return { source: source.name, counts, comparedAt, features: comparison.features(), ...found, ok: found.problems.length === 0 };
}

/** The partition's processor as the speed layer saved it last at or before an offset; says what it had to pass over. */
async function savedState(
  source: Source, { log, store }: VerifyDoors, codec: RecordCodec, partition: number, atOrBefore: number, found: { problems: string[]; notes: string[] },
): Promise<{ readonly offset: number; readonly processor: SourceProcessor } | undefined> {
  const topic = `raw.${source.name}`;
  const committed = await log.committed(GROUP, topic, partition);
  const lineage = committed && readCommitMetadata(committed.metadata)?.lineage;
  if (lineage === undefined) {
    found.notes.push(`partition ${partition}: the speed layer has not begun with it`);
    return undefined;
  }
  const processor = new SourceProcessor(source, { partition, codec, transitionSchemaId: 0 });
  const misfits = new Set<string>();
  const fits = (checkpoint: Checkpoint): string | undefined => {
    if (checkpoint.processorVersion === processor.version && checkpoint.lineage === lineage) return undefined;
    const reason = checkpoint.lineage === lineage ? 'it is of another definition of the source' : 'it is of another log';
    misfits.add(reason);
    return reason;
  };
  const { checkpoint, warnings } = await new Checkpoints(store, { group: GROUP, topic, partition }).newest(atOrBefore, fits);
  for (const warning of warnings) {
    const isMisfit = [...misfits].some((reason) => warning.endsWith(reason));
    found[isMisfit ? 'notes' : 'problems'].push(`partition ${partition}: ${warning}`);
  }
  if (checkpoint === undefined) {
    found.notes.push(`partition ${partition}: the speed layer has saved no state at or before offset ${atOrBefore} that fits`);
    return undefined;
  }
  processor.restore(checkpoint.state);
  return { offset: checkpoint.offset, processor };
}
