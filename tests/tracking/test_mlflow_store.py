import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.plumbing.process import Killed
from pipelines.tracking import mlflow_store, records, store_file
from pipelines.values import scores
from tests.conftest import Workshop
from tests.tracking.finished_run import Work

CODE_ROOT = Path(__file__).parents[2]


@pytest.fixture
def work(workshop: Workshop, empty_store: Path) -> Work:
    """A run in hand, in a repository whose store is empty."""
    paths.mlruns().mkdir()
    shutil.copyfile(empty_store, paths.mlruns() / "mlflow.db")
    return Work()


def client() -> Any:
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{paths.mlruns() / 'mlflow.db'}")


def runs(store: Any = None) -> list[Any]:
    store = store or client()
    experiments = [found.experiment_id for found in store.search_experiments()]
    return list(store.search_runs(experiments))


def counts() -> list[int]:
    """Rows of every table that holds what was logged, and files under artifacts."""
    tables = ("experiments", "runs", "metrics", "latest_metrics", "params", "tags")
    with closing(sqlite3.connect(paths.mlruns() / "mlflow.db")) as database:
        rows = [database.execute(f"select count(*) from {table}").fetchone()[0] for table in tables]
    return [*rows, len(list((paths.mlruns() / "artifacts").rglob("*")))]


def series(name: str) -> list[tuple[int, float]]:
    store = client()
    points = store.get_metric_history(runs(store)[0].info.run_id, name)
    return sorted((point.step, point.value) for point in points)


def test_a_first_start_makes_the_store(empty_store: Path) -> None:
    with closing(sqlite3.connect(empty_store)) as database:
        assert database.execute("select name from experiments").fetchall() == [("Default",)]
    assert sorted(path.name for path in empty_store.parent.iterdir()) == [".lock", "mlflow.db"]


@pytest.mark.slow
def test_two_first_starts_at_once_make_one_store(workshop: Workshop) -> None:
    code = "from pipelines.tracking import mlflow_store; mlflow_store.reap()"
    environment = os.environ | {"PYTHONPATH": str(CODE_ROOT)}
    starts = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    assert [start.wait() for start in starts] == [0, 0]
    assert sorted(path.name for path in paths.mlruns().iterdir()) == [".lock", "mlflow.db"]


def test_a_run_is_running_and_then_finished(work: Work) -> None:
    with mlflow_store.running(work.head) as logged:
        (run,) = runs()
        assert (run.info.status, run.info.run_name) == ("RUNNING", "models/knn")
        expected = {"member": "m01", "kind": "baseline", "competition": "tiny", "week": "2",
                    "git_commit": "abc+changes", "data_hash": "d" * 16, "folds_hash": work.folds.hash,
                    "mlflow.user": "m01", "pilsa.pid": str(os.getpid())}  # fmt: skip
        assert expected.items() <= run.data.tags.items()
        logged.finish(work.archive())
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert client().get_experiment(run.info.experiment_id).name == "tiny"


def test_everything_of_a_record_is_mirrored(work: Work) -> None:
    record = records.read(work.archive() / "record.json")
    assert mlflow_store.mirror_all() == 1
    (run,) = runs()
    for name in ("cv_mean", "cv_std", "cv_pooled", "fold0", "seconds"):
        assert run.data.metrics[name] == getattr(record, name)
    assert series("fold_score") == list(enumerate(record.fold_scores))
    assert series("fold0/loss") == [(0, 1.5), (1, 0.5)]
    assert series("fold0/val_loss") == [(0, 1.25)]  # the empty cell is no point
    assert series("fold1/loss") == [(0, 1.0)]
    assert run.data.params == {"k": "5", "weights": "rank", "학습률": "0.1", "p": "None"}
    assert run.data.tags["marks"] == "tuned on folds 1…"
    store = client()
    names = [found.path for found in store.list_artifacts(run.info.run_id)]
    assert names == ["history.csv", "pictures", "predictions.npz", "record.json"]
    (copied,) = (paths.mlruns() / "artifacts" / "tiny").rglob("predictions.npz")
    assert copied.read_bytes() == Path("predictions.npz").read_bytes()


