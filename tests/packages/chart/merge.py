"""merge.py FILE YAML - prints the values of the file with those of the text over them, as Helm does with two -f."""
import sys

import yaml


def over(base, top):
    if isinstance(base, dict) and isinstance(top, dict):
        return {key: over(base.get(key), top[key]) if key in top else base[key] for key in {**base, **top}}
    return top


print(yaml.safe_dump(over(yaml.safe_load(open(sys.argv[1], encoding="utf-8")), yaml.safe_load(sys.argv[2]))))
