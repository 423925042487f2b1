"""What can be made again goes, largest first; the history of runs and whatever is in use stays."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from pipelines.plumbing import paths, process
from pipelines.workspace import clean
from tests.conftest import Workshop

OLD = time.time() - 100 * 24 * 60 * 60
MADE_AGAIN = {
    "kept work": ".cache/pilsa/work/0123",
    "environment": ".cache/pilsa/environments/4567",
    "packed wheels": ".cache/pilsa/wheels",
    "bundle": ".cache/pilsa/kernels/m01/forest",
    "download": ".cache/pilsa/downloads/mnist",
    "experiment copy": ".dvc/tmp/exps/standalone/tmpabc",
}
STAYS = [
    ".cache/pilsa/runs/run-1/record.json",
    ".cache/pilsa/originals/abc",
    ".cache/pilsa/work/0123-elsewhere/real/executed.ipynb",
    ".cache/pilsa/kernels/m01/edited/open/edited.ipynb",
    ".cache/pilsa/kernels/m01/colab/elsewhere/executed.ipynb",
    "mlruns/mlflow.db",
    "submissions/ledger/tiny/row.json",
    "data/tiny/raw/train.csv",
]


@pytest.fixture(autouse=True)
def clone(workshop: Workshop) -> Path:
    """A clone with something old of every kind, the download the largest."""
    for folder in MADE_AGAIN.values():
        _old(workshop.root / folder / "file", 300_000 if "mnist" in folder else 5_000)
        _old(workshop.root / folder / "lock", 0)
    for name in STAYS:
        _old(workshop.root / name, 5_000)
    return workshop.root


def _old(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (OLD, OLD))
    return path


def kinds(entries: list[clean.Entry]) -> set[str]:
    return {entry.kind for entry in entries}


def test_all_that_can_be_made_again_goes_and_nothing_else(clone: Path) -> None:
    gone, used = clean.clean(older=30)
    assert (kinds(gone), used) == (set(MADE_AGAIN), [])
    assert gone[0].kind == "download"
    assert gone[0].bytes >= 300_000
    assert not any((clone / folder).exists() for folder in MADE_AGAIN.values())
    assert all((clone / name).exists() for name in STAYS)
    assert clean.clean(older=0) == ([], [])


def test_a_dry_run_lists_the_same_and_removes_nothing(clone: Path) -> None:
    wanted = clean.clean(older=30, is_dry=True)
    assert all((clone / folder / "file").exists() for folder in MADE_AGAIN.values())
    assert [entry.name for entry in clean.clean(older=30)[0]] == [entry.name for entry in wanted[0]]


def test_what_was_used_lately_stays(clone: Path) -> None:
    """A lock is written at every use, though no other file of the folder may have changed."""
    assert clean.clean(older=101) == ([], [])
    os.utime(clone / MADE_AGAIN["environment"] / "lock")
    gone, _ = clean.clean(older=30)
    assert kinds(gone) == set(MADE_AGAIN) - {"environment"}


@pytest.mark.parametrize("kind", ["kept work", "bundle", "environment"])
def test_what_somebody_holds_stays(clone: Path, kind: str) -> None:
    with process.exclusive(clone / MADE_AGAIN[kind] / "lock", "a test"):
        gone, used = clean.clean(older=0)
    # A kernel that runs needs its environment too.
    assert kinds(used) == ({kind, "environment"} if kind == "bundle" else {kind})
    assert kinds(gone) == set(MADE_AGAIN) - kinds(used)
    assert (clone / MADE_AGAIN[kind] / "file").exists()


def test_a_bundle_whose_notebook_is_being_handed_in_stays(clone: Path) -> None:
    """There it stands which version was pushed."""
    with process.exclusive(clone / MADE_AGAIN["bundle"] / "handing-in.lock", "a test"):
        gone, used = clean.clean(older=0)
    assert "bundle" in kinds(used)
    assert "bundle" not in kinds(gone)


def test_a_copy_in_which_a_stage_runs_stays(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.stages import _lock_file

    copy = clone / MADE_AGAIN["experiment copy"]
    (copy / "params.yaml").touch()
    with monkeypatch.context() as inside:
        inside.chdir(copy)
        lock = _lock_file("train", ["tiny", "knn"])
    with process.exclusive(lock, "train tiny knn"):
        assert kinds(clean.clean(older=0)[1]) == {"experiment copy"}
    assert (copy / "file").exists()


def test_results_that_some_dvc_lock_names_stay(clone: Path) -> None:
    def result(name: str, content: str = "x") -> Path:
        path = clone / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        os.utime(path, (OLD, OLD))
        return path

    def lock(name: str) -> None:
        (clone / "dvc.lock").write_text(f"outs:\n- path: a\n  md5: {name}\n", encoding="utf-8")

    inside, committed, here, nobodys = (letter * 32 for letter in "abcd")
    folder = "e" * 32 + ".dir"
    kept = [result(name) for name in (inside, committed, here)]
    kept.append(result(folder, json.dumps([{"md5": inside, "relpath": "train.csv"}])))
    gone = result(nobodys)
    git = ["git", "-c", "user.name=m01", "-c", "user.email=m01@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for name in (committed, folder):
        lock(name)
        subprocess.run([*git, "add", "dvc.lock"], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "lock"], check=True)
    lock(here)
    with process.exclusive(paths.cache() / "locks" / "repro", "make repro"):
        assert kinds(clean.clean(older=0)[1]) == {"old results"}
    assert "old results" in kinds(clean.clean(older=0)[0])
    assert [path.exists() for path in kept] == [True] * 4
    assert not gone.exists()


def test_what_has_a_second_name_is_not_counted(clone: Path) -> None:
    environment = clone / MADE_AGAIN["environment"]
    os.link(environment / "file", clone / "uv's own")
    (entry,) = [each for each in clean.clean(older=0)[0] if each.kind == "environment"]
    assert entry.bytes == 0


def test_the_table_names_what_is_in_use(clone: Path) -> None:
    with process.exclusive(clone / MADE_AGAIN["kept work"] / "lock", "a test"):
        lines = clean.table(*clean.clean(older=0, is_dry=True), is_dry=True).splitlines()
    assert lines[0].split() == ["0.3", "MB", "100", "days", "download", "mnist"]
    assert lines[-2].endswith("0123  in use: left")
    assert lines[-1].endswith("could be freed")