def test_a_mirrored_run_keeps_the_times_of_the_work(work: Work) -> None:
    folder = work.archive()
    os.utime(folder / "record.json", (1_700_000_000, 1_700_000_000))
    mlflow_store.mirror(folder)
    (run,) = runs()
    assert (run.info.start_time, run.info.end_time) == (1_699_999_998_500, 1_700_000_000_000)


def test_mirroring_twice_changes_nothing(work: Work) -> None:
    with mlflow_store.running(work.head) as logged:
        logged.finish(work.archive())
    work.archive()
    assert mlflow_store.mirror_all() == 1
    before = counts()
    assert mlflow_store.mirror_all() == 0
    assert counts() == before
    assert len(runs()) == 2


def test_the_store_is_rebuilt_from_the_history(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    with mlflow_store.running(work.head) as logged:
        logged.finish(work.archive())
    (before,) = runs()
    shutil.copytree(".cache", "clone/.cache")
    shutil.copy("params.yaml", "clone")
    monkeypatch.chdir("clone")
    assert mlflow_store.mirror_all() == 1
    (after,) = runs()
    assert after.data.metrics == before.data.metrics
    assert after.data.params == before.data.params


def test_a_run_deleted_in_the_pages_stays_deleted(work: Work) -> None:
    folder = work.archive()
    mlflow_store.mirror(folder)
    client().delete_run(runs()[0].info.run_id)
    assert not mlflow_store.mirror(folder)
    assert runs() == []


def test_finish_and_a_mirror_in_between_leave_one_run(work: Work) -> None:
    with mlflow_store.running(work.head) as logged:
        folder = work.archive()
        assert mlflow_store.mirror(folder)
        logged.finish(folder)
    (run,) = runs()
    assert run.info.run_id == logged.mlflow_id


def test_damaged_folders_are_named_and_the_others_mirrored(work: Work) -> None:
    work.archive()
    (paths.history() / "0-1").mkdir()
    (paths.history() / ".half").mkdir()
    with pytest.raises(MemberFailed, match=r"found 1 that do not \(1 others were new\)(.|\n)*0-1"):
        mlflow_store.mirror_all()
    assert len(runs()) == 1


def test_a_mirror_that_fails_leaves_no_run(work: Work) -> None:
    folder = work.archive()
    (folder / "history.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UserError, match="columns fold and epoch"):
        mlflow_store.mirror(folder)
    assert runs() == []
    (folder / "history.csv").write_text("\n", encoding="utf-8")  # what an empty table is written as
    assert mlflow_store.mirror(folder)


def test_long_runs_are_logged_in_parts(work: Work) -> None:
    epochs = "".join(f"0,{epoch},{epoch / 8}\n" for epoch in range(2100))
    parameters = {f"p{number}": number for number in range(150)}
    run = work.run().model_copy(update={"parameters": parameters})
    record = records.make(
        work.head, run, work.predictions, scores.of(work.predictions, work.y, work.folds)
    )
    mlflow_store.mirror(
        records.archive(record, {"history.csv": f"fold,epoch,loss\n{epochs}".encode()})
    )
    assert series("fold0/loss") == [(epoch, epoch / 8) for epoch in range(2100)]
    assert len(runs()[0].data.params) == 150


def test_a_name_that_is_too_long_is_cut_and_loses_no_run(work: Work) -> None:
    long = "x" * 300
    run = work.run().model_copy(update={"parameters": {long: 1, f"{long}y": 2}})
    record = records.make(
        work.head, run, work.predictions, scores.of(work.predictions, work.y, work.folds)
    )
    history = f"fold,epoch,{long}\n0,0,0.5\n".encode()
    mlflow_store.mirror(records.archive(record, {"history.csv": history}))
    assert runs()[0].data.params == {long[:250]: "1", f"{long[:241]} 1": "2"}
    assert series(f"fold0/{long}"[:250]) == [(0, 0.5)]


def test_a_name_that_mlflow_does_not_take_loses_no_run(work: Work) -> None:
    names = (
        "a@b",
        "a#b",
        "a//b",
        "/a",
        "a/",
        "..",
        "x/../y",
        "",
        "학습률 1",
        "a.b/c-d:e",
        "?",
        "\n",
    )
    run = work.run().model_copy(update={"parameters": dict.fromkeys(names, 1)})
    record = records.make(
        work.head, run, work.predictions, scores.of(work.predictions, work.y, work.folds)
    )
    mlflow_store.mirror(records.archive(record, {}))
    found = runs()[0].data.params
    assert len(found) == len(names)
    assert {"a_b", "학습률 1", "a.b/c-d:e"} <= set(found)


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (MemberFailed("fold 2 has no rows"), "FAILED", "fold 2 has no rows"),
        (ZeroDivisionError("x" * 900), "FAILED", "ZeroDivisionError: " + "x" * 481),
        (SystemExit(0), "FAILED", "SystemExit: 0"),
        (Killed(signal.SIGTERM), "KILLED", "Killed: SIGTERM"),
        (KeyboardInterrupt(), "KILLED", "KeyboardInterrupt"),
    ],
)
def test_what_ends_badly_is_never_finished(
    work: Work, error: BaseException, status: str, reason: str
) -> None:
    with pytest.raises(type(error)), mlflow_store.running(work.head):
        raise error
    (run,) = runs()
    assert (run.info.status, run.data.tags["reason"]) == (status, reason)


