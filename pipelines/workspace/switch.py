"""Switch the active competition: what local.yaml says of it."""

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.values import competition as competitions
from pipelines.values import kernel as kernels
from pipelines.values import params as settings_file
from pipelines.values.competition import Competition
from pipelines.workspace.rebuild import check_settings


def switch(name: str) -> list[str]:
    """Make `name` the active competition, with the models and the kernels that its file lists.

    What was computed for the competition before stays in DVC's cache: switching back runs nothing.

    Returns:
        The models and kernels that are active now.

    Raises:
        UserError: there is no such competition, or `pilsa repro` could not build it: a model, its section in
            params.yaml, a kernel or a file that only hands can fetch is missing. Nothing is changed then.
    """
    chosen = competitions.load(name)
    _check(chosen)
    with settings_file.editing_local() as local:
        local |= settings_file.lists_of(chosen)
    return [*chosen.baselines, *chosen.pool]


def active() -> list[str]:
    """The active models and kernels; local.yaml is written where it is missing or lacks a key.

    Raises:
        UserError: local.yaml has an unknown key.
    """
    settings_file.complete_local()
    local = settings_file.read_local()
    return [*local.models, *local.kernels]


def tuned() -> dict[str, int]:
    """The active models that are tuned → trials asked for."""
    settings = settings_file.load()
    asked = {name: settings.tune[name].trials for name in settings.models if name in settings.tune}
    return {name: trials for name, trials in asked.items() if trials}


def _check(chosen: Competition) -> None:
    settings = settings_file.load()
    listed = settings_file.lists_of(chosen)
    del listed["tune"]  # checked by the schema of its file
    check_settings(settings.model_copy(update=listed))
    for name in chosen.pool:
        meant = kernels.load(name).file.competition
        if meant != chosen.name:
            raise UserError(
                f"competitions/{chosen.name}.yaml: a kernel of its pool must be for {chosen.name}, and {name} is "
                f"for {meant or 'no competition (kind: study)'}: take it out of `pool:`"
            )
    if not paths.raw(chosen.name).exists():
        platforms.of(chosen).check_present()
