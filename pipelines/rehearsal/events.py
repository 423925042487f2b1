"""What the listener in a notebook's process wrote down."""

import json
import stat
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.schema import Strict

_LOG = "rehearsal.jsonl"
_MOST_BYTES = 4 << 20


class Event(Strict):
    """Something that a cell did.

    Attributes:
        event: missing (a file or folder that is not there), written (a table), network (a host or an address),
            command (another program), client (Kaggle's client was imported), import (another module was).
        what: the path, host, command or module.
        cell: how many cells had been executed, this one counted.
        line: of the cell.
        through: the functions between the cell and the event, the nearest first.
    """

    event: Literal["missing", "written", "network", "command", "client", "import"]
    what: str
    cell: int
    line: int
    through: list[str] = []


def install(home: Path, has_gpu: bool, given_away: Sequence[str]) -> None:
    """Have a notebook's process listen from its start.

    Args:
        home: the home folder that the process will have.
        has_gpu: whether the site has a graphics processor.
        given_away: folders of packages that hold the answers.
    """
    source = files("pipelines.rehearsal").joinpath("listener.py").read_text(encoding="utf-8")
    # Executed in a namespace of its own: the notebook's names stay as they are.
    text = (
        "(lambda space: (exec(compile("
        f"{source!r}, 'listener', 'exec'), space), space['listen']({has_gpu}, {list(given_away)!r})))"
        "({'__name__': 'listener'})\n"
    )
    write_text(home / ".ipython" / "profile_default" / "startup" / "00-listener.py", text)


def read(home: Path) -> list[Event] | None:
    """The events in their order; None where the process never listened. What is no event was the notebook's own."""
    log = home / _LOG
    try:
        if not stat.S_ISREG(log.lstat().st_mode):
            return None
        with log.open("rb") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        try:
            found.append(Event(**json.loads(line)))
        except (ValueError, TypeError, ValidationError):
            continue
    return found
