"""Hand a submission in: what the DAG built, or a file somebody brings."""

import math
import re
from dataclasses import asdict
from pathlib import Path

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import say
from pipelines.submitting import grading, guards, queue, reconciling, sending
from pipelines.submitting.clock import Clock
from pipelines.submitting.grading import Origin
from pipelines.submitting.queue import Candidate, Place
from pipelines.submitting.quota import Left
from pipelines.submitting.sending import Ask, Wish
from pipelines.tracking import ledger, records
from pipelines.tracking.ledger import LedgerRow
from pipelines.values import competition as competitions
from pipelines.values import params, submission
from pipelines.values.competition import Competition
from pipelines.values.predictions import Predictions

# What predicted a file that somebody brings: nobody can tell.
_UNKNOWN = "file"
_FATE = {
    "COMPLETE": "scored",
    "SENT": "the platform has it and has not told a score: `pilsa ledger rebuild` asks again, and where it gives no "
    "list, `pilsa ledger set-score {digits} --public SCORE` writes it down",
    "ERROR": "the platform did not take it or could not score it ({error}): correct that and submit again",
    "PENDING": "whether {upload} arrived is not known yet: run the same command again, it looks before it sends; where "
    "the platform gives no list, look at its page, then `pilsa ledger set-score {digits} --public SCORE` or `pilsa "
    "ledger not-sent {digits}`",
}


def _refuse(question: str) -> bool:
    return False


def hand_in(
    competition: str, file: Path | None, message: str, ask: Ask = _refuse, wait: bool = False
) -> LedgerRow:
    """Check a submission, grade it here or send it to its platform, and write it into the ledger.

    Args:
        competition: the competition's name.
        file: a CSV; None for the one that the DAG built, which is then set beside its CV score.
        message: what is new in it.
        ask: a question to the user; whether to go on.
        wait: until the platform has scored it, a quarter of an hour at most.

    Returns:
        Its newest row; its status says what became of it.

    Raises:
        UserError: there is no such file, a guard refuses it, none is left today, or the platform cannot be reached:
            nothing was sent.
    """
    chosen, file = _chosen(competition, file)
    remote = platforms.of(chosen).remote()
    if remote is None:
        row = grading.submit(chosen, file, message, _origin(chosen, file))
    else:
        clock = Clock()
        row = sending.send(_wish(chosen, file, message), remote, ask, clock)
        if wait and row.status == "SENT" and remote.lists:
            say(
                f"{row.file} is sent as {row.ref or row.upload}: waiting for its score",
                is_error=True,
            )
            row = sending.watch(row, remote, clock)
    _tell_run(row)
    return row


def dry_run(competition: str, file: Path | None, message: str) -> str:
    """What `hand_in` would do, in a sentence; nothing is sent and nothing written.

    Raises:
        UserError: it would refuse.
    """
    chosen, file = _chosen(competition, file)
    remote = platforms.of(chosen).remote()
    if remote is None:
        guards.check(chosen, file)
        return f"{file} may be graded here: nothing was written"
    asked = sending.check(_wish(chosen, file, message), remote, Clock())
    return f"{file} may be sent: nothing was{asked}"


def _chosen(competition: str, file: Path | None) -> tuple[Competition, Path]:
    built = paths.submission(competition)
    if file is None and not built.is_file():
        raise UserError(f"{built} must exist and was not found: run `make repro`, or name a file")
    return competitions.load(competition), file or built


def _wish(chosen: Competition, file: Path, message: str) -> Wish:
    checked = guards.form(chosen, file)
    return Wish(chosen, checked, grading.place(file), message, _origin(chosen, file))


def _tell_run(row: LedgerRow) -> None:
    """Show the scores beside the run in MLflow; the ledger has them already, so a failure is only said."""
    if row.run_id is None or row.lb_public is None:
        return
    from pipelines.tracking import lb_metrics

    try:
        lb_metrics.tell(row)
    except UserError as error:
        say(f"the run in MLflow does not show the score: {error}", is_error=True)


def rebuild(competition: str) -> tuple[list[LedgerRow], list[LedgerRow]]:
    """Take the platform's list into the ledger.

    Returns:
        The rows that the ledger lacked, and those that still wait for their score.

    Raises:
        UserError: the platform gives no list, or cannot be reached.
    """
    remote = platforms.of(competitions.load(competition)).remote()
    if remote is None:
        raise UserError(
            f"a platform must be asked for its list, and {competition} is graded here: its ledger is in git"
        )
    new = reconciling.rebuild(competition, remote, Clock())
    for row in ledger.submissions(competition):
        _tell_run(row)
    return new, ledger.waiting(competition)


