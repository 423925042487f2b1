"""DVC follows no imports: the deps are what `make deps` writes, and a stage with too short a list refuses to run."""

import shutil
from pathlib import Path

import pytest
import yaml

from pipelines.plumbing import paths, registry, sources, stage_deps
from pipelines.plumbing.errors import UserError

ROOT = Path(__file__).parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def dependencies(stage: str, item: str = "") -> list[str]:
    return [
        dep.replace("${item.model}", item)
        .replace("${item.kernel}", "m01/knn-pca")
        .replace("${item.competition}", "digits")
        for dep in STAGES[stage].get("deps", [])
        if not dep.startswith(("data/", "submissions/"))
    ]


def test_the_file_is_what_make_deps_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert stage_deps.written() == (ROOT / "dvc.yaml").read_text(encoding="utf-8"), (
        "run `make deps`"
    )


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """dvc.yaml alone, in a repository of its own."""
    shutil.copyfile(ROOT / "dvc.yaml", tmp_path / "dvc.yaml")
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "dvc.yaml"


@pytest.mark.parametrize("model", registry.names("models"))
def test_every_model_may_be_trained_on_the_list_as_it_is(copied: Path, model: str) -> None:
    for stage in ("tune", "train"):
        stage_deps.check(stage, {"competition": "digits", "model": model})


@pytest.mark.parametrize("lacking", ["values/folds", "models/_network", "training/fits"])
def test_a_stage_with_too_short_a_list_refuses_to_run(copied: Path, lacking: str) -> None:
    line = f"      - pipelines/{lacking}.py\n"
    copied.write_text(copied.read_text(encoding="utf-8").replace(line, ""), encoding="utf-8")
    with pytest.raises(
        UserError, match=rf"must hold .* and lack pipelines/{lacking}.py: run `make deps`"
    ):
        stage_deps.check("train", {"competition": "digits", "model": "cnn"})
    stage_deps.write()
    stage_deps.check("train", {"competition": "digits", "model": "cnn"})
    assert paths.root() == copied.parent


def test_a_model_may_build_on_another_and_on_a_file_beside_it(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pipelines", "features"):
        shutil.copytree(ROOT / name, copied.parent / name)
    models = copied.parent / "pipelines" / "models"
    (models / "weights.npz").write_bytes(b"\xff\x00")
    (models / "twice.py").write_text(
        "from pipelines.models.knn import KNearestNeighbours\nWEIGHTS = 'weights.npz'\n"
        "class Twice(KNearestNeighbours): ...\n"
    )
    monkeypatch.setattr(sources, "CODE_ROOT", copied.parent)
    given = {"competition": "digits", "model": "twice"}
    with pytest.raises(
        UserError, match=r"lack pipelines/models/knn.py and 1 more: run `make deps`"
    ):
        stage_deps.check("train", given)
    stage_deps.write()
    stage_deps.check("train", given)
    assert len(sources.fingerprint(sources.closure("pipelines.models.twice"))) == 16


def test_a_repository_without_stages_has_no_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").touch()
    monkeypatch.chdir(tmp_path)
    stage_deps.check("train", {"competition": "digits", "model": "cnn"})


@pytest.mark.parametrize("stage", STAGES)
def test_every_dependency_exists(stage: str) -> None:
    for dep in dependencies(stage, "knn"):
        assert (ROOT / dep).exists(), f"{stage} depends on {dep}, which is not there"


def test_a_stage_never_writes_into_a_folder_that_it_depends_on() -> None:
    for name, stage in STAGES.items():
        outs = [
            out if isinstance(out, str) else next(iter(out))
            for kind in ("outs", "metrics", "plots")
            for out in stage.get(kind, [])
        ]
        for out in outs:
            for dep in stage.get("deps", []):
                assert not out.startswith(f"{dep}/"), (
                    f"{name} writes {out} into its dependency {dep}"
                )


def test_only_dvc_itself_writes_names_into_a_command() -> None:
    """It quotes the values of `${item}`; a `${item.model}` of ours would reach the shell as it is."""
    for name, stage in STAGES.items():
        assert stage["cmd"] == f"python -m pipelines.stages.{name} ${{item}}"


def test_the_weekly_page_is_made_again_when_its_words_or_its_language_change() -> None:
    listed = dependencies("review")
    for words in ("plumbing/pages.py", "review/ko.po", "tracking/ko.po", "values/ko.po"):
        assert f"pipelines/{words}" in listed
    assert {"params.yaml": ["language"]} in STAGES["review"]["params"]


def test_what_names_the_rows_of_pictures_is_listed() -> None:
    """Names of files are ids, and their order is that of the rows: how a zip spells them decides folds."""
    for stage in ("preprocess", "kernel"):
        assert "pipelines/values/unzip.py" in dependencies(stage)


def test_a_submission_is_made_again_when_its_columns_get_other_names() -> None:
    """Parameters cannot list a key that a file may lack, such as `sample_id_column`: the file is listed."""
    assert "competitions/digits.yaml" in dependencies("submission")
