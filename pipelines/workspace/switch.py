"""Switch the active competition: three entries of params.yaml, its comments and order untouched."""

from pipelines.values import competition as competitions
from pipelines.values import params_edit


def switch(name: str) -> list[str]:
    """Make `name` the active competition, with the models and the kernels that its file lists.

    What was computed for the competition before stays in DVC's cache: switching back runs nothing.

    Returns:
        The models and kernels that are active now.

    Raises:
        UserError: there is no such competition.
    """
    chosen = competitions.load(name)
    with params_edit.editing() as (content, _):
        content["competition"] = name
        params_edit.replace(content, "models", chosen.baselines)
        params_edit.replace(content, "kernels", chosen.pool)
        for section in ("tune", "train"):
            if content.get(section) is None:
                content[section] = {}
            for model in chosen.baselines:
                content[section].setdefault(model, {})
    return [*chosen.baselines, *chosen.pool]
