"""Kernels on Kaggle beside what was pushed from here: a copy that somebody edited there is noticed, not overwritten."""

from pipelines.platforms import _kaggle_client
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import read_json, write_json
from pipelines.plumbing.errors import UserError
from pipelines.values.kernel import Kernel

_FILE = "pushed.json"


def is_news(pushed: Kernel, reference: str, notebook: bytes) -> bool:
    """Whether a push would change what Kaggle shows.

    Args:
        pushed: the kernel.
        reference: owner/slug there.
        notebook: what would be sent.

    Raises:
        UserError: Kaggle shows cells that this clone has not pushed, or cannot be asked.
    """
    try:
        shown = _kaggle_client.pull(reference).content
    except _kaggle_client.NotThere:
        return True
    try:
        there = _kaggle_client.sources_hash(shown)
    except (ValueError, KeyError, TypeError):
        there = "no notebook"
    if there == _kaggle_client.sources_hash(notebook):
        return False
    if there != _pushed(pushed).get(reference):
        raise UserError(
            f"{reference} on Kaggle must be as this clone last pushed it, and its cells are others: somebody edited it "
            "there, or pushed it from elsewhere. Take over what is right (`pilsa kernel new MEMBER NAME --from "
            f"kaggle:{reference}`), then delete it there, or push under another --title"
        )
    return True


def remember(pushed: Kernel, reference: str, notebook: bytes) -> None:
    """Write down what was pushed."""
    known = _pushed(pushed) | {reference: _kaggle_client.sources_hash(notebook)}
    write_json(paths.bundle(pushed.name) / _FILE, known)


def _pushed(pushed: Kernel) -> dict[str, str]:
    file = paths.bundle(pushed.name) / _FILE
    return dict(read_json(file)) if file.is_file() else {}
