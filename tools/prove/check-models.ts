import { modelFileIn, modelNameOf } from '../../apps/trainer/src/model-artifact.ts';
import { trainSource } from '../../apps/trainer/src/train.ts';
import { readTrainingFrame } from '../../apps/trainer/src/training-frame.ts';
import { loadModel } from '#tideline/learning';
import { MemoryExperimentTracker, SystemClock, type ExperimentTracker, type ModelVersion } from '#tideline/platform';
import { tableNames, type Source } from '#tideline/retention';
import type { Tables } from './check-tables.ts';
import { countCheck, Tally, type Check } from './proof.ts';

/** Registered versions are whole, numbered without gaps, one of them is champion; and the newest one learned again from its table has the same bytes. */
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
  const learned = versions.filter(({ tags }) => tags['table.version'] !== undefined).at(-1);
  return [
    whole.check(),
    countCheck('versions that are champion', versions.length === 0 ? 0 : 1, champion === undefined ? 0 : 1),
    ...(learned === undefined ? [] : [await learnedAgain(source, tracker, tables, learned)]),
  ];
}

async function learnedAgain(source: Source, tracker: ExperimentTracker, { lake, sql }: Tables, learned: ModelVersion): Promise<Check> {
  const { runId, artifactPath, version, tags } = learned;
  const table = lake.table(tableNames(source).training);
  await sql.bind(table, await table.snapshot(Number(tags['table.version'])));
  const again = new MemoryExperimentTracker();
  const { params } = await tracker.getRun(runId);
  const report = await trainSource(source, await readTrainingFrame(sql, source, table.name), {
    tracker: again, clock: new SystemClock(), seed: Number(params['seed']), only: [tags['model'] ?? ''],
  });
  const same = report.models.find((model) => model.name === tags['model']);
  const tally = new Tally('newest model = learned again from its table');
  const id = `${learned.name} version ${version} (${tags['model']}, table version ${tags['table.version']})`;
  tally.expect(id, hex(await again.getArtifact(same?.runId ?? '', modelFileIn(artifactPath))));
  tally.find(id, hex(await tracker.getArtifact(runId, modelFileIn(artifactPath))));
  return tally.check();
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
