"""Why a rehearsal ended, by what the run itself showed: its exception, its limits, and what its process wrote down."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipelines.cells import conversion
from pipelines.rehearsal import attempts
from pipelines.rehearsal.events import Event
from pipelines.rehearsal.fault import Fault
from pipelines.rehearsal.scene import Place, Scene

_CLIENT = re.compile(r"kaggle(hub)?\b")
_GPU = re.compile(r"cuda|gpu|nvidia|cudnn|opencl", re.IGNORECASE)
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_MEMORY = re.compile(r"^took \S+ \w+ of memory|ran out of memory")
_CELL = re.compile(r"in cell (\d+)")
_ANSWERS = re.compile(r"answer|solution|truth|leak|label|correct", re.IGNORECASE)
# What a wrong count ends in, and from which on a number in the code is hardly another one.
_OF_COUNTS, _TELLING = ("AssertionError", "IndexError", "KeyError", "ValueError"), 20
_NO_FILE = ("FileNotFoundError", "NotADirectoryError", "IsADirectoryError")


@dataclass(frozen=True, eq=False)
class Failure:
    """The exception that ended a run.

    Attributes:
        error: its class.
        message: its text.
        source: the line that raised it.
        events: what its cell did before.
    """

    error: str
    message: str
    at: Place
    source: str
    events: list[Event]

    @property
    def text(self) -> str:
        return f"{self.error}: {self.message}".removesuffix(": ")


def faults(scene: Scene) -> list[Fault]:
    """All that would fail in the rerun: what ended this run, and what it caught and passed over."""
    ended, tried = _end(scene), list(attempts.faults(scene))
    if ended is None:
        return tried
    # What the cell tried says what its exception comes of.
    if ended.kind == "error" and any(fault.cell == ended.cell for fault in tried):
        return tried
    return [ended, *tried]


def _end(scene: Scene) -> Fault | None:
    """What ended the run; None where it came to its end."""
    execution = scene.execution
    if execution.status == "FINISHED":
        return None
    reason = execution.reason or "it ended without a reason"
    named = _CELL.search(reason)
    at = scene.traced(int(named[1]) if named else None)
    if reason.startswith("took more than its"):
        return scene.fault(
            "time", f"the whole run must end within {scene.code.hours:g} h", f"more ({reason.partition(':')[0]})",
            "make this cell faster, and mind that the hidden test may be larger still", at,
        )  # fmt: skip
    if _MEMORY.search(reason):
        return scene.too_much_memory(reason.partition(":")[0], at)
    if execution.failed_cell is None:
        return scene.fault("error", "the run must come to its end", reason, "correct it", at)
    return _of_exception(scene)


def _of_exception(scene: Scene) -> Fault:
    failed = scene.execution.failed_cell
    assert failed is not None  # or there would be no exception
    at = scene.traced(failed.number)
    here = [event for event in scene.events if scene.place_of(event).cell == failed.number]
    failure = Failure(failed.error, failed.message, at, scene.text_at(at), here)
    for explain in _EXPLANATIONS:
        if (fault := explain(scene, failure)) is not None:
            return fault
    return scene.fault(
        "error", "every cell must run with a hidden test of other rows and another count", failure.text,
        "find what it takes for granted of the public test", at,
    )  # fmt: skip


def _no_module(scene: Scene, failure: Failure) -> Fault | None:
    module = _NO_MODULE.search(failure.message)
    if module is None:
        return None
    if _CLIENT.match(module[1]):
        return scene.competition_download(f"the use of {module[1]}", failure.at)
    return scene.missing_wheel(module[1], f"none ({failure.text})", failure.at)


def _client(scene: Scene, failure: Failure) -> Fault | None:
    """Kaggle's client ends in its own ways where it can reach nobody."""
    used = any(event.event == "client" for event in failure.events)
    return scene.competition_download(failure.text, failure.at) if used else None


def _memory(scene: Scene, failure: Failure) -> Fault | None:
    is_short = failure.error == "MemoryError" or "Unable to allocate" in failure.message
    return scene.too_much_memory(failure.text, failure.at) if is_short else None


def _no_file(scene: Scene, failure: Failure) -> Fault | None:
    """A file that is not there: below another folder, of the public test, or of its answers."""
    quoted = re.findall(r"['\"]([^'\"\n]{1,300})['\"]", failure.message)
    missing = [event.what for event in failure.events if event.event == "missing"]
    is_missing = failure.error in _NO_FILE or "No such file or directory" in failure.message
    if not (is_missing and (missing or quoted)):
        return None
    path = missing[-1] if missing else quoted[-1]
    if scene.is_given_away(path):
        return scene.gone(path, failure.at)
    below = re.search(r"(?:^|/)input(?:/(.*))?$", path)
    if below is None:
        # A program has neither folder nor suffix.
        is_file = failure.error in _NO_FILE and ("/" in path or "." in path)
        return _elsewhere(scene, path, "…", failure.at) if is_file else None
    parts = PurePosixPath(below[1] or ".").parts
    if parts and parts[0] != scene.folder:
        return _elsewhere(scene, path, "/".join(parts[1:]) or "…", failure.at)
    return scene.gone(path, failure.at)


def _elsewhere(scene: Scene, path: str, name: str, at: Place) -> Fault:
    """A file outside of the competition's folder; answers, where its name says so."""
    if _ANSWERS.search(path):
        return scene.gone(path, at)
    right = f"/kaggle/input/{scene.folder}"
    return scene.fault(
        "path",
        f"files must be read below {right}, the folder of this competition",
        path,
        f"write {right}/{name}",
        at,
    )


def _gpu(scene: Scene, failure: Failure) -> Fault | None:
    is_meant = _GPU.search(failure.message) or _GPU.search(failure.source)
    return scene.no_gpu(failure.text, failure.at) if is_meant else None


def _row_count(scene: Scene, failure: Failure) -> Fault | None:
    number = re.compile(rf"(?<![\w.]){scene.public_rows}(?![\w.])")
    texts = [failure.message, failure.source]
    if (
        failure.error in _OF_COUNTS and scene.public_rows >= _TELLING
    ):  # it may stand in another line or cell
        texts += [cell.source for cell in conversion.code_cells(scene.execution.notebook)]
    if not any(map(number.search, texts)):
        return None
    return scene.fault(
        "row count", "the count of test rows must be read from the test file",
        f"{scene.public_rows}, that of the public test ({failure.text})", "write len(test) in its place", failure.at,
    )  # fmt: skip


_EXPLANATIONS: tuple[Callable[[Scene, Failure], Fault | None], ...] = (
    _no_module, _client, _memory, _no_file, _gpu, _row_count,
)  # fmt: skip
