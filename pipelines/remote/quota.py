"""This week's hours on Kaggle's accelerators, read before anything is pushed."""

from pipelines.platforms import _kaggle_kernels as site
from pipelines.plumbing.errors import UserError


def sentence(accelerator: str, seconds: int) -> str:
    """What is left, and what of it this run may take at most.

    Args:
        accelerator: as Kaggle calls it; empty for none, which takes nothing of it.
        seconds: after which Kaggle ends the run.

    Raises:
        UserError: nothing is left for this accelerator.
    """
    found = site.quota()
    if found is None or not found.left:
        return (
            f"{site.site()} does not tell what is left of this week's hours, which is not unlimited"
        )
    said = ", ".join(f"{hours:.1f} h of {name}" for name, hours in found.left.items())
    kind = {"N": "GPU", "T": "TPU"}.get(accelerator[:1])
    left = None if kind is None else found.left.get(kind)
    if left is not None and left <= 0:
        raise UserError(
            f"a run on {accelerator} must have hours left of this week, and there are none until "
            f"{found.resets or 'the week ends'}: wait, or run it without --accelerator"
        )
    takes = (
        f"; this run takes {seconds / 3600:g} h at most" if kind else "; this run takes none of it"
    )
    return f"left of this week: {said}{takes}"
