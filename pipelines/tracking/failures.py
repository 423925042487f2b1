"""Why a stage failed last: kept until it works, since a failed stage may leave no output."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.plumbing import atomic, paths
from pipelines.tracking import reasons


@dataclass(frozen=True)
class Failure:
    """A stage that failed.

    Attributes:
        stage: DVC's address, such as `train@digits-knn`.
        reason: the message that it ended with, at most 500 characters and without secrets.
    """

    stage: str
    reason: str

    @property
    def retry(self) -> str:
        """The command that tries this stage alone again (`-f` without `-s` repeats all before it)."""
        return f"dvc repro -s -f {self.stage}"


def address(stage: str, competition: str, name: str = "") -> str:
    """DVC's name of a stage of the matrix."""
    return f"{stage}@{competition}" + (f"-{name}" if name else "")


def file_name(stage: str, *given: str) -> str:
    """The address as a file name: a kernel's slash becomes a tilde, which no name holds."""
    return address(stage, *given).replace("/", "~")


def remember(reason: str, stage: str, *given: str) -> None:
    """Keep why a stage failed; what looks like a secret is taken out, since the page shows the reason."""
    content = {"stage": address(stage, *given), "reason": reasons.shown(reason)}
    atomic.write_json(_path(stage, *given), content)


def forget(stage: str, *given: str) -> None:
    _path(stage, *given).unlink(missing_ok=True)


def find(stage: str, *given: str) -> Failure | None:
    """The last failure of a stage, or None where it worked or never ran."""
    path = _path(stage, *given)
    return Failure(**atomic.read_json(path)) if path.is_file() else None


def _path(stage: str, *given: str) -> Path:
    return paths.failures() / f"{file_name(stage, *given)}.json"
