"""Runs on Kaggle's machines: push a script, look at a script or notebook, take what a script left.

The client's push and status end well whatever Kaggle says, so a push counts when the site shows what was pushed.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.platforms import _kaggle_calls as calls
from pipelines.platforms import _kaggle_client as client
from pipelines.platforms._kaggle_calls import KaggleError
from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.errors import UserError

FAILED = ("ERROR", "CANCEL_ACKNOWLEDGED", "CANCEL_REQUESTED")
_SEEN_BY_NOBODY = (403, 404)


class PushRefused(UserError):
    """Kaggle did not take it: nothing runs."""


@dataclass(frozen=True)
class Quota:
    """This week's hours on accelerators.

    Attributes:
        left: hours by GPU and TPU; empty where Kaggle tells none, which is not unlimited.
        resets: when the week begins anew, UTC; empty where it is not told.
    """

    left: dict[str, float]
    resets: str


@dataclass(frozen=True)
class Script:
    """What the site shows of the newest version."""

    text: str
    is_private: bool


@dataclass(frozen=True)
class State:
    """Where a run is: QUEUED, RUNNING, COMPLETE, ERROR …, and what Kaggle says of a failure."""

    status: str
    failure: str


def quota() -> Quota | None:
    """What is left of this week; None where Kaggle does not tell.

    Raises:
        UserError: nobody is signed in, or Kaggle is out of reach.
    """
    try:
        found = calls.ask("quota", "")
    except KaggleError as error:
        if error.status in (*_SEEN_BY_NOBODY, 400):
            return None
        raise
    left = {name: float(hours["left"]) for name, hours in found["hours"].items()}
    return Quota(left, found["resets"])


def script(reference: str) -> Script | None:
    """What the site shows of owner/slug; None where it shows nothing of this name.

    Raises:
        UserError: Kaggle is out of reach or refuses.
    """
    try:
        found = calls.ask("kernel_source", reference)
    except KaggleError as error:
        if error.status in _SEEN_BY_NOBODY:
            return None
        raise
    return Script(found["text"], bool(found["is_private"]))


def push(
    reference: str, text: str, folder: Path, source: str | None, seconds: int, accelerator: str
) -> list[str]:
    """Push a private script without internet, once; Kaggle runs it.

    Args:
        reference: owner/slug.
        text: the script.
        folder: an empty one, for the client.
        source: the competition whose files are shown to it; None for none.
        seconds: after which Kaggle ends it.
        accelerator: as Kaggle calls it; empty for none.

    Returns:
        What Kaggle did not take, a sentence each.

    Raises:
        PushRefused: nothing runs.
        UserError: nobody knows whether it was taken: look before it is pushed again.
    """
    metadata = {
        "id": reference, "title": reference.partition("/")[2], "code_file": "script.py", "language": "python",
        "kernel_type": "script", "is_private": True, "enable_internet": False,
        "enable_gpu": accelerator.startswith("Nvidia"), "enable_tpu": accelerator.startswith("Tpu"),
        "competition_sources": [source] if source else [],
    }  # fmt: skip
    write_text(folder / "script.py", text)
    write_text(folder / "kernel-metadata.json", json.dumps(metadata))
    try:
        done = calls.ask_once(
            "kernel_push", reference, folder=str(folder), seconds=seconds, accelerator=accelerator
        )
    except KaggleError as error:
        is_no = error.status is not None and error.status < 500
        if (is_no and error.status != 408) or error.operation == "IntrospectToken":
            raise PushRefused(_no(reference, str(error))) from None
        raise
    if done.get("error"):
        raise PushRefused(_no(reference, client.shown(str(done["error"]))))
    return _remarks(done)


def _no(reference: str, why: str) -> str:
    return f"Kaggle must take {reference} and did not, nothing runs there: {why}"


def _remarks(done: dict[str, Any]) -> list[str]:
    kinds = [name for name in done if name.startswith("invalid") and done[name]]
    return [f"Kaggle did not take {name.removeprefix('invalid')}: {done[name]}" for name in kinds]


def state(reference: str) -> State:
    """Where a run is.

    Args:
        reference: owner/slug of the newest version, or owner/slug/number.

    Raises:
        UserError: Kaggle does not say.
    """
    found = calls.ask("kernel_state", reference)
    status = str(found.get("status") or "QUEUED").rpartition(".")[2]
    return State(status, client.shown(str(found.get("failureMessage") or "")))


def fetch(reference: str, folder: Path) -> None:
    """Download all that the newest version left, and its log as `<slug>.log`, into an existing folder.

    Raises:
        UserError: Kaggle does not give it, or gives half of it.
    """
    calls.ask("kernel_output", reference, folder, folder=str(folder))


def site() -> str:
    """Who is asked, by name: no run on the practice server is told to have been on Kaggle."""
    return "the practice server" if client.is_practice() else "Kaggle"