def test_an_exception_after_finish_is_a_failure_still(work: Work) -> None:
    def fail_late() -> None:
        with mlflow_store.running(work.head) as logged:
            logged.finish(work.archive())
            raise OSError("late")

    with pytest.raises(OSError, match="late"):
        fail_late()
    (run,) = runs()
    assert run.info.status == "FAILED"
    (folder,) = paths.history().iterdir()
    kept = records.read(folder / "record.json")
    assert (kept.status, kept.reason) == ("FAILED", "OSError: late")
    assert mlflow_store.mirror_all() == 0
    assert [one.info.run_id for one in runs()] == [run.info.run_id]


def end(work: Work, error: BaseException) -> None:
    """Open a run that ends by this error."""
    with pytest.raises(type(error)), mlflow_store.running(work.head):
        raise error


def endings_of(store_runs: list[Any]) -> list[tuple[str, str, str]]:
    shown = ("pilsa.run_id", "reason")
    return sorted((run.info.status, *(run.data.tags[name] for name in shown)) for run in store_runs)


def test_failed_and_killed_runs_are_in_the_history(work: Work) -> None:
    end(work, MemberFailed("fold 2 has no rows"))
    end(work, MemberFailed("fold 3 has no rows"))
    end(work, Killed(signal.SIGTERM))
    kept = [records.read(folder / "record.json") for folder in paths.history().iterdir()]
    assert sorted((record.status, record.reason) for record in kept) == [
        ("FAILED", "fold 2 has no rows"),
        ("FAILED", "fold 3 has no rows"),
        ("KILLED", "Killed: SIGTERM"),
    ]
    for record in kept:
        assert record.head == work.head
        assert record.cv_mean is None
        assert record.seconds >= 0
    assert len({record.run_id for record in kept}) == 3


def test_failed_and_killed_runs_are_rebuilt_and_mirrored_once(
    work: Work, empty_store: Path
) -> None:
    end(work, MemberFailed("fold 2 has no rows"))
    end(work, KeyboardInterrupt())
    before = endings_of(runs())
    assert [status for status, *_ in before] == ["FAILED", "KILLED"]
    rows = counts()
    assert mlflow_store.mirror_all() == 0
    assert counts() == rows
    shutil.copyfile(empty_store, paths.mlruns() / "mlflow.db")
    assert mlflow_store.mirror_all() == 2
    assert endings_of(runs()) == before
    assert mlflow_store.mirror_all() == 0


def test_a_history_that_cannot_be_written_does_not_hide_the_error(work: Work) -> None:
    paths.history().parent.mkdir(parents=True, exist_ok=True)
    paths.history().write_text("a file where a folder must be", encoding="utf-8")
    with pytest.raises(ZeroDivisionError) as caught, mlflow_store.running(work.head):
        raise ZeroDivisionError
    assert "its record could not be kept" in caught.value.__notes__[0]
    (run,) = runs()
    assert (run.info.status, run.data.tags["reason"]) == ("FAILED", "ZeroDivisionError")


def test_a_run_that_forgets_its_record_is_a_failure(work: Work) -> None:
    with pytest.raises(MemberFailed, match="ended without"), mlflow_store.running(work.head):
        pass
    assert runs()[0].info.status == "FAILED"


