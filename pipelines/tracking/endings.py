"""How a run that did not end well enters the history: with its reason."""

from pathlib import Path

from pipelines.tracking import reasons, records
from pipelines.tracking.records import Head, Run, Status


def archive(head: Head, seconds: float, status: Status, error: BaseException) -> Path:
    """Put a run that left no record into the history.

    Args:
        head: all that was known of it when it started; its parameters and marks never came.
        seconds: since it started, without those of earlier, killed calls.
        status: FAILED or KILLED.
        error: why.

    Returns:
        Its folder.

    Raises:
        UserError: the disk is full or read-only.
    """
    name = records.run_id(head.model_dump() | {"status": status})
    run = Run(run_id=name, seconds=round(seconds, 3))
    return records.archive(records.unfinished(head, run, status, reasons.of(error)), {})


def amend(folder: Path, status: Status, error: BaseException) -> Path:
    """Say in the record of an archived run that it did not end well after all; return its folder.

    Its results are gone, as those of any run that fails; another record would make two runs of one. The
    scores stay, since the run store has them too.

    Raises:
        UserError: the folder holds no record, or the disk is full or read-only.
    """
    path = folder / "record.json"
    change = {"status": status, "reason": reasons.of(error)}
    records.write(path, records.read(path).model_copy(update=change))
    return folder
