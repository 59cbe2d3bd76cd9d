import { MODEL_FILE, modelFileIn, modelNameOf } from '../../apps/trainer/src/model-artifact.ts';
import { trainSource } from '../../apps/trainer/src/train.ts';
import { readTrainingFrame } from '../../apps/trainer/src/training-frame.ts';
import { loadModel } from '#tideline/learning';
import { MemoryExperimentTracker, SystemClock, type ExperimentTracker, type Run } from '#tideline/platform';
import { tableNames, type Source } from '#tideline/retention';
import type { Tables } from './check-tables.ts';
import { countCheck, Tally, type Check } from './proof.ts';

/** Registered versions are whole, numbered without gaps, one of them is champion; and what was learned last, learned again from its table, has the same bytes. */
export async function checkModels(source: Source, tracker: ExperimentTracker, tables: Tables): Promise<readonly Check[]> {
  const name = modelNameOf(source.name);
  const versions = await tracker.listVersions(name);
  const whole = new Tally('registered versions: a model that loads');
  for (let version = 1; version <= versions.length; version++) whole.expect(`${name} version ${version}`);
  for (const { version, runId, artifactPath } of versions) {
    try {
      loadModel(await tracker.getArtifact(runId, modelFileIn(artifactPath)));
      whole.find(`${name} version ${version}`);
    } catch {
      // Not found as a model: the tally says which one is missing.
    }
  }
  const champion = await tracker.versionByAlias(name, 'champion');
  const { id } = await tracker.ensureExperiment(source.name);
  // The mark of the gate is the last thing that a training writes.
  const learned = (await tracker.listRuns(id)).find(({ status, tags }) => status === 'FINISHED' && tags['table.version'] !== undefined && tags['gate'] !== undefined);
  return [
    whole.check(),
    countCheck('versions that are champion', versions.length === 0 ? 0 : 1, champion === undefined ? 0 : 1),
    ...(learned === undefined ? [] : [await learnedAgain(source, tracker, tables, learned)]),
  ];
}

async function learnedAgain(source: Source, tracker: ExperimentTracker, { lake, sql }: Tables, { id, name, params, tags }: Run): Promise<Check> {
  const table = lake.table(tableNames(source).training);
  await sql.bind(table, await table.snapshot(Number(tags['table.version'])));
  const again = new MemoryExperimentTracker();
  const report = await trainSource(source, await readTrainingFrame(sql, source, table.name), { tracker: again, clock: new SystemClock(), seed: Number(params['seed']), only: [name] });
  const same = report.models.find((model) => model.name === name);
  const tally = new Tally('newest model = learned again from its table');
  const told = `${name} of table version ${tags['table.version']} (run ${id})`;
  tally.expect(told, text(await again.getArtifact(same?.runId ?? '', MODEL_FILE)));
  tally.find(told, text(await tracker.getArtifact(id, MODEL_FILE)));
  return tally.check();
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