def test_a_store_that_breaks_meanwhile_does_not_hide_the_error(work: Work) -> None:
    def break_and_fail() -> None:
        with mlflow_store.running(work.head):
            with closing(sqlite3.connect(paths.mlruns() / "mlflow.db")) as database:
                database.executescript("drop table tags")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        break_and_fail()
    assert "run store could not be told" in caught.value.__notes__[0]


OPEN_RUN = """
import sys
import time
from pipelines.tracking import mlflow_store
from pipelines.tracking.records import Head
head = Head.model_validate_json(sys.argv[1])
with mlflow_store.running(head):
    print("open", flush=True)
    time.sleep(600)
"""


@contextmanager
def another_process(work: Work) -> Iterator[subprocess.Popen[str]]:
    """A process that has a run open."""
    environment = os.environ | {"PYTHONPATH": str(CODE_ROOT)}
    command = [sys.executable, "-c", OPEN_RUN, work.head.model_dump_json()]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        yield child
    finally:
        child.kill()
        child.wait()


def test_only_the_runs_of_dead_processes_are_reaped(work: Work) -> None:
    with another_process(work) as child:
        assert mlflow_store.reap() == 0
        (run,) = runs()
        assert run.info.status == "RUNNING"
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table
        assert mlflow_store.reap() == 1
    (run,) = runs()
    assert run.info.status == "KILLED"
    assert "stopped" in run.data.tags["reason"]
    assert mlflow_store.reap() == 0


def test_opening_a_run_reaps_first(work: Work) -> None:
    with suppress(MemberFailed), mlflow_store.running(work.head) as lost:
        client().set_tag(lost.mlflow_id, "pilsa.birth", "long ago")
        with suppress(MemberFailed), mlflow_store.running(work.head):
            assert sorted(run.info.status for run in runs()) == ["KILLED", "RUNNING"]


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({"pilsa.birth": "another boot 1"}, "KILLED"),  # the number was given to another process
        ({"pilsa.birth": "1", "pilsa.host": "elsewhere"}, "RUNNING"),  # not ours to judge
        ({"note": "nothing else"}, "RUNNING"),
    ],
)
def test_a_process_is_known_by_machine_number_and_birth(
    work: Work, tags: dict[str, str], status: str
) -> None:
    with suppress(MemberFailed), mlflow_store.running(work.head) as logged:
        for name, text in tags.items():
            client().set_tag(logged.mlflow_id, name, text)
        mlflow_store.reap()
        assert runs()[0].info.status == status


def test_a_run_killed_just_before_its_end_gets_its_own_status(work: Work) -> None:
    folder = work.archive()
    with suppress(MemberFailed), mlflow_store.running(work.head) as logged:
        client().set_tag(logged.mlflow_id, "pilsa.birth", "long ago")
        client().set_tag(logged.mlflow_id, "pilsa.status", "FINISHED")
        client().set_tag(logged.mlflow_id, "pilsa.run_id", folder.name)
        mlflow_store.reap()
        assert runs()[0].info.status == "FINISHED"
        assert not mlflow_store.mirror(folder)


def test_a_store_that_cannot_be_written_stops_before_the_work(workshop: Workshop) -> None:
    work = Work()
    paths.mlruns().write_text("a file where the folder must be", encoding="utf-8")
    with pytest.raises(UserError, match="mlruns must be written"), mlflow_store.running(work.head):
        pytest.fail("the work began")


