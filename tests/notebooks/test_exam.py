"""Who knows the answers, and what is known of a kernel, without running any."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.core.predictions import one_hot
from pipelines.notebooks import exam, sitting, views
from pipelines.notebooks.checking.probe import Findings
from pipelines.notebooks.exam import Result
from pipelines.notebooks.sitting import Sat
from pipelines.notebooks.views import Field
from pipelines.stages.preprocess import preprocess
from pipelines.tracking.kernel_facts import ViewFacts
from tests.conftest import Workshop


@pytest.fixture
def field(workshop: Workshop) -> Field:
    preprocess("tiny")
    return views.load("tiny")


def right_in(field: Field, count: int, view: str) -> Sat:
    """A view whose first `count` answers on the rows of fold 0 are right, and no other."""
    y = field.dataset.y[field.folds.valid_rows(0)]
    guessed = np.where(np.arange(len(y)) < count, y, (y + 1) % field.dataset.width)
    facts = ViewFacts(view=view, status="valid", seconds=0, score=count / len(y))
    return Sat(facts, Path(view), one_hot(guessed, field.dataset.width))


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
    field: Field, shuffled: int, true: int | None, knows: bool
) -> None:
    assert len(field.folds.valid_rows(0)) == 20
    sat = {"shuffled": right_in(field, shuffled, "shuffled")}
    if true is not None:
        sat["fold0"] = right_in(field, true, "fold0")
    assert exam.knows_the_answers(Result(SimpleNamespace(field=field), sat)) is knows  # type: ignore[arg-type]


def test_a_view_is_kept_with_all_that_it_told(field: Field, tmp_path: Path) -> None:
    candidate, sat = SimpleNamespace(work=tmp_path / "work"), right_in(field, 20, "fold0")
    told = Findings(figures={"W": 0.5}, histories={"history": {"loss": [1.0, None]}})
    logged = {"params": {"depth": "3"}, "metrics": {"score": 0.75}}
    replace(sat, folder=candidate.work / "fold0", probe=told, own_store=logged).keep()
    kept = sitting.kept(candidate, "fold0")  # type: ignore[arg-type]
    assert kept is not None
    assert (kept.facts, kept.kind, kept.probe, kept.own_store) == (sat.facts, "label", told, logged)
    assert np.array_equal(kept.matrix, sat.matrix)


def test_views_are_known_only_where_all_that_are_wanted_were_kept(
    field: Field, tmp_path: Path
) -> None:
    candidate = SimpleNamespace(field=field, work=tmp_path / "work")
    for name in ("shuffled", "real", "fold1"):
        facts = ViewFacts(view=name, status="valid", seconds=1.5)
        Sat(facts, sitting._folder(candidate, name)).keep()  # type: ignore[arg-type]
    assert exam.known(candidate, "check") is None  # type: ignore[arg-type]
    Sat(ViewFacts(view="fold0", status="valid", seconds=1), tmp_path / "work" / "fold0").keep()
    found = exam.known(candidate, "check")  # type: ignore[arg-type]
    assert found is not None
    assert list(found.sat) == ["fold0", "fold1", "shuffled", "real"]
