"""Send a submission to a platform's server: exactly once, whatever breaks on the way.

Before the upload its row, PENDING, is in the ledger, with a name that no other attempt has. Whoever comes after a call
that was killed looks for this name in the platform's list before anything is sent again.
"""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.platforms._remote import Listed, Refused, Remote, UnknownOutcome
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import say
from pipelines.plumbing.process import exclusive
from pipelines.submitting import guards, quota, reconciling
from pipelines.submitting.clock import Clock
from pipelines.submitting.grading import Origin
from pipelines.submitting.guards import Checked
from pipelines.tracking import ledger
from pipelines.tracking.ledger import LedgerRow
from pipelines.values import submission
from pipelines.values.competition import Competition

# Seconds: for the list to show what was just sent, and for a score.
_UNTIL_LISTED, _UNTIL_SCORED = 30, 15 * 60

Ask = Callable[[str], bool]


@dataclass(frozen=True)
class Wish:
    """What is to be sent.

    Attributes:
        competition: on whose platform.
        checked: in form.
        file: as the ledger names it.
        message: a few words about it.
        origin: what predicted it.
    """

    competition: Competition
    checked: Checked
    file: str
    message: str
    origin: Origin


def send(wish: Wish, remote: Remote, ask: Ask, clock: Clock) -> LedgerRow:
    """Send it, unless it was sent before; finish what an earlier call left open.

    Args:
        wish: what is to be sent.
        remote: the platform's server.
        ask: a question to the user; whether to go on.
        clock: the time.

    Returns:
        Its newest row: SENT or COMPLETE, ERROR where the platform did not take it, or PENDING where nobody knows yet
        whether it arrived.

    Raises:
        UserError: it may not be sent: nothing was.
    """
    name = wish.competition.name
    with exclusive(paths.cache() / "locks" / f"submit-{name}", f"submitting {wish.file}"):
        row = _finished(wish, remote, clock)
        if row is None:
            _check(wish, remote, ask, clock)
            row = _upload(wish, remote, clock)
    return row


def check(wish: Wish, remote: Remote, clock: Clock) -> str:
    """What `send` would check before it sends, and what it would ask; nothing is sent, nothing is written.

    Raises:
        UserError: it may not be sent.
    """
    asked: list[str] = []

    def note(question: str) -> bool:
        asked.append(question)
        return True

    _check(wish, remote, note, clock)
    return "; it would ask: " + " ".join(asked) if asked else ""


def watch(row: LedgerRow, remote: Remote, clock: Clock) -> LedgerRow:
    """Wait for a score, a quarter of an hour at most; the newest row."""
    return _look(row, remote, clock, _UNTIL_SCORED, ("COMPLETE", "ERROR"), expire=False)


def _finished(wish: Wish, remote: Remote, clock: Clock) -> LedgerRow | None:
    """The end of an earlier attempt that was left open; None where this content must be sent."""
    before = ledger.find(wish.checked.sha256, wish.competition.name)
    if before is None or before.status != "PENDING":
        return None
    say(
        f"{wish.file} was begun to be sent at {before.time}: looking whether it arrived",
        is_error=True,
    )
    if not remote.lists:
        return before
    row = _look(before, remote, clock, _UNTIL_LISTED, ("SENT", "COMPLETE", "ERROR"))
    return None if row.status == "ERROR" and not row.ref else row


def _check(wish: Wish, remote: Remote, ask: Ask, clock: Clock) -> None:
    name, sha256 = wish.competition.name, wish.checked.sha256
    guards.check_new(wish.competition, wish.file, sha256)
    listed: list[Listed] = remote.submissions() if remote.lists else []
    twin = reconciling.sent_by_others(sha256, listed)
    if twin is not None:
        raise UserError(
            f"a submission must be new, and the platform lists {wish.file} already, as {twin.ref} ({twin.file}): "
            "`pilsa ledger rebuild` takes it into the ledger"
        )
    left = quota.left(wish.competition, remote.allowance(), clock.now())
    left.check(name)
    say(left.sentence(), is_error=True)
    cv_mean, folds_hash = wish.origin.cv_mean, wish.origin.folds_hash
    questions = guards.questions(wish.competition, wish.checked, cv_mean, folds_hash)
    if remote.deadline is not None and clock.now() > remote.deadline:
        where = f": see {wish.competition.url}" if wish.competition.url else ""
        over = f"{name} was over at {remote.deadline:%Y-%m-%d %H:%M %Z}, and what is late is not ranked{where}."
        questions.insert(0, over)
    for question in questions:
        if not ask(question):
            raise UserError(f"{wish.file} was not sent: {question}")


def _upload(wish: Wish, remote: Remote, clock: Clock) -> LedgerRow:
    name, sha256 = wish.competition.name, wish.checked.sha256
    upload = f"{name}-{sha256[:8]}-{secrets.token_hex(3)}.csv"
    # What was checked is what is sent, also where somebody writes the file anew meanwhile.
    copy = paths.sent(name) / upload
    write_text(copy, submission.text_of(wish.checked.frame))
    row = LedgerRow(
        **asdict(wish.origin), time=_now(clock), competition=name, file=wish.file, sha256=sha256,
        message=wish.message, status="PENDING", upload=upload,
    )  # fmt: skip
    ledger.append(row)
    try:
        ref = remote.upload(copy, upload, reconciling.said(wish.message, upload))
    except Refused as error:
        return _next(row, clock, status="ERROR", error=str(error))
    except UnknownOutcome as error:
        say(f"{error}: looking whether it arrived", is_error=True)
        ref = None
        if not remote.lists:
            return row
    if not remote.lists:
        return _next(row, clock, status="SENT", ref=ref)
    if ref is not None:
        row = _next(row, clock, ref=ref)
    # A submission exists when the platform lists it, and not when a client says so.
    return _look(row, remote, clock, _UNTIL_LISTED, ("SENT", "COMPLETE", "ERROR"))


def _next(row: LedgerRow, clock: Clock, **state: str | None) -> LedgerRow:
    changed = row.model_copy(update=state | {"time": _now(clock)})
    ledger.append(changed)
    return changed


def _now(clock: Clock) -> str:
    return clock.now().isoformat(timespec="milliseconds")


def _look(
    row: LedgerRow,
    remote: Remote,
    clock: Clock,
    patience: float,
    wanted: tuple[str, ...],
    expire: bool = True,
) -> LedgerRow:
    """Look at the platform's list until the submission has one of these states, or patience ends.

    Who does not hold the lock of sending passes `expire=False`: see `reconciling.update`.
    """
    said = ""
    for _ in clock.looks(patience):
        try:
            reconciling.update(row.competition, remote, clock, expire)
        except UserError as error:  # it may be reachable again at the next look
            if str(error) != said:
                said = str(error)
                say(f"the platform's list: {said}", is_error=True)
        row = _newest(row)
        if row.status in wanted:
            break
    return row


def _newest(row: LedgerRow) -> LedgerRow:
    return next(one for one in ledger.submissions(row.competition) if one.key == row.key)


def copy_of(row: LedgerRow) -> Path | None:
    """The file that was sent, where it was sent from here."""
    path = paths.sent(row.competition) / (row.upload or "")
    return path if path.is_file() else None
