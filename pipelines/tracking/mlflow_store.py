"""The run store: MLflow as a mirror of the records, and the only file that knows MLflow.

A run is opened before the work starts and closed from its record, also where it failed or was told to
stop. What `kill -9` or a power cut ends leaves no record: it stays RUNNING until the next start closes it.
All runs but those can be rebuilt from `.cache/pilsa/runs/`.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import disk_errors
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.plumbing.process import Killed, exclusive
from pipelines.tracking import endings, measurements, reasons, records, store_names, ui_view
from pipelines.tracking.liveness import host, lives, process_tags
from pipelines.tracking.records import Head, Record, Status
from pipelines.tracking.store_file import REBUILD, check, database, uri

# MLflow's own limits for one log_batch call.
_METRICS_PER_BATCH = 1000
_PARAMETERS_PER_BATCH = 100
# Nothing leaves the machine, and what MLflow has to say about itself stays quiet.
_OFFLINE = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
_QUIET = {"MLFLOW_LOGGING_LEVEL": "ERROR"}
_BARE_SERVER = {"MLFLOW_MODEL_CATALOG_URI": "", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


class Running:
    """A run that is open. `finish` closes it well; it is called once, as the last thing."""

    def __init__(self, client: Any, mlflow_id: str, head: Head) -> None:
        self.client, self.mlflow_id, self.is_finished = client, mlflow_id, False
        self.head, self.started = head, time.monotonic()
        self.folder: Path | None = None  # of the history, once there is one

    def finish(self, folder: Path) -> None:
        """Mirror an archive folder into this run and close it with the record's status.

        Raises:
            UserError: the folder holds no record, or the store cannot take it.
        """
        self.folder, record = folder, records.read(folder / "record.json")
        with _one_at_a_time(), _store_errors():
            for twin in _mirrored(self.client, record):  # by `mirror_all` in another process
                is_other = twin.info.run_id != self.mlflow_id
                if is_other and twin.info.lifecycle_stage == "active":
                    self.client.delete_run(twin.info.run_id)
            _fill(self.client, self.mlflow_id, record, folder)
        self.is_finished = True


@contextmanager
def running(head: Head) -> Iterator[Running]:
    """Open a run for the length of the block, and close it by how the block ends.

    FINISHED needs `finish`; an exception gives FAILED with its reason, SIGTERM and Ctrl-C give KILLED, and
    both enter the history. `kill -9` leaves no record; `reap` closes that run.

    Raises:
        UserError: the store cannot be written; nothing has been trained yet.
        MemberFailed: the block ended without `finish`.
    """
    client = _connect()
    _reap(client)
    with _store_errors():
        with _one_at_a_time():
            experiment = _experiment(client, head.competition)
        tags = _tags(head) | process_tags()
        run = client.create_run(experiment, tags=tags, run_name=store_names.of_run(head.name))
    handle = Running(client, run.info.run_id, head)
    try:
        yield handle
        if not handle.is_finished:
            raise MemberFailed(
                f"{head.name}: a run must end with its record, and it ended without: rerun"
            )
    except (Killed, KeyboardInterrupt) as error:
        _close(handle, "KILLED", error)
        raise
    except BaseException as error:
        _close(handle, "FAILED", error)
        raise


def _close(handle: Running, status: Status, error: BaseException) -> None:
    """Close a run that did not end well and keep its record; what fails now must not hide why it did not."""
    try:
        # First, and without the record: a full disk may have room for these few bytes alone.
        handle.client.set_tag(handle.mlflow_id, "reason", reasons.of(error))
        handle.client.set_terminated(handle.mlflow_id, status)
    except Exception as second:
        error.add_note(f"and the run store could not be told ({second}): the next run will tell it")
    try:
        if handle.folder is None:
            seconds = time.monotonic() - handle.started
            folder = endings.archive(handle.head, seconds, status, error)
        else:
            folder = endings.amend(handle.folder, status, error)
        handle.finish(folder)
    except Exception as second:
        error.add_note(f"and its record could not be kept or mirrored ({second})")


def reap() -> int:
    """Close the runs of this machine whose process no longer lives, as KILLED; return how many there were.

    They left no record, so a store that is rebuilt does not have them.
    """
    return _reap(_connect())


def _reap(client: Any) -> int:
    with _store_errors():
        experiments = [found.experiment_id for found in client.search_experiments()]
        here = f"attributes.status = 'RUNNING' and tags.`pilsa.host` = '{host()}'"
        dead = [run for run in client.search_runs(experiments, here) if not lives(run.data.tags)]
        for run in dead:
            # It may have died between its last value and its end.
            status = run.data.tags.get("pilsa.status", "KILLED")
            if status == "KILLED":
                client.set_tag(run.info.run_id, "reason", "its process or its machine stopped")
            client.set_terminated(run.info.run_id, status)
    return len(dead)


def mirror(folder: Path) -> bool:
    """Bring one archived run into the store, unless it is there; return whether it was new.

    A run that somebody deleted in MLflow's pages counts as there.

    Raises:
        UserError: the folder holds no record, or the store cannot be written.
    """
    record = records.read(folder / "record.json")
    with opened() as client:
        if _mirrored(client, record):
            return False
        run = client.create_run(
            _experiment(client, record.competition),
            start_time=_milliseconds(folder) - round(1000 * record.seconds),
            tags=_tags(record.head) | process_tags(),
            run_name=store_names.of_run(record.name),
        )
        try:
            _fill(client, run.info.run_id, record, folder)
        except BaseException:
            client.delete_run(run.info.run_id)
            raise
    return True


def mirror_all() -> int:
    """Bring every run of the history into the store; return how many were new.

    Raises:
        UserError: the store cannot be written.
        MemberFailed: some folders hold no readable run; all others are in the store.
    """
    reap()
    new, damaged = 0, []
    for folder in sorted(path for path in paths.history().glob("[!.]*") if path.is_dir()):
        try:
            records.read(folder / "record.json")
        except UserError as error:
            damaged.append(str(error))
        else:
            new += mirror(folder)
    if damaged:
        raise MemberFailed(
            f"every folder of {paths.history()} must hold a run, found {len(damaged)} that do not ({new} others "
            f"were new): delete them\n" + "\n".join(damaged)
        )
    return new


def ui_command(
    competition: str, greater_is_better: bool, host: str = "127.0.0.1", port: int = 5000
) -> tuple[str, list[str], dict[str, str]]:
    """The address of a competition's runs, the command that serves it, and that command's environment.

    Args:
        competition: the experiment on which the pages open; its best run comes first.
        greater_is_better: the direction of its metric.
        host: the address to listen on; 127.0.0.1 is reached from this machine alone.
        port: 1 … 65535.

    Raises:
        UserError: the store cannot be opened or written.
    """
    with opened() as client:
        experiment = _experiment(client, competition)
        client.set_experiment_tag(experiment, ui_view.TAG, ui_view.state(greater_is_better))
    command = [
        sys.executable, "-m", "mlflow", "ui", "--host", host, "--port", str(port), "--workers", "1",
        "--backend-store-uri", uri(database()), "--default-artifact-root", _artifacts().as_uri(),
    ]  # fmt: skip
    return ui_view.address(host, port, experiment), command, os.environ | _OFFLINE | _BARE_SERVER


def _artifacts() -> Path:
    return paths.mlruns() / "artifacts"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with exclusive(paths.mlruns() / ".lock", "writing to the run store"):
        yield


@contextmanager
def opened() -> Iterator[Any]:
    """A client of the store, while nobody else writes to it; UserError as for all that is written here."""
    client = _connect()
    with _one_at_a_time(), _store_errors():
        yield client


def _connect() -> Any:
    """A client of the store, which is made first where there is none.

    Raises:
        UserError: the folder or the database cannot be written, is damaged, or is of another MLflow.
    """
    file = database()
    with disk_errors(paths.mlruns()):
        paths.mlruns().mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=paths.mlruns()).close()
    with _one_at_a_time():
        if file.exists():
            check(file)
            return _client(file)
        # A kill in the middle of the first migration must not leave half a database behind.
        with tempfile.TemporaryDirectory(dir=paths.mlruns(), prefix=".new-") as folder:
            _client(Path(folder) / "mlflow.db")
            (Path(folder) / "mlflow.db").replace(file)
        return _client(file)


def _client(file: Path) -> Any:
    for name, value in (_OFFLINE | _QUIET).items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    try:
        return MlflowClient(tracking_uri=uri(file), registry_uri=uri(file))
    except Exception as error:  # of MLflow, SQLAlchemy or Alembic
        raise UserError(
            f"{file} must be a run store of this MLflow and is damaged, older or newer "
            f"({_first_line(error)}): {REBUILD}"
        ) from error


@contextmanager
def _store_errors() -> Iterator[None]:
    """Turn what MLflow says when the store fails in the middle into a UserError."""
    from mlflow.exceptions import MlflowException

    try:
        with disk_errors(paths.mlruns()):
            yield
    except MlflowException as error:
        raise UserError(
            f"the run store must take this run and did not ({_first_line(error)}): free some space; if it "
            f"is damaged, {REBUILD}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _experiment(client: Any, competition: str) -> str:
    """The id of a competition's experiment, which is made where there is none."""
    place = (_artifacts() / competition).as_uri()
    found = client.get_experiment_by_name(competition)
    if found is None:
        return client.create_experiment(competition, artifact_location=place)
    if found.artifact_location != place:
        raise UserError(
            f"artifacts of {competition} must lie under {_artifacts()}, and the run store names "
            f"{found.artifact_location} (was the folder moved?): {REBUILD}"
        )
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def _tags(head: Head) -> dict[str, str]:
    """Tags by which MLflow's pages can filter; what is None is left out."""
    wanted = head.model_dump(exclude={"name"}) | {
        "mlflow.user": head.member,
        "mlflow.source.git.commit": head.git_commit,
    }
    return {name: str(value) for name, value in wanted.items() if value is not None}


