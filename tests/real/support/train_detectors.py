"""train_detectors.py FOLDER '{"MODEL": {PARAMETER: VALUE, ...}, ...}' - detectors of drift whose reference are the flowers that come
with scikit-learn, with these parameters of MLServer's runtime. Runs in the Python of MLServer."""

import json
import pathlib
import sys

from alibi_detect.cd import TabularDrift
from alibi_detect.saving import save_detector
from sklearn.datasets import load_iris

folder, detectors = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
for name, parameters in detectors.items():
    place = folder / name
    place.mkdir()
    save_detector(TabularDrift(load_iris().data, p_val=0.05, data_type="tabular"), place / "detector")
    settings = {
        "name": name,
        "implementation": "mlserver_alibi_detect.AlibiDetectRuntime",
        "parameters": {"uri": "./detector", "version": "1", "extra": parameters},
    }
    (place / "model-settings.json").write_text(json.dumps(settings))
