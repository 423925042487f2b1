"""Scores of a run: what is averaged, what is missing, and that a changed formula is seen by the stages."""

import numpy as np
import pytest

from pipelines.plumbing import sources
from pipelines.values import scores


def test_means_are_over_folds_and_the_spread_is_of_a_sample() -> None:
    found = scores.of_folds([0.5, 0.7, 0.9], 0.71)
    assert found.cv_mean == pytest.approx(0.7)
    assert found.cv_std == pytest.approx(0.2)
    assert (found.cv_pooled, found.fold0) == (0.71, 0.5)


def test_a_fold_without_a_score_leaves_no_cv() -> None:
    found = scores.of_folds([0.5, np.nan], None)
    assert (found.cv_mean, found.cv_std, found.fold_scores) == (None, None, [0.5, None])


@pytest.mark.parametrize("stage", ["train", "kernel", "ensemble"])
def test_the_formula_decides_a_number_of_every_stage_that_writes_scores(stage: str) -> None:
    reached = {path.as_posix() for path in sources.closure(f"pipelines.stages.{stage}")}
    assert "pipelines/values/scores.py" in reached
