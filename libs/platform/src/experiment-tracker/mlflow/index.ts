/*
 * A client of MLflow's REST API (version 2.0, as MLflow 2 and 3 serve it) over `fetch`: experiments, runs, artifacts through the
 * server's proxy, registered models. It stands by itself: no package, nothing of the rest of the project.
 *
 *   const mlflow = new MlflowClient({ address: 'http://127.0.0.1:5000' });
 *   const { experimentId } = await mlflow.experiments.ensure('churn');
 *   const { info } = await mlflow.runs.create({ experimentId, name: 'first', identity: { key: 'job', value: jobId } });
 *   await mlflow.runs.logBatch(info.runId, { metrics: [{ key: 'auc', value: 0.74, timestampMs: Date.now(), step: 0 }] });
 *
 * Invariants: nothing is sent twice unless a second time changes nothing; a failure is an `MlflowError` that says whether the call
 * may have had an effect; what exceeds the server's limits is split where it can be and refused where the server would cut it off.
 * Start at `mlflow-client.ts`; what is repeated and when stands in `mlflow-transport.ts`.
 */
export { MlflowClient, type MlflowClientOptions } from './mlflow-client.ts';
export { isMlflowError, MlflowError } from './mlflow-error.ts';
export type { MlflowLogin } from './mlflow-transport.ts';
export type { MlflowExperiments } from './mlflow-experiments.ts';
export type { CreateRun, MlflowRuns, SearchRuns, UpdateRun } from './mlflow-runs.ts';
export type { MlflowArtifacts, RunArtifacts } from './mlflow-artifacts.ts';
export type { CreateVersion, MlflowModels } from './mlflow-models.ts';
export { LIMITS, type RunBatch } from './log-batches.ts';
export { filterText, filterTag } from './filters.ts';
export type {
  MlflowArtifact,
  MlflowExperiment,
  MlflowMetric,
  MlflowModel,
  MlflowModelVersion,
  MlflowRun,
  MlflowRunInfo,
  MlflowRunStatus,
  MlflowTag,
} from './mlflow-answers.ts';
