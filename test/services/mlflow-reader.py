"""Reads a tracking store with MLflow's own client and prints everything as JSON: another implementation's view of the same data."""
import json
import math
import sys

from mlflow.tracking import MlflowClient

client = MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])


def value(number):
    # A SQL store keeps an infinity as the largest double.
    if abs(number) == sys.float_info.max:
        number = math.copysign(math.inf, number)
    return repr(number) if math.isnan(number) or math.isinf(number) else number


def artifacts(run_id, path=None):
    for file in client.list_artifacts(run_id, path):
        if file.is_dir:
            yield from artifacts(run_id, file.path)
        else:
            yield [file.path, file.file_size]


experiments = []
for experiment in sorted(client.search_experiments(), key=lambda e: e.name):
    runs = []
    for run in client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"]):
        info = run.info
        metrics = {key: [[m.timestamp, value(m.value), m.step] for m in client.get_metric_history(info.run_id, key)] for key in run.data.metrics}
        runs.append({
            "id": info.run_id, "name": info.run_name, "status": info.status, "start": info.start_time, "end": info.end_time, "params": run.data.params,
            "tags": run.data.tags, "metrics": metrics, "last": {k: value(v) for k, v in run.data.metrics.items()}, "artifacts": sorted(artifacts(info.run_id)),
        })
    experiments.append({"name": experiment.name, "runs": runs})
models = []
for model in sorted(client.search_registered_models(), key=lambda m: m.name):
    versions = sorted(client.search_model_versions(f"name='{model.name}'"), key=lambda v: int(v.version))
    models.append({
        "name": model.name, "aliases": {k: str(v) for k, v in model.aliases.items()},
        "versions": [{"version": str(v.version), "run": v.run_id, "source": v.source, "status": v.status, "tags": v.tags} for v in versions],
    })
json.dump({"experiments": experiments, "models": models}, sys.stdout)
