"""Switching the competition: only local.yaml changes, and only to what `pilsa repro` can build."""

import hashlib
from pathlib import Path

import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.values import params
from pipelines.workspace import switch
from tests.conftest import Workshop
from tests.workspace.small_repository import ALL_PARAMS, REPOSITORY

BY_HAND = {
    "platform": "files",
    "mirror": "table",
    "page": "https://example.org/data",
    "files": {
        name: {"md5": hashlib.md5(b"", usedforsecurity=False).hexdigest()}
        for name in ("train.csv", "test.csv", "sample_submission.csv")
    },
}


@pytest.fixture
def clone(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A clone on `tiny` with a device and a member of its own, and a competition `table` with a pool."""
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)
    (workshop.root / "dvc.yaml").write_bytes((REPOSITORY / "dvc.yaml").read_bytes())
    workshop.write_params(**ALL_PARAMS)
    workshop.write_kernel("m01/first", "x = 1\n", competition="table")
    workshop.write_competition("table", image=None, baselines=["knn"], pool=["m01/first"])
    return workshop


def local() -> str:
    return paths.local().read_text(encoding="utf-8")


def refused(name: str) -> str:
    before = local()
    with pytest.raises(UserError) as caught:
        switch.switch(name)
    assert local() == before
    return str(caught.value)


def test_competition_models_and_pool_are_replaced_and_nothing_else(clone: Workshop) -> None:
    shared, before = paths.params().read_bytes(), params.load()
    tuning = {"tune": {"knn": {"trials": 5}}}
    clone.write_competition("table", image=None, baselines=["knn"], pool=["m01/first"], **tuning)
    assert switch.switch("table") == ["knn", "m01/first"]
    found = params.load()
    assert found.tune["knn"].trials == 5
    assert switch.tuned() == {"knn": 5}
    assert (found.competition, found.models, found.kernels) == ("table", ["knn"], ["m01/first"])
    assert (found.member, found.device) == (before.member, before.device) == ("m01", "cpu")
    assert paths.params().read_bytes() == shared


def test_switching_back_restores_the_very_bytes(clone: Workshop) -> None:
    switch.switch("tiny")
    first = local()
    switch.switch("table")
    assert local() != first
    switch.switch("tiny")
    assert local() == first


def test_a_clone_without_its_file_gets_the_default(clone: Workshop) -> None:
    clone.write_competition("digits", baselines=["knn"], pool=["m01/first"])
    paths.local().unlink()
    assert params.load().competition == "digits"
    assert switch.active() == ["knn", "m01/first"]
    assert params.read_local() == params.LocalParams(
        competition="digits", models=["knn"], kernels=["m01/first"]
    )
    assert local().startswith("#")


def test_a_group_without_the_default_competition_can_begin_with_another(clone: Workshop) -> None:
    paths.local().unlink()
    assert params.load().competition == "table"
    switch.switch("tiny")
    assert params.load().competition == "tiny"


def test_an_unknown_competition_is_named(clone: Workshop) -> None:
    assert "did you mean 'table'" in refused("tabel")


@pytest.mark.parametrize(
    ("changes", "holds", "found", "next_step"),
    [
        ({"baselines": ["knm"]}, "files of pipelines/models/", "'knm'", "did you mean 'knn'"),
        ({"baselines": ["densenet"]}, "section 'densenet'", "['knn']", "add `densenet: {}`"),
        ({"tune": {"cnn": {}}}, "tune must name baselines", "'cnn'", "is none"),
        ({"pool": ["m01/lost"]}, "folders of kernels/", "'m01/lost'", "pilsa kernel leave"),
        ({"pool": ["m01/tiny"]}, "must be for table", "for tiny", "take it out of `pool:`"),
        ({"source": {"platform": "bundeld"}}, "platforms must be", "'bundeld'", "'bundled'"),
        (
            {"source": BY_HAND},
            "must lie in $PILSA_DATA_DIR/table",
            "nothing was found there",
            "set PILSA_DATA_DIR",
        ),
    ],
)
def test_what_cannot_be_built_is_not_switched_to(
    clone: Workshop, changes: dict[str, object], holds: str, found: str, next_step: str
) -> None:
    clone.write_kernel("m01/tiny", "x = 1\n")
    clone.write_competition("table", **({"image": None, "baselines": ["knn"]} | changes))
    complaint = refused("table")
    assert holds in complaint
    assert found in complaint
    assert next_step in complaint


def test_files_that_are_there_need_no_folder_of_ones_own(
    clone: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.write_competition("table", image=None, baselines=["knn"], source=BY_HAND)
    mirror = clone.root / "mine" / "table"
    mirror.mkdir(parents=True)
    for name in BY_HAND["files"]:
        (mirror / name).touch()
    monkeypatch.setenv("PILSA_DATA_DIR", str(mirror.parent))
    assert switch.switch("table") == ["knn"]
    switch.switch("tiny")
    monkeypatch.delenv("PILSA_DATA_DIR")
    paths.raw("table").mkdir(parents=True)
    assert switch.switch("table") == ["knn"]


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (REPOSITORY / "competitions").glob("*.yaml"))
)
def test_every_competition_of_this_repository_can_be_switched_to(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shared in ("params.yaml", "dvc.yaml", "competitions", "kernels"):
        (tmp_path / shared).symlink_to(REPOSITORY / shared)
    (tmp_path / "data" / name / "raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    switch.switch(name)
    assert params.load().competition == name
