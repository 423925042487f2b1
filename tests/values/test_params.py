"""params.yaml as people leave it: empty sections, doubled names, numbers out of range."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import validate
from pipelines.values import params
from pipelines.values.params import Params

REPOSITORY = Path(__file__).parents[2]


def made(**changes: Any) -> Params:
    return validate(Params, {"competition": "tiny", "models": ["knn"], **changes}, "params.yaml")


def refused(**changes: Any) -> str:
    with pytest.raises(UserError) as caught:
        made(**changes)
    return str(caught.value)


def test_the_file_in_the_repository_is_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    loaded = params.load()
    for model in loaded.models:
        loaded.check_sections(model)
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    assert loaded.competition == content["competition"]
    assert loaded.models == content["models"]


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
