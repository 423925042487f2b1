"""tune: what was found and how, in a file that a rerun repeats byte by byte."""

import json
from typing import Any

import pytest

from pipelines.models import knn
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.preprocess import preprocess
from pipelines.stages.tune import tune
from tests.conftest import Workshop


class Params(knn.Params):
    """Nearly every row votes: any trial is better than that."""

    k: int = 39


@pytest.fixture(autouse=True)
def _poor_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn.KNearestNeighbours, "Params", Params)


def tuned(workshop: Workshop, **changes: object) -> dict[str, Any]:
    workshop.write_params(**changes)
    preprocess("tiny")
    tune("tiny", "knn")
    found: dict[str, Any] = json.loads(paths.tuned("tiny", "knn").read_text(encoding="utf-8"))
    return found


def test_no_trials_find_nothing_and_need_no_data(workshop: Workshop) -> None:
    tune("tiny", "knn")
    found = json.loads(paths.tuned("tiny", "knn").read_text(encoding="utf-8"))
    assert found == {"params": {}, "by_fold": {}, "studies": {}, "mark": None}


def test_trials_leave_their_best_values_and_a_mark(workshop: Workshop) -> None:
    found = tuned(workshop, tune={"knn": {"trials": 3}})
    assert set(found["params"]) == {"k", "voting"}
    assert found["mark"] == "tuned on folds 1…2"
    assert found["by_fold"] == {}
    (study,) = found["studies"].values()
    assert study["finished"] + study["pruned"] == 3
    assert study["stopped_by"] == "trials"


def test_a_rerun_goes_on_from_the_journal_and_repeats_the_bytes(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    tuned(workshop, tune={"knn": {"trials": 3}})
    first = paths.tuned("tiny", "knn").read_bytes()
    paths.tuned("tiny", "knn").unlink()
    capsys.readouterr()
    tune("tiny", "knn")
    assert paths.tuned("tiny", "knn").read_bytes() == first
    assert capsys.readouterr().err == "tune knn: 3/3 kept\n"


def test_what_is_fixed_is_not_searched(workshop: Workshop) -> None:
    found = tuned(workshop, tune={"knn": {"trials": 2}}, train={"knn": {"k": 38}})
    assert set(found["params"]) == {"voting"}


def test_nested_tuning_finds_values_for_every_fold(workshop: Workshop) -> None:
    found = tuned(workshop, tune={"knn": {"trials": 2, "nested": True}})
    assert set(found["by_fold"]) == {"0", "1", "2"}
    assert found["mark"] == "tuned inside every fold"
    assert found["params"] == found["by_fold"]["0"]


@pytest.mark.parametrize("section", ["tune", "train"])
def test_a_missing_section_is_named(workshop: Workshop, section: str) -> None:
    workshop.write_params(**{section: {}})
    with pytest.raises(UserError, match=f"section 'knn' under {section}"):
        tune("tiny", "knn")
    assert not paths.tuned("tiny", "knn").exists()
