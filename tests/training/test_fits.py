"""A fit is a value: any process runs it, from a file too, to the same bytes."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.image import Pixels
from pipelines.models.knn import KNearestNeighbours
from pipelines.plumbing import paths, process
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.stages.preprocess import preprocess
from pipelines.training import cross_validation as cv
from pipelines.training import finished, fits
from pipelines.training import plan as plans
from pipelines.training.finished import Store
from pipelines.training.fits import FitSpec, Message, OutOfTime
from pipelines.values.streamed import Streamed
from tests.conftest import Workshop

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def specs(workshop: Workshop) -> list[FitSpec]:
    preprocess("tiny")
    return cv.specs_of(plans.load("tiny", "knn"), cv.Tuned({}, {}))


def as_bytes(found: list[fits.Fit]) -> list[list[bytes]]:
    return [[part.tobytes() for part in fit.parts] for fit in found]


def test_a_spec_round_trips(specs: list[FitSpec], tmp_path: Path) -> None:
    specs[0].save(tmp_path / "spec.npz")
    again = FitSpec.load(tmp_path / "spec.npz")
    assert again.content() == specs[0].content()
    assert (again.dataset, again.folder) == (specs[0].dataset, None)


def test_another_process_runs_it_from_a_file_to_the_same_bytes(
    specs: list[FitSpec], tmp_path: Path
) -> None:
    specs[1].save(tmp_path / "spec.npz")
    code = (
        "import sys; from pathlib import Path; from pipelines.training import finished, fits;"
        "spec = fits.FitSpec.load(Path(sys.argv[1]));"
        "finished.Store(Path(sys.argv[2])).save(spec.name, fits.run(spec))"
    )
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", code, str(tmp_path / "spec.npz"), str(tmp_path)]
    subprocess.run(command, check=True, env=environment, cwd="/")
    there = Store(tmp_path).load("fold 1")
    assert there is not None
    assert as_bytes([there]) == as_bytes([fits.run(specs[1])])


def test_several_processes_give_the_bytes_of_one(specs: list[FitSpec], tmp_path: Path) -> None:
    one = finished.run_all(specs, Store(tmp_path / "one"))
    two = finished.run_all(specs, Store(tmp_path / "two"), processes=2)
    assert as_bytes(one) == as_bytes(two)
    assert {path.name for path in (tmp_path / "two").glob("*.npz")} == {
        "fold-0.npz", "fold-1.npz", "fold-2.npz", "refit.npz",
    }  # fmt: skip


@pytest.mark.parametrize("processes", [1, 2])
def test_a_failed_fit_names_itself(workshop: Workshop, tmp_path: Path, processes: int) -> None:
    workshop.write_competition(image=None)
    preprocess("tiny")
    specs = cv.specs_of(plans.load("tiny", "knn"), cv.Tuned({}, {}))
    no_pictures = [replace(spec, model="cnn", params={}) for spec in specs[:2]]
    with pytest.raises(MemberFailed, match=r"cnn failed on fold \d: .*must have pictures"):
        finished.run_all(no_pictures, Store(tmp_path), processes)


def test_what_a_fit_says_are_messages(specs: list[FitSpec]) -> None:
    said: list[Message] = []
    fits.run(specs[0], said.append)
    assert {message.fit for message in said} == {"fold 0"}
    assert said[0].note == "starts"


def test_a_deadline_ends_it(specs: list[FitSpec]) -> None:
    with pytest.raises(OutOfTime):
        fits.run(replace(specs[0], deadline=time.time() - 1))
    fits.run(replace(specs[0], deadline=time.time() + 60))


def test_other_data_than_it_was_planned_for_is_refused(specs: list[FitSpec]) -> None:
    with pytest.raises(UserError, match=r"must hold the data abc .* and holds .*: run `dvc repro`"):
        fits.run(replace(specs[0], data_hash="abc"))


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"params": {"k": 2}}, {"train": np.arange(5)}, {"predict": ()}, {"backend": "jax"},
     {"device": "gpu"}, {"data_hash": "abc"}, {"validation": np.arange(2)}],
)  # fmt: skip
def test_its_content_is_what_decides_the_numbers(specs: list[FitSpec], change: dict) -> None:
    assert replace(specs[0], **change).content() != specs[0].content()


def test_where_it_lies_and_until_when_it_may_run_decide_nothing(specs: list[FitSpec]) -> None:
    elsewhere = replace(specs[0], dataset=Path("/there"), folder=Path("/here"), deadline=1.0)
    assert elsewhere.content() == specs[0].content()


PLUGIN = """
import os, time
import numpy as np
from pipelines.models import Model


class Odd(Model):
    def fit(self, X, y, validation):
        {what}
        return self

    def predict(self, X):
        return np.full((len(X), self.job.width), 1 / self.job.width, np.float32)
"""
RUN_PARALLEL = """
import sys
from dataclasses import replace
from pathlib import Path
from pipelines.training import cross_validation as cv, finished, plan
if __name__ == "__main__":
    specs = [replace(spec, model="odd", params={}) for spec in cv.specs_of(plan.load("tiny", "knn"), cv.Tuned({}, {}))]
    with finished.working("odd", "odd fits") as work:
        finished.run_all(specs, finished.Store(work), 2)
"""


def start_parallel(workshop: Workshop, what: str) -> "subprocess.Popen[str]":
    """Fits of a model of its own on two processes, from a copy of the code."""
    for name in ("pipelines", "features"):
        shutil.copytree(REPOSITORY / name, workshop.root / name)
    (workshop.root / "pipelines/models/odd.py").write_text(PLUGIN.format(what=what))
    (workshop.root / "run.py").write_text(RUN_PARALLEL)
    environment = os.environ | {"PYTHONPATH": str(workshop.root)}
    command = [sys.executable, "run.py"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_parent_of_parallel_fits_leaves_neither_process_nor_lock(
    specs: list[FitSpec], workshop: Workshop
) -> None:
    started = start_parallel(workshop, "time.sleep(20)")
    time.sleep(8)
    assert started.poll() is None
    started.kill()
    started.wait()
    with process.exclusive(paths.work("odd") / "lock", "the next one", wait=10):
        pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("os._exit(3)", "every process must live until its fit ends"),
        ("raise type('Two', (Exception,), {'__init__': lambda self, a, b: None})(1, 2)", "odd failed on "),
    ],
)  # fmt: skip
def test_a_worker_that_dies_or_raises_something_odd_is_named(
    specs: list[FitSpec], workshop: Workshop, what: str, said: str
) -> None:
    started = start_parallel(workshop, what)
    printed = started.communicate(timeout=120)[1]
    assert started.returncode != 0
    assert said in printed


def test_only_who_can_stream_is_given_streamed_pictures(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    preprocess("tiny")
    specs = cv.specs_of(plans.load("tiny", "knn"), cv.Tuned({}, {}))
    before = as_bytes([fits.run(spec) for spec in specs])
    monkeypatch.setattr(fits, "_STREAMED_ABOVE", 0.0)
    assert as_bytes([fits.run(spec) for spec in specs]) == before
    seen: list[type] = []
    monkeypatch.setattr(KNearestNeighbours, "streams", True)
    transform = Pixels.transform
    monkeypatch.setattr(
        Pixels, "transform", lambda self, X: (seen.append(type(X)), transform(self, X))[1]
    )
    assert as_bytes([fits.run(spec) for spec in specs]) == before
    assert set(seen) == {Streamed}
