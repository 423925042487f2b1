"""Notebooks that are handed in: a version is pushed, Kaggle runs it, and what it wrote comes back.

Kaggle's client exits with 0 whatever becomes of a run, so only the state that Kaggle tells counts.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path

from pipelines.platforms import _kaggle_client as client
from pipelines.platforms import _kaggle_kernels as kernels
from pipelines.plumbing.errors import MemberFailed, UserError

_FIRST_LOOK, _LONGEST_BREAK = 1.0, 20.0  # seconds
_QUEUE_SECONDS = 3600.0


def push(folder: Path) -> int:
    """Push the notebook of a folder; the number of the version that Kaggle runs now.

    Raises:
        UserError: Kaggle refused it, does not show it, or does not say which version it is.
    """
    done = client.push(folder)
    if done.version is None:
        raise UserError(
            f"Kaggle must say which version it took, and does not: look at {done.url} before you push again"
        )
    return done.version


def wait(reference: str, version: int, hours: float, say: Callable[[str], None]) -> None:
    """Wait until a version has run.

    Args:
        reference: owner/slug.
        version: as `push` gave it.
        hours: that it may run; it may queue for another.
        say: told its status.

    Raises:
        MemberFailed: it failed there.
        UserError: it does not end, or Kaggle cannot be reached.
    """
    until, pause = time.monotonic() + 3600 * hours + _QUEUE_SECONDS, _FIRST_LOOK
    while time.monotonic() < until:
        found = kernels.state(f"{reference}/{version}")
        say(f"{reference} version {version}: {found.status.lower()}")
        if found.status == "COMPLETE":
            return
        if found.status in kernels.FAILED:
            raise MemberFailed(
                f"{reference} version {version} must run on Kaggle, and ended there as {found.status}"
                f"{f' ({found.failure})' if found.failure else ''}: nothing was submitted; its log is on "
                f"{client.page(reference)}: correct the kernel and rehearse it, or run the same command again, which "
                "pushes it once more"
            )
        time.sleep(pause)
        pause = min(_LONGEST_BREAK, 1.5 * pause)
    raise UserError(
        f"{reference} version {version} must end within {hours:g} h and has not: nothing was submitted; run the same "
        "command again, it looks at this version"
    )


def output(reference: str, version: int, name: str, into: Path) -> Path:
    """Fetch one file that a version wrote.

    Raises:
        UserError: it wrote none of that name, or Kaggle cannot be reached.
    """
    pattern = f"^{re.escape(name)}$"
    client.ask(
        f"fetch what {reference} wrote", "kernels", "output", f"{reference}/{version}", "--path", str(into),
        "--file-pattern", pattern,
    )  # fmt: skip
    path = into / name
    if path.is_symlink() or not path.is_file():
        raise UserError(
            f"{reference} version {version} must write {name}, and Kaggle has no such file of it: nothing was submitted"
        )
    return path
