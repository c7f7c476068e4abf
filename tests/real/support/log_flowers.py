"""log_flowers.py [NAME] - a training run as MLflow's users write them: a model of scikit-learn, logged and, under this name,
registered. Prints the id of the run, where MLflow says that the model is, its signature, and a copy of its file."""

import json
import pathlib
import sys

import mlflow
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

flowers, kinds = load_iris(return_X_y=True)
with mlflow.start_run() as run:
    model = DecisionTreeClassifier(random_state=0).fit(flowers, kinds)
    signature = mlflow.models.infer_signature(flowers, model.predict(flowers))
    # Without a list of packages MLflow finds them by loading the model in a program of its own.
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        signature=signature,
        registered_model_name=sys.argv[1] if sys.argv[1:] else None,
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
    )
place = pathlib.Path(mlflow.artifacts.download_artifacts(logged.model_uri))
told = {"run": run.info.run_id, "source": logged.model_uri, "signature": json.dumps(signature.to_dict())}
print(json.dumps({**told, "file": str(place / "model.pkl")}))
