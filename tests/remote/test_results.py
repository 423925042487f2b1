"""What comes back is taken when it is of what was sent, and refused in words when it is not."""

import json
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.plumbing import paths, process
from pipelines.plumbing.atomic import file_hash, write_json
from pipelines.plumbing.errors import UserError
from pipelines.remote import journal, results, running
from pipelines.remote.job import Job, fits_hash
from pipelines.training import cross_validation as cv
from pipelines.training import finished, fits
from pipelines.training import plan as plans
from pipelines.training.fits import FitSpec
from pipelines.training.plan import Plan
from tests.conftest import Workshop

Sent = tuple[Plan, list[FitSpec], Job, Path]


@pytest.fixture
def back(preprocessed: Workshop, tmp_path: Path) -> Sent:
    """A job, and the folder that it left."""
    plan = plans.load("tiny", "knn")
    specs = cv.specs_of(plan, cv.Tuned({}, {}))
    job = Job(
        key=cv.key_of(plan, specs), nonce="n", competition="tiny", model="knn", commit="abc", fits=fits_hash(specs),
        data_hash=plan.dataset.hash, folds_hash=plan.folds.hash,
    )  # fmt: skip
    out = tmp_path / "back" / "pilsa"
    for spec in specs:
        finished.Store(out).save(spec.name, fits.run(spec))
    files = {path.name: file_hash(path) for path in out.glob("*.npz")}
    machine = {"python": "3", "accelerator": "none"}
    write_json(out / "done.json", {"job": job.model_dump(), "files": files, "machine": machine})
    return plan, specs, job, out.parent


def test_a_whole_output_is_kept_where_train_finds_it(back: Sent) -> None:
    plan, specs, job, folder = back
    assert not results.is_kept(job.key, specs)
    results.take(job, folder, plan, specs, "Kaggle")
    assert results.is_kept(job.key, specs)
    noted = json.loads((paths.work(job.key) / "ran-on.json").read_text())
    assert noted["mark"] == "ran on Kaggle, CPU"


WHAT = {
    "commit": "commit",
    "data_hash": "data",
    "folds_hash": "fold file",
    "fits": "params",
    "key": "code",
}


def test_an_output_of_another_job_is_refused(back: Sent) -> None:
    plan, specs, job, folder = back
    path = folder / "pilsa" / "done.json"
    told = json.loads(path.read_text())
    for name, word in WHAT.items():
        write_json(path, told | {"job": told["job"] | {name: "0"}})
        with pytest.raises(UserError, match=f"must be of {word} .* and says '0'"):
            results.take(job, folder, plan, specs, "Kaggle")
    assert not results.is_kept(job.key, specs)


def test_ctrl_c_leaves_it_running_and_says_so(
    preprocessed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> str:
        raise process.Killed(signal.SIGINT)

    monkeypatch.setattr(running, "run", stopped)
    done = CliRunner().invoke(app, ["remote", "run", "knn"])
    assert done.exit_code == 4
    assert "`pilsa remote run knn` again" in done.stderr
    assert "nothing was pushed" in CliRunner().invoke(app, ["remote", "list"]).stdout


def test_half_an_output_is_refused(back: Sent) -> None:
    plan, specs, job, folder = back
    path = folder / "pilsa" / "fold-1.npz"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(UserError, match="is missing or another"):
        results.take(job, folder, plan, specs, "Kaggle")
    (folder / "pilsa" / "done.json").unlink()
    with pytest.raises(UserError, match=r"must leave pilsa/done\.json"):
        results.take(job, folder, plan, specs, "Kaggle")
    assert not results.is_kept(job.key, specs)


def test_what_cannot_run_there_is_refused_before_anything_is_asked(preprocessed: Workshop) -> None:
    with pytest.raises(UserError, match="knn computes on the CPU"):
        running._plan("tiny", "knn", "NvidiaTeslaT4")
    with pytest.raises(UserError, match="is a notebook"):
        running._plan("tiny", "m01/first", "")


def test_a_name_fits_kaggle() -> None:
    long = journal.slug_of(
        "따릉이-a-competition-with-a-very-long-name-indeed", "text_cnn", "0123456789abcdef"
    )
    assert long == "pilsa-a-competition-with-a-very-long-name-01234567"
    assert len(long) <= 50
