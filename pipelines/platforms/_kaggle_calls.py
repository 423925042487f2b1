"""What Kaggle is asked, one process of the client per question, and its errors in our words."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from pipelines.platforms import _kaggle_client as client
from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.plumbing.printing import say
from pipelines.plumbing.process import dying_with_parent

_PROGRAM = Path(__file__).with_name("_kaggle_process.py")
_PATIENCE_SECONDS = 300.0  # without an answer, or without a byte of a download
_SLOWEST_BYTES = 50_000  # a second, of an upload
_LOOK_SECONDS = 0.5
# Kaggle says "too many requests": so often and so long a reader waits before it gives up.
_WAITS = (5.0, 20.0, 60.0)
_LONGEST_WAIT = 300.0


class KaggleError(UserError):
    """Kaggle did not do what it was asked.

    Attributes:
        status: of HTTP; None where no answer came, 0 where the client itself refused.
        operation: what failed, such as `CreateSubmission`; empty where that is not known.
        wait: seconds that Kaggle asks to wait; None where it does not say.
    """

    def __init__(
        self, text: str, status: int | None, operation: str = "", wait: float | None = None
    ) -> None:
        super().__init__(text)
        self.status, self.operation, self.wait = status, operation, wait


@dataclass(frozen=True)
class Details:
    """A competition as Kaggle lists it.

    Attributes:
        slug, title, url: its name, its heading, its page.
        deadline: with a time zone; None where Kaggle does not say.
        daily_limit: submissions of a team a day; None where Kaggle does not say.
        metric: in Kaggle's words; may be empty.
        category: such as Featured or Getting Started.
        joined: whether the rules were accepted.
        by_notebook: whether only notebooks can be submitted.
        closed: whether nothing can be submitted.
    """

    slug: str
    title: str
    url: str
    deadline: datetime | None
    daily_limit: int | None
    metric: str
    category: str
    joined: bool
    by_notebook: bool
    closed: bool


def details(slug: str) -> Details:
    """What Kaggle says of a competition.

    Raises:
        UserError: it knows none of this name; the nearest are named.
    """
    rows = ask("competitions", slug, search=slug)
    found = next((row for row in rows if _slug_of(row) == slug), None)
    if found is None:
        longest = max(slug.split("-"), key=len)
        near = {_slug_of(row) for row in [*rows, *ask("competitions", slug, search=longest)]}
        raise KaggleError(
            f"a competition must be named as in its address on Kaggle, and none is named {slug!r}"
            f"{did_you_mean(slug, near)}",
            404,
        )
    deadline = found.get("deadline")
    return Details(
        slug, found.get("title") or slug, page(slug), moment(deadline) if deadline else None,
        found.get("maxDailySubmissions") or None, found.get("evaluationMetric") or "", found.get("category") or "",
        bool(found.get("userHasEntered")), bool(found.get("isKernelsSubmissionsOnly")),
        bool(found.get("submissionsDisabled")),
    )  # fmt: skip


def _slug_of(row: dict[str, Any]) -> str:
    return str(row.get("ref", "")).rstrip("/").rpartition("/")[2]


def page(slug: str) -> str:
    """The competition's page, where a browser must go for what only a person may do."""
    is_practice = client.is_practice()
    site = (
        os.environ.get("http_proxy", "http://localhost")
        if is_practice
        else "https://www.kaggle.com"
    )
    return f"{site}/competitions/{slug}"


def moment(text: str) -> datetime:
    """Kaggle's times are UTC."""
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)


def ask(operation: str, slug: str, watched: Path | None = None, **given: Any) -> Any:
    """Ask what changes nothing there; where Kaggle says that it was asked too often, wait and ask again.

    Args:
        operation: one of `_kaggle_process.py`.
        slug: the competition, or owner/slug of a notebook.
        watched: a folder that grows while all is well; or a file that is uploaded, and takes its time.
        given: what the operation needs besides.

    Raises:
        KaggleError: Kaggle refuses, is out of order or out of reach.
    """
    for usual in _WAITS:
        try:
            return ask_once(operation, slug, watched, **given)
        except KaggleError as error:
            seconds = usual if error.wait is None else error.wait
            if error.status != 429 or seconds > _LONGEST_WAIT:
                raise
            say(f"Kaggle was asked too often: waiting {seconds:g} s", is_error=True)
            time.sleep(seconds)
    return ask_once(operation, slug, watched, **given)


