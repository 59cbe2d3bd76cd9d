/* A process of its own for the contract suite: registers versions of a model, moves its alias to each and prints the numbers. */
import { openExperimentTracker } from './open-experiment-tracker.ts';

const { address, experiment, model, count } = JSON.parse(process.argv[2]) as { address: string; experiment: string; model: string; count: number };
const tracker = await openExperimentTracker(address);
for await (const chunk of process.stdin) void chunk;
const { id } = await tracker.ensureExperiment(experiment);
const run = await tracker.startRun(id, 'child');
const versions: string[] = [];
for (let i = 0; i < count; i++) {
  const { version } = await tracker.registerVersion(model, run.id, 'model');
  await tracker.setAlias(model, 'champion', version);
  versions.push(version);
}
process.stdout.write(JSON.stringify({ experimentId: id, versions }));
