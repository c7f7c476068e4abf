"""log_flowers.py [NAME] - a training run as MLflow's users write them: a model of scikit-learn, logged and, under this name,
registered. Prints the id of the run, where MLflow says that the model is, and a copy of its file."""

import json
import pathlib
import sys

import mlflow
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

flowers, kinds = load_iris(return_X_y=True)
with mlflow.start_run() as run:
    # Without a list of packages MLflow finds them by loading the model in a program of its own.
    logged = mlflow.sklearn.log_model(
        DecisionTreeClassifier(random_state=0).fit(flowers, kinds),
        name="model",
        registered_model_name=sys.argv[1] if sys.argv[1:] else None,
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
    )
place = pathlib.Path(mlflow.artifacts.download_artifacts(logged.model_uri))
print(json.dumps({"run": run.info.run_id, "source": logged.model_uri, "file": str(place / "model.pkl")}))