def test_a_locked_store_is_said_to_be_in_use(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "_SECONDS_FOR_LOCK", 0.1)
    with closing(sqlite3.connect(paths.mlruns() / "mlflow.db", isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"locked.*end what holds it"):
            mlflow_store.reap()


def test_a_damaged_database_says_how_to_rebuild(work: Work) -> None:
    (paths.mlruns() / "mlflow.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(UserError, match=r"damaged.*pilsa runs mirror"):
        mlflow_store.mirror_all()
    assert (paths.mlruns() / "mlflow.db").read_bytes().startswith(b"no database")


@pytest.mark.parametrize("revision", ["0123456789ab", "451aebb31d03"])  # of the future; of 2019
def test_a_database_of_another_mlflow_says_how_to_rebuild(work: Work, revision: str) -> None:
    with closing(sqlite3.connect(paths.mlruns() / "mlflow.db")) as database:
        database.execute("update alembic_version set version_num = ?", [revision])
        database.commit()
    with pytest.raises(UserError, match=r"older or newer.*pilsa runs mirror"):
        mlflow_store.reap()


def test_a_store_that_was_moved_is_not_written_elsewhere(work: Work) -> None:
    mlflow_store.mirror(work.archive())
    moved = Path("moved")
    moved.mkdir()
    shutil.move("params.yaml", moved)
    shutil.copytree("mlruns", moved / "mlruns")
    os.chdir(moved)
    with pytest.raises(UserError, match="was the folder moved"), mlflow_store.running(work.head):
        pytest.fail("the work began")


def test_an_experiment_deleted_in_the_pages_comes_back(work: Work) -> None:
    mlflow_store.mirror(work.archive())
    client().delete_experiment(runs()[0].info.experiment_id)
    mlflow_store.mirror(work.archive())
    assert client().get_experiment_by_name("tiny").lifecycle_stage == "active"


def test_folders_with_odd_names_work(
    work: Work, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = Path("100%20필사 #1?")
    (odd / "mlruns").mkdir(parents=True)
    shutil.copyfile(empty_store, odd / "mlruns" / "mlflow.db")
    (odd / "params.yaml").touch()
    monkeypatch.chdir(odd)
    assert mlflow_store.mirror(work.archive())
    assert list(paths.mlruns().glob("artifacts/tiny/*/artifacts/record.json"))


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str, server: subprocess.Popen[bytes]) -> bytes:
    """Ask until the server answers; it may take its time, but it may not die."""
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert server.poll() is None
            time.sleep(0.2)


@pytest.mark.slow
def test_the_pages_show_runs_and_artifacts(work: Work) -> None:
    mlflow_store.mirror(work.archive())
    (run,) = runs()
    port = free_port()
    _, command, environment = mlflow_store.ui_command("tiny", True, port=port)
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == environment["DO_NOT_TRACK"] == "true"
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, process_group=0)
    try:
        address = f"http://127.0.0.1:{port}"
        assert b"MLflow" in fetch(address, server)
        asked = f"{address}/get-artifact?run_uuid={run.info.run_id}&path=pictures/loss.png"
        assert fetch(asked, server) == b"png"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


@pytest.mark.slow
def test_the_pages_in_a_real_browser(work: Work, tmp_path: Path) -> None:
    """They open on the competition's runs with our columns, best first; three runs are compared."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium to run this test")
    for number in range(1, 4):
        mlflow_store.mirror(work.archive(f"run-{number}"))
    found = runs()
    ids = json.dumps([run.info.run_id for run in found])
    experiment = json.dumps([found[0].info.experiment_id])
    port = free_port()
    opening, command, environment = mlflow_store.ui_command("tiny", True, port=port)

    def shown(asked: str) -> str:
        return subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=2400,900",
             f"--user-data-dir={tmp_path / 'browser'}", "--virtual-time-budget=30000", "--dump-dom", asked],
            capture_output=True, text=True, timeout=200, check=True,
        ).stdout  # fmt: skip

    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, process_group=0)
    try:
        address = f"http://127.0.0.1:{port}"
        fetch(address, server)
        first = shown(opening)
        compared = shown(
            f"{address}/#/compare-runs?runs={quote(ids)}&experiments={quote(experiment)}"
        )
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    for column in ("Run Name", "cv_mean", "fold0", "kind", "member", "week"):
        assert f">{column}<" in first, column
    assert "Sort: cv_mean" in re.sub("<[^>]*>", "", first)
    assert first.count("models/knn") >= 3
    assert "Comparing 3 Runs from 1 Experiment" in compared
    assert compared.count("models/knn") >= 3
    assert "cv_mean" in compared


def test_the_first_page_shows_the_best_run_first(work: Work) -> None:
    mlflow_store.mirror(work.archive())
    for better in (True, False):
        address, _, _ = mlflow_store.ui_command("tiny", better, port=5001)
        (experiment,) = mlflow_store._connect().search_experiments(filter_string="name = 'tiny'")
        assert address.startswith(
            f"http://127.0.0.1:5001/#/experiments/{experiment.experiment_id}/runs?"
        )
        key = address.partition("viewStateShareKey=")[2]
        view = json.loads(experiment.tags[f"mlflow.sharedViewState.{key}"])
        assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`cv_mean`", not better)
