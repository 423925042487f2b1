"""A crash is a pause: `kill -9` of make, of dvc and of the stage, and each time `make repro` again at once."""

import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workspace.small_repository import PATIENCE, SmallRepository

SPLITS = 4
SETTINGS = {
    "models": ["cnn", "knn"],
    "folds": {"n_splits": SPLITS},
    "tune": {"cnn": {"trials": 0}, "knn": {"trials": 0}},
    # Without early stopping a fold takes some seconds: longer than it takes to kill it.
    "train": {"cnn": {"epochs": 20, "validation": 0, "batch_size": 16}, "knn": {}},
    "ensemble": {"methods": ["mean"], "choose": "best"},
}
TRAINER = ["-m", "pipelines.stages.train", "--competition", "tiny", "--model", "cnn"]


def until(condition: Callable[[], Any]) -> Any:
    """What a condition gives once it gives something."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)
    return found


def processes(repository: SmallRepository, *words: str) -> list[int]:
    """Living python processes of this repository with these words behind the program."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_text(encoding="utf-8").split("\0")
            ours = entry.name.isdigit() and (entry / "cwd").readlink() == repository.root
        except OSError:  # gone by now
            continue
        # Behind the name of the program: a shell that starts one has the words in one piece.
        if ours and command[1 : 1 + len(words)] == list(words):
            found.append(int(entry.name))
    return found


class Work:
    """The work folder of the network: finished folds, and who holds it."""

    def __init__(self, repository: SmallRepository) -> None:
        self.root = repository.root / ".cache" / "pilsa" / "work"
        self._folder: Path | None = None

    @property
    def folder(self) -> Path | None:
        """The folder that was once locked by the trainer of the network; None before."""
        if self._folder is None:
            locks = (lock for lock in self.root.glob("*/lock") if "(train cnn," in read(lock))
            self._folder = next((lock.parent for lock in locks), None)
        return self._folder

    @property
    def holder(self) -> int | None:
        """The process that the lock names; a dead one stays named until the next takes over."""
        named = re.match(r"process (\d+) ", read(self.folder / "lock") if self.folder else "")
        return int(named[1]) if named else None

    def folds(self) -> dict[str, tuple[int, bytes]]:
        files = self.folder.glob("fold-?.npz") if self.folder else []
        return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


class Watch(threading.Thread):
    """Looks at all processes several times a second and remembers who trained, and who trained together.

    A process trains that has TensorFlow loaded, except one that had the lock and has given it back: that
    one is on its way out.
    """

    def __init__(self, repository: SmallRepository, work: Work) -> None:
        super().__init__(daemon=True)
        self.repository, self.work = repository, work
        self.seen: list[int] = []
        self.together: list[set[int]] = []
        self.ended = threading.Event()
        self._had_lock: set[int] = set()

    def run(self) -> None:
        while not self.ended.wait(0.1):
            training = {pid for pid in processes(self.repository, *TRAINER) if self._trains(pid)}
            self.seen += [pid for pid in training if pid not in self.seen]
            if len(training) > 1:
                self.together.append(training)

    def _trains(self, pid: int) -> bool:
        holder = self.work.holder
        self._had_lock |= {holder} if holder else set()
        is_leaving = pid in self._had_lock and pid != holder
        return not is_leaving and (
            pid in self.seen or "tensorflow" in read(Path(f"/proc/{pid}/maps"))
        )


def statuses(repository: SmallRepository, name: str = "") -> list[str]:
    """Statuses of the runs of that name, or of all, oldest first."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{repository.root / 'mlruns' / 'mlflow.db'}")
    experiments = [found.experiment_id for found in client.search_experiments()]
    runs = client.search_runs(experiments, order_by=["attributes.start_time ASC"])
    return [run.info.status for run in runs if name in ("", run.info.run_name)]


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE)
def test_killed_three_times_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    repository = SmallRepository(tmp_path / "small").make()
    repository.write_params(**SETTINGS)
    repository.write("Makefile", "repro:\n\t@pilsa repro\n")
    work = Work(repository)
    watch = Watch(repository, work)
    watch.start()
    finished: dict[str, tuple[int, bytes]] = {}
    for number, victim in enumerate(("make", "dvc", "stage")):
        making = repository.start("make", "repro")
        until(lambda number=number: f"fold-{number}.npz" in work.folds())
        (dvc,) = processes(repository, "-m", "dvc", "repro", "--ignore-errors")
        os.kill({"make": making.pid, "dvc": dvc, "stage": work.holder}[victim], signal.SIGKILL)
        finished = work.folds() | finished
        # Without make and dvc nobody is left; without the stage, the rest of the DAG still goes on.
        assert making.wait(PATIENCE) != 0
    again = repository.run("make", "repro")
    assert again.returncode == 0, again.stderr
    watch.ended.set()
    watch.join()

    assert len(watch.seen) == 4, "each call must have trained, and the last one ended it"
    assert watch.together == []
    assert len(finished) >= 3
    kept = work.folds()
    assert len(kept) == SPLITS
    assert {name: kept[name] for name in finished} == finished
    assert statuses(repository, "models/cnn") == ["KILLED", "KILLED", "KILLED", "FINISHED"]
    assert "RUNNING" not in statuses(repository)
    assert repository.scores()["missing"] == []

    disturbed = (repository.root / "data/tiny/predictions/cnn.npz").read_bytes()
    shutil.rmtree(work.root)
    undisturbed = repository.stage("train", "tiny", "cnn")
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert work.folds() != kept
    assert (repository.root / "data/tiny/predictions/cnn.npz").read_bytes() == disturbed


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE)
def test_killed_between_parallel_folds_it_ends_as_one_process_does(tmp_path: Path) -> None:
    repository = SmallRepository(tmp_path / "small").make()
    # Two processes import TensorFlow first: the folds must outlast the slower of them.
    longer = SETTINGS["train"] | {"cnn": SETTINGS["train"]["cnn"] | {"epochs": 40}}
    repository.write_params(**SETTINGS | {"models": ["cnn"], "train": longer}, parallel=2)
    for stage in ("download", "preprocess"):
        assert repository.stage(stage, "tiny").returncode == 0
    assert repository.stage("tune", "tiny", "cnn").returncode == 0
    work = Work(repository)
    training = repository.start("python", *TRAINER)
    until(work.folds)
    os.kill(training.pid, signal.SIGKILL)
    training.wait(PATIENCE)
    # Its processes end with it: none goes on writing beside the next.
    until(lambda: not processes(repository, "-m", "joblib.externals.loky.backend.popen_loky_posix"))
    finished = work.folds()
    assert 0 < len(finished) < SPLITS, "it must be killed in the middle"

    again = repository.stage("train", "tiny", "cnn")
    assert again.returncode == 0, again.stderr
    assert {name: kept for name, kept in work.folds().items() if name in finished} == finished
    resumed = (repository.root / "data/tiny/predictions/cnn.npz").read_bytes()

    shutil.rmtree(work.root)
    repository.write_params(**SETTINGS | {"models": ["cnn"], "train": longer}, parallel=1)
    undisturbed = repository.stage("train", "tiny", "cnn")
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert (repository.root / "data/tiny/predictions/cnn.npz").read_bytes() == resumed