def _mirrored(client: Any, record: Record) -> list[Any]:
    """The runs, deleted ones too, that already are this record."""
    from mlflow.entities import ViewType

    experiment = _experiment(client, record.competition)
    wanted = f"tags.`pilsa.run_id` = '{record.run_id}'"
    return list(client.search_runs([experiment], wanted, run_view_type=ViewType.ALL))


def _fill(client: Any, mlflow_id: str, record: Record, folder: Path) -> None:
    """Log everything, and the tags that say so last: a run without them is mirrored anew."""
    from mlflow.entities import Param, RunTag

    parameters: dict[str, str] = {}
    for name, value in record.parameters.items():
        parameters[store_names.plain(name, parameters)] = str(value)
    for part in _parts([Param(*each) for each in parameters.items()], _PARAMETERS_PER_BATCH):
        client.log_batch(mlflow_id, params=part)
    for part in _parts(_metrics(record, folder), _METRICS_PER_BATCH):
        client.log_batch(mlflow_id, metrics=part)
    client.log_artifacts(mlflow_id, str(folder))
    said = {"marks": "; ".join(record.marks), "reason": record.reason or ""}
    tags = {name: text for name, text in said.items() if text}
    tags |= {"pilsa.run_id": record.run_id, "pilsa.status": record.status}
    client.log_batch(mlflow_id, tags=[RunTag(name, text) for name, text in tags.items()])
    client.set_terminated(mlflow_id, record.status, end_time=_milliseconds(folder))


def _parts(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _milliseconds(folder: Path) -> int:
    """When a run was archived, in milliseconds since 1970; a rebuilt store then shows the same times."""
    return round(1000 * (folder / "record.json").stat().st_mtime)


def _metrics(record: Record, folder: Path) -> list[Any]:
    from mlflow.entities import Metric

    moment = _milliseconds(folder)
    return [
        Metric(found.name[: store_names.LONGEST], found.value, moment, found.step)
        for found in measurements.of(record, folder / "history.csv")
    ]
