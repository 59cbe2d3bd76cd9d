/* A push in a process of its own, so that it can be killed: a line on stdout for every run that is done. */
import { FileExperimentTracker, pushExperiments } from '#tideline/platform';

const [folder, to] = process.argv.slice(2) as [string, string];
await pushExperiments(await FileExperimentTracker.open(folder), { to, onProgress: () => process.stdout.write('run\n') });
