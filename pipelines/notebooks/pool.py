"""The pool: the kernels that `make repro` cross-validates and the ensembles take."""

from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.values import kernel as kernels
from pipelines.values import params as settings_file


def join(name: str) -> list[str]:
    """Put a kernel of the active competition into the pool. The group has read it: from then on it is trusted.

    Returns:
        The kernels in the pool.

    Raises:
        UserError: there is no such kernel, or it is another competition's, or a study.
    """
    kernel = kernels.load(name)
    with settings_file.editing_local() as local:
        active, pool = local["competition"], local["kernels"]
        if kernel.file.competition != active:
            what = kernel.file.competition or "no competition (kind: study)"
            raise UserError(
                f"a kernel of the pool must be for the active competition ({active}), and {kernel.name} is "
                f"for {what}: `pilsa use` switches"
            )
        if kernel.name not in pool:
            pool.append(kernel.name)
    return list(pool)


def leave(name: str) -> list[str]:
    """Take a kernel out of the pool; what it predicted stays in DVC's cache.

    Returns:
        The kernels that are left.

    Raises:
        UserError: it is not in the pool.
    """
    with settings_file.editing_local() as local:
        pool = local["kernels"]
        if name not in pool:
            raise UserError(
                f"only a kernel of the pool can leave it, found {name!r}{did_you_mean(name, pool)}"
            )
        pool.remove(name)
    return list(pool)
