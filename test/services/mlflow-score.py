"""Loads a registered model with MLflow's `pyfunc` and `onnx` flavours, scores a pandas frame, and prints the answers as JSON."""
import json
import os
import sys

os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
import mlflow  # noqa: E402
import pandas as pd  # noqa: E402

uri, model = sys.argv[1], sys.argv[2]
mlflow.set_tracking_uri(uri)
mlflow.set_registry_uri(uri)
asked = json.load(sys.stdin)
frame = pd.DataFrame(asked["rows"], columns=asked["columns"], dtype="float64")
loaded = mlflow.pyfunc.load_model(model)
# Columns are found by name, wherever they stand.
answer = loaded.predict(frame[frame.columns[::-1]])
local = mlflow.artifacts.download_artifacts(model)
raw = mlflow.onnx.load_model(local)
example = loaded.input_example
json.dump({
    "answer": {name: answer[name].tolist() for name in answer.columns},
    "graphOutputs": [output.name for output in raw.graph.output],
    "example": loaded.predict(example)["score"].tolist(),
    "runId": loaded.metadata.run_id,
}, sys.stdout)
