"""The pool: the kernels that `make repro` cross-validates and the ensembles take."""

from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.values import kernel as kernels
from pipelines.values import params_edit


def join(name: str) -> list[str]:
    """Put a kernel of the active competition into the pool. The group has read it: from then on it is trusted.

    Returns:
        The kernels in the pool.

    Raises:
        UserError: there is no such kernel, or it is another competition's, or a study.
    """
    kernel = kernels.load(name)
    with params_edit.editing() as (content, settings):
        if kernel.file.competition != settings.competition:
            what = kernel.file.competition or "no competition (kind: study)"
            raise UserError(
                f"a kernel of the pool must be for the active competition ({settings.competition}), and "
                f"{kernel.name} is for {what}: `pilsa use` switches"
            )
        before = settings.kernels
        pool = [*before, *([] if kernel.name in before else [kernel.name])]
        params_edit.replace(content, "kernels", pool)
    return pool


def leave(name: str) -> list[str]:
    """Take a kernel out of the pool; what it predicted stays in DVC's cache.

    Returns:
        The kernels that are left.

    Raises:
        UserError: it is not in the pool.
    """
    with params_edit.editing() as (content, settings):
        pool = settings.kernels
        if name not in pool:
            raise UserError(
                f"only a kernel of the pool can leave it, found {name!r}{did_you_mean(name, pool)}"
            )
        rest = [other for other in pool if other != name]
        params_edit.replace(content, "kernels", rest)
    return rest
