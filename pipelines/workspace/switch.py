"""Switch the active competition: two entries of params.yaml, its comments and order untouched."""

import io

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

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
        _replace(content["models"], baselines)
    content["kernels"] = []
    for section in ("tune", "train"):
        if content.get(section) is None:
            content[section] = {}
        for model in baselines:
            content[section].setdefault(model, {})
    text = io.StringIO()
    yaml.dump(content, text)
    atomic.write_text(paths.params(), text.getvalue())
    return baselines


def _replace(models: CommentedSeq, names: list[str]) -> None:
    """Put other names into the list; what stands between its end and the next key hangs on the last one."""
    behind = models.ca.items.pop(len(models) - 1, None)
    models[:] = names
    if behind is not None:
        models.ca.items[len(names) - 1] = behind
