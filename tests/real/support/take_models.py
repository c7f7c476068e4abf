"""take_models.py FOLDER '{"MODEL": {"VERSION": FILE, ...}, ...}' - puts models of scikit-learn that are trained already there as
MLServer reads them."""

import json
import pathlib
import shutil
import sys

folder, models = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
for name, versions in models.items():
    for version, file in versions.items():
        place = folder / f"{name}-{version}"
        place.mkdir()
        shutil.copy(file, place / "model.pkl")
        settings = {
            "name": name,
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": "./model.pkl", "version": version, "content_type": "np"},
        }
        (place / "model-settings.json").write_text(json.dumps(settings))
