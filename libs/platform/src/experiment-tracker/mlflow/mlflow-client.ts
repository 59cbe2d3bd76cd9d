import { MlflowArtifacts } from './mlflow-artifacts.ts';
import { MlflowExperiments } from './mlflow-experiments.ts';
import { MlflowModels } from './mlflow-models.ts';
import { MlflowRuns } from './mlflow-runs.ts';
import { MlflowTransport, type TransportOptions } from './mlflow-transport.ts';

export type MlflowClientOptions = TransportOptions;

/** One MLflow server. Holds no connection of its own, so there is nothing to close. */
export class MlflowClient {
  /** Without a slash at its end. */
  readonly address: string;
  readonly experiments: MlflowExperiments;
  readonly runs: MlflowRuns;
  readonly artifacts: MlflowArtifacts;
  readonly models: MlflowModels;

  constructor(options: MlflowClientOptions) {
    const transport = new MlflowTransport(options);
    this.address = transport.address;
    this.experiments = new MlflowExperiments(transport);
    this.runs = new MlflowRuns(transport);
    this.artifacts = new MlflowArtifacts(transport);
    this.models = new MlflowModels(transport);
  }
}
