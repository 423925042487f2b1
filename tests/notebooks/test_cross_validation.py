"""Who knows the answers, and what is known of a kernel, without running any."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.notebooks import cross_validation, view_run, views
from pipelines.notebooks.checking.probe import Findings
from pipelines.notebooks.cross_validation import Result
from pipelines.notebooks.view_run import ViewResult
from pipelines.notebooks.views import CompetitionData
from pipelines.stages.preprocess import preprocess
from pipelines.tracking.kernel_facts import ViewFacts
from pipelines.values.predictions import one_hot
from tests.conftest import Workshop


@pytest.fixture
def data(workshop: Workshop) -> CompetitionData:
    preprocess("tiny")
    return views.load("tiny")


def right_in(data: CompetitionData, count: int, view: str) -> ViewResult:
    """A view whose first `count` answers on the rows of fold 0 are right, and no other."""
    y = data.dataset.y[data.folds.valid_rows(0)]
    guessed = np.where(np.arange(len(y)) < count, y, (y + 1) % data.dataset.width)
    facts = ViewFacts(view=view, status="valid", seconds=0, score=count / len(y))
    return ViewResult(facts, Path(view), one_hot(guessed, data.dataset.width))


@pytest.mark.parametrize(
    ("shuffled", "true", "knows"),
    [
        (20, 20, True),
        (20, None, True),
        (9, 20, False),
        (9, 9, False),  # as good as on true targets, and inside the noise of 20 rows
        (9, None, False),
        (16, 20, True),
    ],
)
def test_who_does_as_well_on_shuffled_targets_knows_the_answers(
    data: CompetitionData, shuffled: int, true: int | None, knows: bool
) -> None:
    assert len(data.folds.valid_rows(0)) == 20
    seen = {"shuffled": right_in(data, shuffled, "shuffled")}
    if true is not None:
        seen["fold0"] = right_in(data, true, "fold0")
    assert cross_validation.knows_the_answers(Result(SimpleNamespace(data=data), seen)) is knows  # type: ignore[arg-type]


def test_a_view_is_kept_with_all_that_it_told(data: CompetitionData, tmp_path: Path) -> None:
    prepared, seen = SimpleNamespace(work=tmp_path / "work"), right_in(data, 20, "fold0")
    told = Findings(figures={"W": 0.5}, histories={"history": {"loss": [1.0, None]}})
    replace(seen, folder=prepared.work / "fold0", probe=told).keep()
    kept = view_run.kept(prepared, "fold0")  # type: ignore[arg-type]
    assert kept is not None
    assert (kept.facts, kept.kind, kept.probe) == (seen.facts, "label", told)
    assert np.array_equal(kept.matrix, seen.matrix)


def test_views_are_known_only_where_all_that_are_wanted_were_kept(
    data: CompetitionData, tmp_path: Path
) -> None:
    prepared = SimpleNamespace(data=data, work=tmp_path / "work")
    for name in ("shuffled", "real", "fold1"):
        facts = ViewFacts(view=name, status="valid", seconds=1.5)
        ViewResult(facts, view_run._folder(prepared, name)).keep()  # type: ignore[arg-type]
    assert cross_validation.known(prepared, "check") is None  # type: ignore[arg-type]
    ViewResult(
        ViewFacts(view="fold0", status="valid", seconds=1), tmp_path / "work" / "fold0"
    ).keep()
    found = cross_validation.known(prepared, "check")  # type: ignore[arg-type]
    assert found is not None
    assert list(found.views) == ["fold0", "fold1", "shuffled", "real"]


def test_what_changed_without_a_word_is_a_mark_of_a_run_that_finished() -> None:
    code = "import pandas as pd\ndf = pd.read_csv('a.csv')\ndf['a'][df['a'] > 1] = 0\n"
    prepared = SimpleNamespace(
        kernel=SimpleNamespace(code=code), environment=SimpleNamespace(packages={"pandas": "3.0.0"}),
        isolation=SimpleNamespace(has_network=False), data=None, is_quick=False,
    )  # fmt: skip
    seen = ViewResult(ViewFacts(view="study", status="valid", seconds=1), Path("study"))
    (mark,) = cross_validation.marks(Result(prepared, {"study": seen}))  # type: ignore[arg-type]
    assert mark.startswith("changed silently: line 3: ")
    failed = replace(seen, facts=ViewFacts(view="study", status="failed", seconds=1, reason="no"))
    assert cross_validation.marks(Result(prepared, {"study": failed})) == []  # type: ignore[arg-type]
    prepared.environment.packages = {"pandas": "2.3.3"}
    assert cross_validation.marks(Result(prepared, {"study": seen})) == []  # type: ignore[arg-type]
