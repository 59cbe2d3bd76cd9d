import { openExperimentTracker } from '#tideline/platform';
import { experimentTrackerContract } from '../../libs/platform/src/experiment-tracker/experiment-tracker.contract.ts';
import { services } from './services.ts';

experimentTrackerContract('MlflowExperimentTracker on a live server', async () => {
  const address = services().mlflow;
  const tracker = await openExperimentTracker(address);
  return { tracker, address, dispose: () => tracker.close() };
});
