"""params.yaml and local.yaml as people leave them: empty sections, doubled names, numbers out of range."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import validate
from pipelines.values import params
from pipelines.values.params import LocalParams, Params
from tests.conftest import Workshop

REPOSITORY = Path(__file__).parents[2]


def made(**changes: Any) -> Params:
    return validate(Params, {"competition": "tiny", "models": ["knn"], **changes}, "params.yaml")


def refused(**changes: Any) -> str:
    with pytest.raises(UserError) as caught:
        made(**changes)
    return str(caught.value)


def test_a_clone_that_nobody_has_touched_has_the_default_competition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    shutil.copytree(REPOSITORY / "competitions", tmp_path / "competitions")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    loaded = params.load()
    for model in loaded.models:
        loaded.check_sections(model)
    digits = yaml.safe_load((REPOSITORY / "competitions/digits.yaml").read_text(encoding="utf-8"))
    assert (loaded.competition, loaded.member, loaded.device) == ("digits", "group", "auto")
    assert (loaded.models, loaded.kernels) == (digits["baselines"], digits["pool"])


@pytest.mark.parametrize("key", ["competition", "models", "kernels", "device", "member"])
def test_what_is_one_clones_own_is_refused_in_the_shared_file(workshop: Workshop, key: str) -> None:
    with (workshop.root / "params.yaml").open("a", encoding="utf-8") as file:
        file.write(f"{key}:\n")
    with pytest.raises(UserError) as caught:
        params.load()
    assert "params.yaml must hold what all members share" in str(caught.value)
    assert f"'{key}' is one clone's own" in str(caught.value)
    assert "move it to local.yaml" in str(caught.value)


def test_each_file_is_named_by_its_own_faults(workshop: Workshop) -> None:
    with (workshop.root / "local.yaml").open("a", encoding="utf-8") as file:
        file.write("seed: 8\n")
    with pytest.raises(UserError, match=r"^local\.yaml: unknown key 'seed'"):
        params.load()
    (workshop.root / "local.yaml").write_text("- knn\n", encoding="utf-8")
    with pytest.raises(UserError, match="found list: delete it, and `pilsa use NAME`"):
        params.load()
    (workshop.root / "local.yaml").write_text("<<<<<<< ours\n", encoding="utf-8")
    with pytest.raises(UserError, match="delete the markers, or delete it, and `pilsa use NAME`"):
        params.load()
    (workshop.root / "local.yaml").write_text("", encoding="utf-8")
    assert params.load().competition == "tiny"  # an empty file is none
    workshop.write_params(folds={"n_splits": 1})
    with pytest.raises(UserError, match=r"^params\.yaml: folds\.n_splits"):
        params.load()


def test_a_clones_own_tuning_goes_before_what_all_share_key_by_key(workshop: Workshop) -> None:
    workshop.write_params(tune={"knn": {"trials": 3, "minutes": 4}, "cnn": None})
    with params.editing_local() as local:
        local["tune"] = {"knn": {"trials": 9}, "cnn": {}}
    assert yaml.safe_load(paths.local().read_text(encoding="utf-8"))["tune"] == local["tune"]
    tune = params.load().tune
    assert (tune["knn"].trials, tune["knn"].minutes, tune["cnn"].trials) == (9, 4, 0)
    with params.editing_local() as local:
        local["tune"] = {"knm": {"trials": 9}}
    with pytest.raises(UserError, match=r"^local\.yaml: tune .* found 'knm'; did you mean 'knn'"):
        params.load()
    with pytest.raises(UserError, match=r"tune\.knn\.trials: .*greater than or equal to 0"):
        made(tune={"knn": {"trials": -1}})


def test_the_member_of_git_comes_before_that_of_the_file(workshop: Workshop) -> None:
    workshop.write_params(member="m01")
    assert params.load().member == "m01"
    for command in (["init", "--quiet"], ["config", "pilsa.member", "모둠장"]):
        subprocess.run(["git", *command], check=True)
    assert params.load().member == "모둠장"
    assert params.read_local().member == "m01"
    copy = workshop.root / ".dvc" / "tmp" / "exps" / "one"
    copy.mkdir(parents=True)
    for name in ("params.yaml", "local.yaml"):
        shutil.copy(name, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(copy)
        assert params.load().member == "모둠장"
    subprocess.run(["git", "config", "pilsa.member", "m 01; id"], check=True)
    with pytest.raises(UserError, match=r"^git config pilsa\.member: member: must be"):
        params.load()


@pytest.mark.parametrize("lacking", ["kernels", "device", "member"])
def test_a_file_that_leaves_a_key_to_its_default_is_completed(
    workshop: Workshop, lacking: str
) -> None:
    """DVC reads the file itself: `kernels:` with nothing behind it ends it in an unexpected error."""
    workshop.write_params(**({"kernels": [], "device": "cpu", "member": "m01"} | {lacking: None}))
    assert params.complete_local()
    whole = paths.local().read_bytes()
    assert set(yaml.safe_load(whole)) == set(LocalParams.model_fields)
    assert not params.complete_local()
    assert paths.local().read_bytes() == whole


@pytest.mark.parametrize(
    "section", ["kernels", "folds", "preprocess", "tune", "train", "ensemble", "seed"]
)
def test_an_empty_section_is_one_that_is_not_written(section: str) -> None:
    assert made(**{section: None}) == made()


def test_a_model_with_nothing_behind_it_has_an_empty_section() -> None:
    loaded = made(tune={"knn": None}, train={"knn": None, "cnn": {"dropout": 0.5}})
    assert loaded.train == {"knn": {}, "cnn": {"dropout": 0.5}}
    assert loaded.tune["knn"].trials == 0
    loaded.check_sections("knn")


@pytest.mark.parametrize("section", ["tune", "train"])
@pytest.mark.parametrize("value", [0, False, "", "a", [], ["knn"]])
def test_what_is_no_section_is_refused(section: str, value: object) -> None:
    assert f"params.yaml: {section}" in refused(**{section: value})
    assert f"params.yaml: {section}.knn" in refused(**{section: {"knn": value}})


def test_a_needed_key_must_hold_something() -> None:
    assert "key 'competition' must be given" in refused(competition=None)
    assert "key 'models' must be given" in refused(models=None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold": {}}, "unknown key 'fold'; did you mean 'folds'?"),
        ({"folds": {"n_split": 3}}, "unknown key 'folds.n_split'; did you mean 'n_splits'?"),
        ({"tune": {"knn": {"trails": 3}}}, "unknown key 'tune.knn.trails'; did you mean 'trials'?"),
        ({"ensemble": {"method": []}}, "unknown key 'ensemble.method'; did you mean 'methods'?"),
        ({"folds": {"n_splits": 1}}, "folds.n_splits: .*greater than or equal to 2.*found 1"),
        ({"folds": {"n_splits": 21}}, "folds.n_splits: .*less than or equal to 20"),
        ({"seed": -1}, "seed: "),
        ({"seed": 2**32}, "seed: "),
        ({"preprocess": {"max_rows": -5}}, "preprocess.max_rows: "),
        ({"tune": {"knn": {"minutes": float("inf")}}}, "tune.knn.minutes: .*finite"),
        ({"tune": {"knn": {"minutes": float("nan")}}}, "tune.knn.minutes: .*finite"),
        ({"tune": {"knn": {"minutes": 0}}}, "tune.knn.minutes: .*greater than 0"),
        ({"backend": "tf"}, "backend: .*'tensorflow', 'jax' or 'torch'.*found 'tf'"),
        ({"models": ["knn", "cnn", "knn"]}, "models: must name each once, found twice: knn"),
        ({"kernels": ["m01/a", "m01/a"]}, "kernels: must name each once, found twice: m01/a"),
        ({"ensemble": {"methods": ["mean", "mean"]}}, "ensemble.methods: must name each once"),
        ({"models": "knn"}, "models: .*valid list"),
        ({"competition": "digits; rm -rf /"}, "competition: must be 1 to 64 letters"),
        ({"competition": "../digits"}, "competition: must be"),
        ({"models": ["$(id)"]}, "models.0: must be"),
        ({"kernels": ["m01/`id`"]}, "kernels.0: must be"),
        ({"kernels": ["first"]}, "kernels.0: must be of the form member/kernel"),
        ({"member": "m 01"}, "member: must be"),
        ({"train": {"a b": {}}}, "train.a b"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        made(**changes)


def test_hangul_names_pass() -> None:
    loaded = made(competition="손글씨", kernels=["m01/첫-번째_cnn"], member="m01")
    assert loaded.kernels == ["m01/첫-번째_cnn"]


@pytest.mark.parametrize("section", ["tune", "train"])
def test_a_model_without_its_section_is_told_what_to_add(section: str) -> None:
    sections: dict[str, Any] = {"tune": {"knn": {}}, "train": {"knn": {}}}
    made(**sections).check_sections("knn")
    with pytest.raises(UserError, match=f"section 'knn' under {section}.*add `knn: {{}}`"):
        made(**sections | {section: {}}).check_sections("knn")


def test_a_key_given_twice_is_no_silent_choice(workshop: Any) -> None:
    with (workshop.root / "params.yaml").open("a") as file:
        file.write("seed: 8\n")
    with pytest.raises(UserError, match=r"params\.yaml must be YAML .*'seed' must be given once"):
        params.load()


def test_loading_reads_the_file_above(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (workshop.root / "data" / "deep").mkdir()
    monkeypatch.chdir(workshop.root / "data" / "deep")
    assert params.load().seed == 7
