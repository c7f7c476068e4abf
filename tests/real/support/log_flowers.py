"""log_flowers.py NAME - a training run as MLflow's users write them: a model of scikit-learn, logged and registered under this
name. Prints the id of the run and where the model is."""

import json
import sys

import mlflow
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

flowers, kinds = load_iris(return_X_y=True)
with mlflow.start_run() as run:
    model = DecisionTreeClassifier(random_state=0).fit(flowers, kinds)
    # Without a list of packages MLflow finds them by loading the model in a program of its own.
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name=sys.argv[1],
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
    )
print(json.dumps({"run": run.info.run_id, "source": logged.model_uri}))
