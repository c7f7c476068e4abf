"""train_flowers.py FOLDER '{"MODEL": ["VERSION", ...], ...}' - trains each version on the flowers that come with scikit-learn and
puts it there as MLServer reads it. Runs in the Python of MLServer."""

import json
import pathlib
import sys

import joblib
import sklearn
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

folder, models = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
flowers, kinds = load_iris(return_X_y=True)
for name, versions in models.items():
    for version in versions:
        place = folder / f"{name}-{version}"
        place.mkdir()
        joblib.dump(DecisionTreeClassifier(random_state=int(version)).fit(flowers, kinds), place / "model.joblib")
        settings = {
            "name": name,
            "implementation": "mlserver_sklearn.SKLearnModel",
            "platform": "sklearn",
            "versions": [f"scikit-learn/{sklearn.__version__}"],
            "inputs": [{"name": "predict", "datatype": "FP64", "shape": [-1, 4]}],
            "outputs": [{"name": "predict", "datatype": "INT64", "shape": [-1, 1]}],
            "parameters": {"uri": "./model.joblib", "version": version, "content_type": "np"},
        }
        (place / "model-settings.json").write_text(json.dumps(settings))