def queue_up(competition: str, file: Path | None, message: str) -> Candidate:
    """Put a file into the team's queue; None for what the DAG built.

    Raises:
        UserError: it is no valid submission, was sent before, or waits already.
    """
    chosen, file = _chosen(competition, file)
    return queue.add(chosen, file, message, _origin(chosen, file))


def queued(competition: str) -> tuple[Left, list[Place]]:
    """What is left of today, and the queue in its order.

    Raises:
        UserError: the platform cannot be reached, or a candidate is damaged.
    """
    return queue.order(competitions.load(competition), Clock())


def not_sent(competition: str, digits: str) -> LedgerRow:
    """Write down that an attempt never arrived, where no list of the platform can tell: it may then be sent again.

    Raises:
        UserError: the digits stand for no submission, or for one that is known to have arrived.
    """
    row = _row_of(competition, digits)
    if row is None or row.status != "PENDING":
        found = "none" if row is None else f"{row.status} at {row.time}"
        raise UserError(
            f"{digits} must be the sha256, 8 digits or more, of a submission that is PENDING, found {found}: see "
            "`pilsa ledger`"
        )
    row = row.model_copy(
        update={"time": ledger.now(), "status": "ERROR", "error": "not on the platform's page"}
    )
    ledger.append(row)
    return row


def set_score(competition: str, submitted: str, public: float, private: float | None) -> LedgerRow:
    """Write down what a platform said of a submission that was uploaded by hand: one more row of the ledger.

    Args:
        competition: the competition's name.
        submitted: the CSV, or the first 8 or more hex digits of a row's `sha256`.
        public, private: the leaderboard's scores; without a private one the known one stays.

    Raises:
        UserError: a score is no finite number, the digits stand for several rows, or the file is no
            submission of this competition.
    """
    if not all(math.isfinite(score) for score in (public, private or 0)):
        raise UserError(
            f"a score must be a finite number, found {public} and {private}: write what the platform shows"
        )
    before = _row_of(competition, submitted) or _new_row(
        competitions.load(competition), Path(submitted)
    )
    scores = {"lb_public": public, "lb_private": before.lb_private if private is None else private}
    row = before.model_copy(update={"time": ledger.now(), "status": "COMPLETE", **scores})
    ledger.append(row)
    return row


def _row_of(competition: str, digits: str) -> LedgerRow | None:
    """The submission with this beginning of a `sha256`; None where it is none."""
    if not re.fullmatch("[0-9a-f]{8,64}", digits):
        return None
    known = ledger.submissions(competition)
    found = sorted({row.sha256 for row in known if row.sha256.startswith(digits)})
    if len(found) > 1:
        names = ", ".join(sha256[:16] for sha256 in found)
        raise UserError(f"{digits} must stand for one submission, found {names}: write more digits")
    return ledger.find(found[0], competition) if found else None


def _new_row(competition: Competition, file: Path) -> LedgerRow:
    """A row for a file that has the right form; its newest one where the ledger has it already."""
    digest = guards.form(competition, file).sha256
    return ledger.find(digest, competition.name) or LedgerRow(
        **asdict(_origin(competition, file)), time=ledger.now(), competition=competition.name,
        file=grading.place(file), sha256=digest, message="", status="PENDING",
    )  # fmt: skip


def _origin(competition: Competition, file: Path) -> Origin:
    """The run behind the file: of what the DAG built, if it still says what that run predicted."""
    member, built = params.load().member, paths.submission(competition.name)
    if file.resolve() != built:
        return Origin(member, _UNKNOWN)
    predictions = Predictions.load(paths.ensembles(competition.name) / "chosen.npz")
    sample = submission.read(paths.sample(competition.name), competition)
    frame = submission.build(competition, sample, predictions)
    if submission.text_of(frame).encode() != built.read_bytes():
        say(
            f"{built.name} is not what the DAG predicts now: it counts as a file of yours (`dvc repro` builds it anew)",
            is_error=True,
        )
        return Origin(member, _UNKNOWN)
    record = records.read(paths.record(competition.name, predictions.name))
    return Origin(member, predictions.name, record.cv_mean, record.run_id, record.folds_hash)


def sentence(row: LedgerRow) -> str:
    """What became of a submission, in words, and what to do next."""
    scores = [("CV", row.cv_mean), ("LB public", row.lb_public), ("LB private", row.lb_private)]
    shown = [f"{name} {value:.4f}" for name, value in scores if value is not None]
    known = (
        f"{row.competition}: {row.name}: {', '.join(shown)}{'; ' * bool(shown)}{_FATE[row.status]}"
    )
    facts = {"error": row.error, "digits": row.sha256[:8], "upload": row.upload, "ref": row.ref}
    return f"{known.format(**facts)} (row {row.sha256[:8]} of the ledger)"
