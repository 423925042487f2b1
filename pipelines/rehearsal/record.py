"""What a rehearsal found, under the hashes of all that it was about: another code, wheelhouse or data is not rehearsed."""

from typing import Literal

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import read_json, write_json
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import Strict, validate
from pipelines.rehearsal.fault import Fault
from pipelines.values.code_rules import Code

Status = Literal["passed", "failed", "not rehearsed"]


class Subject(Strict):
    """What was rehearsed.

    Attributes:
        code_hash: of the kernel.
        wheelhouse: of the packed wheels; empty where the kernel asks for none.
        data: of the competition's files and folds.
        rules: what the site allows.
    """

    code_hash: str
    wheelhouse: str
    data: str
    rules: Code


class Tried(Strict):
    """One hidden test.

    Attributes:
        name: shrunk or grown.
        rows: that were asked for.
        learned: training rows that were left.
        seconds: wall clock.
        output: the file that fits; None where none does.
    """

    name: str
    rows: int
    learned: int
    seconds: float
    output: str | None


class Rehearsal(Strict):
    """One rehearsal.

    Attributes:
        name: member/kernel.
        time: when it ended, UTC, ISO 8601.
        public_rows: rows of the public test.
        tried: each hidden test that was tried.
        faults: what would fail in the rerun.
        not_rehearsed: what this machine could not try, a sentence each; it counts as passed nowhere.
        is_incomplete: whether that is so much that the whole counts as not rehearsed.
    """

    name: str
    time: str
    subject: Subject
    public_rows: int
    tried: list[Tried] = []
    faults: list[Fault] = []
    not_rehearsed: list[str] = []
    is_incomplete: bool = False

    @property
    def status(self) -> Status:
        if self.faults:
            return "failed"
        return "not rehearsed" if self.is_incomplete or not self.tried else "passed"

    @property
    def output(self) -> str | None:
        """The name of the file that is graded."""
        return self.tried[-1].output if self.tried else None


def save(rehearsal: Rehearsal) -> None:
    write_json(paths.bundle(rehearsal.name) / "rehearsal.json", rehearsal.model_dump(mode="json"))


def load(name: str) -> Rehearsal | None:
    """The last rehearsal of a kernel on this machine; None where there was none.

    Raises:
        UserError: the record is damaged.
    """
    path = paths.bundle(name) / "rehearsal.json"
    return validate(Rehearsal, read_json(path), str(path)) if path.is_file() else None


def passed(name: str, subject: Subject) -> Rehearsal:
    """The rehearsal that lets this very kernel be submitted.

    Raises:
        UserError: there is none, it did not pass, or it was about something else.
    """
    again = f"run `pilsa kernel rehearse {name}`"
    found = load(name)
    if found is None:
        raise UserError(
            f"{name} must pass its dress rehearsal before it is submitted, found none: {again}"
        )
    if found.status != "passed":
        raise UserError(
            f"{name} must pass its dress rehearsal before it is submitted, and {found.status} at {found.time}: {again}"
        )
    changed = [
        what for what in Subject.model_fields if getattr(found.subject, what) != getattr(subject, what)
    ]  # fmt: skip
    if changed:
        names = {
            "code_hash": "its code",
            "wheelhouse": "its wheels",
            "data": "the data",
            "rules": "`code:` of the competition",
        }
        raise UserError(
            f"{name} must be as it was rehearsed, and {', '.join(names[each] for each in changed)} changed since "
            f"{found.time}: {again}"
        )
    return found