def ask_once(operation: str, slug: str, watched: Path | None = None, **given: Any) -> Any:
    """Ask once, whatever it is.

    Raises:
        KaggleError: as `ask`.
    """
    question = {"operation": operation, **given}
    if operation not in ("competitions", "quota"):
        question["slug"] = slug
    printed, complained = _run(json.dumps(question), watched)
    if "readable by other users" in complained:
        say("your kaggle.json can be read by others: `chmod 600` it", is_error=True)
    try:
        answer = json.loads(printed)
    except ValueError:
        text = f"Kaggle's client must answer, and ended without: {client.shown(complained)}"
        raise KaggleError(f"{text}: try again", None) from None
    if "found" in answer:
        return answer["found"]
    wait = _seconds(answer.get("retry_after"))
    text = _meaning(slug, answer["status"], answer["words"], wait)
    raise KaggleError(text, answer["status"], answer["operation"], wait)


def _run(question: str, watched: Path | None) -> tuple[str, str]:
    """What a process of the client printed, and what it complained of; it dies with this one.

    A client that outlived a killed `pilsa submit` would hand in what the next call sends again.
    """
    # -P: beside the program lies a file named as the client's own package.
    child = subprocess.Popen(
        [sys.executable, "-P", str(_PROGRAM)], env=client.environment(), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
        preexec_fn=dying_with_parent(),
    )  # fmt: skip
    size, since, patience = 0, time.monotonic(), _PATIENCE_SECONDS
    if watched is not None and watched.is_file():
        patience += watched.stat().st_size / _SLOWEST_BYTES
    asked: str | None = question
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return child.communicate(asked, timeout=_LOOK_SECONDS)
            asked, grown = None, _size(watched)
            if grown > size:
                size, since = grown, time.monotonic()
            if time.monotonic() - since > patience:
                raise KaggleError(
                    f"Kaggle must answer within {patience:.0f} s and did not: check the network and try again",
                    None,
                )
    finally:
        child.kill()
        child.wait()


def _size(folder: Path | None) -> int:
    if folder is None or folder.is_file():
        return 0
    with suppress(OSError):  # a file that is renamed just now
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0


def _seconds(header: str | None) -> float | None:
    """`Retry-After`, which is seconds or a date."""
    if not header:
        return None
    with suppress(ValueError, TypeError):
        return max(0.0, float(header))
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    return None


def _meaning(slug: str, status: int | None, words: str, wait: float | None) -> str:
    """What an error means and what to do; Kaggle's own words where only they say it."""
    said = client.shown(words)
    is_notebook = "/" in slug
    at = client.page(slug) if is_notebook else page(slug)
    when = "some minutes" if wait is None else f"{wait:g} s"
    meanings = {
        None: f"Kaggle must be reachable and is not ({said}): check the network and try again",
        401: client.SIGN_IN,
        403: f"Kaggle must have your consent to the rules of {slug} first, and refuses ({said}): open {at}/rules in a "
        "browser and accept them, or join there; nobody else can",
        404: f"Kaggle must know {slug}, and does not ({said}): its name stands in its address, {at}; "
        "one that is over may take no submissions any more",
        429: f"Kaggle must not be asked so often: wait {when} and try again",
    }
    if is_notebook and status in (403, 404):
        return (
            f"Kaggle must let you at {slug}, and refuses ({said}): it is another's or is not there, or your account may "
            f"not do this: see {at}"
        )
    if status == 0:
        return f"Kaggle's client could not go on: {said}"
    if status in meanings:
        return meanings[status]
    if status and status >= 500:
        return f"Kaggle must answer and is out of order ({status}: {said}): try again later"
    return f"Kaggle must accept what it was asked, and says: {said}"
