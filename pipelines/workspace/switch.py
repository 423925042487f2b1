"""Switch the active competition: two entries of params.yaml, its comments and order untouched."""

import io

from ruamel.yaml import YAML

from pipelines.core import atomic, paths
from pipelines.core import competition as competitions
from pipelines.core import params as settings_file


def switch(name: str) -> list[str]:
    """Make `name` the active competition, with the models that its file lists as baselines.

    What was computed for the competition before stays in DVC's cache: switching back runs nothing.

    Returns:
        The models that are active now.

    Raises:
        UserError: there is no such competition.
    """
    settings_file.load()
    baselines = list(competitions.load(name).baselines)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 200
    content = yaml.load(paths.params().read_text(encoding="utf-8"))
    content["competition"] = name
    if list(content["models"]) != baselines:
        content["models"] = baselines
    content["kernels"] = []
    for section in ("tune", "train"):
        for model in baselines:
            content[section].setdefault(model, {})
    text = io.StringIO()
    yaml.dump(content, text)
    atomic.write_text(paths.params(), text.getvalue())
    return baselines
