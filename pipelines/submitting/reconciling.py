"""The ledger beside the platform's list: what arrived, what it scored, and what never arrived."""

import re
from datetime import UTC, timedelta
from typing import Any

from pipelines.platforms._remote import Listed, Remote
from pipelines.plumbing.errors import UserError
from pipelines.submitting.clock import Clock
from pipelines.tracking import ledger
from pipelines.tracking.ledger import LedgerRow

# How long after the beginning of an upload the list may lack it. After that it never arrived, and may be sent again.
LAG = timedelta(minutes=15)
# What tells an attempt from all others: the beginning of its hash, and a drawn number.
_TAG = re.compile(r"-([0-9a-f]{8}-[0-9a-f]{6})\.csv$")
_SAID = re.compile(r" ?\[([0-9a-f]{8}-[0-9a-f]{6})\]$")
_LONGEST_MESSAGE = 400
_STATUS = {"PENDING": "SENT", "COMPLETE": "COMPLETE", "ERROR": "ERROR"}
NOBODY = "unknown"


def update(competition: str, remote: Remote, clock: Clock, expire: bool = False) -> list[Listed]:
    """Bring into the ledger what the platform lists of the submissions that it has; return the list.

    Args:
        competition: its name.
        remote: the platform's server.
        clock: the time.
        expire: an attempt that is not listed `LAG` after it began, and that the platform gave no id, never arrived.
            For who holds the lock of sending alone: another's upload may still be under way.

    Raises:
        UserError: the platform does not give its list, or the ledger is damaged.
    """
    listed = remote.submissions()
    for row in ledger.submissions(competition):
        found = _listed(row, listed)
        if found is not None:
            _write(row, clock, _state(found))
        elif expire and row.status == "PENDING" and not row.ref and clock.now() - row.moment > LAG:
            _write(row, clock, {"status": "ERROR", "error": "it never arrived"})
    return listed


def rebuild(competition: str, remote: Remote, clock: Clock) -> list[LedgerRow]:
    """Update the ledger, and add what the platform lists and the ledger lacks; return the rows added for that.

    Raises:
        UserError: the platform gives no list, or the ledger is damaged.
    """
    if not remote.lists:
        raise UserError(
            f"a ledger must be rebuilt from the platform's list, and that of {competition} gives none: look at its "
            "page, and `pilsa ledger set-score FILE --public SCORE` for each"
        )
    listed = update(competition, remote, clock)
    known = ledger.submissions(competition)
    new = [
        _row_of(competition, one) for one in listed if not any(_listed(row, [one]) for row in known)
    ]
    for row in new:
        ledger.append(row)
    return new


def said(message: str, upload: str) -> str:
    """What the platform is told with an upload: the message in one line, and the attempt's tag.

    A platform may list a file under another name; what was said with it stays.
    """
    found = _TAG.search(upload)
    line = " ".join(message.split())[:_LONGEST_MESSAGE]
    return f"{line} [{found[1]}]".strip() if found else line or upload


def sent_by_others(sha256: str, listed: list[Listed]) -> Listed | None:
    """A submission of this content that the platform lists and this ledger may not know yet: a team mate's."""
    same = (one for one in listed if (_tag(one) or "").startswith(f"{sha256[:8]}-"))
    return next((one for one in same if one.status != "ERROR"), None)


def _tag(one: Listed) -> str | None:
    """The tag of an upload of ours, by its name or by what was said with it; None of another's."""
    found = _TAG.search(one.file) or _SAID.search(one.message)
    return found[1] if found else None


def _listed(row: LedgerRow, listed: list[Listed]) -> Listed | None:
    wanted = _TAG.search(row.upload or "")
    return next(
        (
            one
            for one in listed
            if (wanted and _tag(one) == wanted[1]) or (row.ref and one.ref == row.ref)
        ),
        None,
    )


def _state(found: Listed) -> dict[str, Any]:
    return {
        "status": _STATUS[found.status],
        "ref": found.ref,
        "lb_public": found.public,
        "lb_private": found.private,
        "error": found.error or None,
    }


def _write(row: LedgerRow, clock: Clock, state: dict[str, Any]) -> None:
    """Add a row where the state is news; a score that is not told any more stays."""
    news = {
        name: value
        for name, value in state.items()
        if value is not None and value != getattr(row, name)
    }
    if news:
        time = clock.now().isoformat(timespec="milliseconds")
        ledger.append(row.model_copy(update=news | {"time": time}))


def _row_of(competition: str, found: Listed) -> LedgerRow:
    """A row for what the platform alone knows."""
    tag = _tag(found)
    return LedgerRow(
        time=_utc(found), competition=competition, file=found.file, sha256=(tag or "")[:8], name="file",
        member=NOBODY, message=_SAID.sub("", found.message), upload=tag and f"{competition}-{tag}.csv",
        **_state(found),
    )  # fmt: skip


def _utc(found: Listed) -> str:
    return found.time.astimezone(UTC).isoformat(timespec="milliseconds")
