import { verifySource } from '../../apps/batch-layer/src/verify.ts';
import type { Lake, Sql } from '#tideline/lake';
import type { EventLog, ExperimentTracker, ObjectStore, SchemaRegistry } from '#tideline/platform';
import { registeredCodec, transitionSchema, type Source } from '#tideline/retention';
import { checkForeign } from './check-foreign.ts';
import { checkModels } from './check-models.ts';
import { checkOutputs, expectOutputs } from './check-outputs.ts';
import { checkLines } from './check-records.ts';
import { checkStates } from './check-states.ts';
import { checkLanded, checkTables } from './check-tables.ts';
import { compareBatches } from './compare-batches.ts';
import type { ForeignReaders } from './foreign-readers.ts';
import type { LogLines } from './log-lines.ts';
import { countCheck, type AppName, type Check } from './proof.ts';
import { readTopic, recordsOf, type PlainRecord } from './read-topic.ts';
import { buildUndisturbed, type Undisturbed } from './undisturbed.ts';

/** The doors of the system under proof, for reading only. */
export interface ProofDoors {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly tracker: ExperimentTracker;
  readonly registry: SchemaRegistry;
  readonly lake: Lake;
  readonly sql: Sql;
}

/** What a proof is held against. */
export interface Truth {
  readonly source: Source;
  readonly fileId: string;
  readonly lines: LogLines;
  /** Lines that were made to be no records; undefined where nobody knows. */
  readonly broken: number | undefined;
  readonly undisturbed: Undisturbed;
  /** Whose work is checked. */
  readonly apps: readonly AppName[];
  /** Other programs to read with. */
  readonly readers: ForeignReaders | undefined;
}

/** Every comparison, from the lines of the file to the newest model. */
export async function checkProof(truth: Truth, doors: ProofDoors, note: (text: string) => void): Promise<readonly Check[]> {
  const { source, undisturbed, apps } = truth;
  const { log, registry } = doors;
  const codec = await registeredCodec(source, registry);
  const transitionSchemaId = await registry.register(`transitions.${source.name}-value`, transitionSchema(source), 'AVRO');
  note('checking the topics');
  const raw = await readTopic(log, `raw.${source.name}`);
  const deadLetters = await readTopic(log, 'dead-letter');
  const byIdentity = ({ headers }: PlainRecord): string => `record of byte ${headers['offset']}`;
  const records = { what: `raw.${source.name}: batches of an undisturbed replay`, comparesTimes: source.time !== undefined, nameOf: byIdentity };
  const checks: Check[] = [
    ...checkLines(source, codec, { id: truth.fileId, lines: truth.lines, broken: truth.broken }, raw, deadLetters),
    compareBatches(records, await readTopic(undisturbed.log, `raw.${source.name}`), raw),
    await checkReplayCounts(truth, log),
  ];
  const rejectedBytes = new Set([...deadLetters.values()].flat().flatMap((batch) => recordsOf(batch)).map(({ headers }) => Number(headers['offset'])));
  if (apps.includes('speed-layer')) {
    const scores = await readTopic(log, 'churn-scores');
    const expected = await expectOutputs(source, { codec, transitionSchemaId }, raw, scores, doors.tracker);
    checks.push(...(await checkOutputs(source, log, expected, scores)), await checkStates(source, codec, doors, expected.processors));
  }
  if (apps.includes('batch-layer')) {
    note('checking the tables');
    checks.push(...(await checkLanded(source, truth.fileId, truth.lines, rejectedBytes, doors)));
    await buildUndisturbed(source, undisturbed, registry);
    checks.push(...(await checkTables(source, doors, undisturbed)));
    if (apps.includes('speed-layer')) checks.push(...(await checkLayers(source, doors)));
  }
  if (apps.includes('trainer')) {
    note('learning the newest model again');
    checks.push(...(await checkModels(source, doors.tracker, doors)));
  }
  if (truth.readers !== undefined) {
    note('reading with other programs');
    checks.push(...(await checkForeign({ ...truth, rejectedBytes }, truth.readers, log, apps.includes('batch-layer') ? doors.lake : undefined)));
  }
  return checks;
}

/** What the replay says of itself: read = accepted + rejected, as an undisturbed one says. */
async function checkReplayCounts({ source, undisturbed, fileId }: Truth, log: EventLog): Promise<Check> {
  const committed = await log.committed(`replay-${fileId}`, `raw.${source.name}`, 0);
  const found = JSON.parse(committed?.metadata ?? '{}') as { rows?: number; accepted?: number; rejected?: number };
  const { read, accepted, rejected } = undisturbed.summary;
  const check = countCheck('lines read', read, found.rows ?? 0);
  const isSame = found.accepted === accepted && found.rejected === rejected;
  return { ...check, different: isSame ? 0 : 1, first: check.first ?? (isSame ? undefined : `lines read: expected ${accepted} accepted and ${rejected} rejected, found ${found.accepted} and ${found.rejected}`) };
}

/** Speed = batch, every feature of every entity; and the counts reconcile from file to lake. */
async function checkLayers(source: Source, doors: ProofDoors): Promise<readonly Check[]> {
  const { features, problems } = await verifySource(source, doors);
  const values = features.reduce((sum, { entities }) => sum + entities, 0);
  const different = features.reduce((sum, feature) => sum + feature.different, 0);
  return [
    { what: 'features: speed = batch', expected: values, found: values, lost: 0, doubled: 0, different, first: features.find((feature) => feature.different > 0)?.name },
    { ...countCheck('problems that verify names', 0, problems.length), first: problems[0] },
  ];
}
