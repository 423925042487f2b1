from dataclasses import replace

import numpy as np
import pytest

from pipelines.values import cuts, metrics
from pipelines.values.folds import Folds
from pipelines.values.predictions import Predictions

ROWS = 600
F1, MACRO, QWK = (metrics.get(name) for name in ("f1_binary", "f1_macro", "qwk"))
FOLDS = Folds(np.arange(ROWS) % 3, False, "folds")


def rare(classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a common class and rare ones, too cautious by far; and the truth."""
    generator = np.random.default_rng(0)
    y = generator.choice(classes, ROWS, p=[1 - 0.15 * (classes - 1)] + [0.15] * (classes - 1))
    evidence = np.eye(classes)[y] + generator.normal(0, 0.5, (ROWS, classes))
    evidence[:, 0] += 1.5
    chances = np.exp(evidence)
    return chances / chances.sum(axis=1, keepdims=True), y


def predictions(oof: np.ndarray, metric: str) -> Predictions:
    ids = np.array([f"r{i}" for i in range(len(oof))])
    return Predictions(
        "models/a", "probability", oof, oof[:10], "folds", ids, ids[:10],
        np.array([str(i) for i in range(oof.shape[1])]), metric, np.zeros(3), "folds", "data",
    )  # fmt: skip


@pytest.mark.parametrize(("metric", "classes"), [(F1, 2), (MACRO, 2), (MACRO, 4), (QWK, 4)])
def test_a_cut_is_better_than_the_likeliest_class_on_rows_it_has_not_seen(
    metric: metrics.Metric, classes: int
) -> None:
    oof, y = rare(classes)
    plain = predictions(oof, metric.name)
    found = cuts.with_cut(plain, metric, y, FOLDS)
    names = found.classes.tolist()
    assert metric.score(y, found.oof, names) > metric.score(y, plain.oof, names) + 0.05
    assert found.cut is not None
    assert found.cut.shape == (4, classes)
    np.testing.assert_allclose(found.oof.sum(axis=1), 1, rtol=1e-5)


def test_the_cut_of_a_fold_hangs_on_no_row_of_it() -> None:
    oof, y = rare()
    first = cuts.with_cut(predictions(oof, "f1_binary"), F1, y, FOLDS).cut
    turned = np.where(FOLDS.fold == 1, 1 - y, y)
    second = cuts.with_cut(predictions(oof, "f1_binary"), F1, turned, FOLDS).cut
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first[1], second[1])
    assert not np.array_equal(first[0], second[0])


def test_of_a_time_split_only_earlier_rows_make_the_cut() -> None:
    oof, y = rare()
    fold = np.repeat([2, 1, 0, -1], ROWS // 4)[::-1].copy()  # -1 is the earliest block
    folds = Folds(fold, True, "folds")
    unknown = np.where((fold == -1)[:, None], np.nan, oof)
    found = cuts.with_cut(predictions(np.nan_to_num(unknown), "f1_binary"), F1, y, folds).cut
    assert found is not None
    np.testing.assert_array_equal(found[2], [0.5, 0.5])  # nothing earlier is scored
    assert not np.array_equal(found[0], found[2])


def test_taken_off_again_the_probabilities_are_what_they_were() -> None:
    oof, y = rare(3)
    plain = predictions(oof, "f1_macro")
    back = cuts.without_cut(cuts.with_cut(plain, MACRO, y, FOLDS), FOLDS)
    np.testing.assert_allclose(back.oof, plain.oof, rtol=1e-4)
    np.testing.assert_allclose(back.test, plain.test, rtol=1e-4)
    assert back.cut is None


def test_accuracy_labels_and_few_rows_have_no_cut() -> None:
    oof, y = rare()
    accuracy = predictions(oof, "accuracy")
    assert cuts.with_cut(accuracy, metrics.get("accuracy"), y, FOLDS) is accuracy
    labels = replace(predictions(oof, "f1_binary"), kind="label")
    assert cuts.with_cut(labels, F1, y, FOLDS) is labels
    np.testing.assert_array_equal(cuts.fit(F1, y[:20], oof[:20], ["0", "1"]), [0.5, 0.5])


@pytest.mark.parametrize("is_time", [False, True])
def test_folds_are_scored_under_the_cut_of_the_others(is_time: bool) -> None:
    oof, y = rare()
    folds = replace(FOLDS, is_time=is_time)
    parts = {fold: oof[folds.valid_rows(fold)] for fold in range(3)}
    found = cuts.with_cut(predictions(oof, "f1_binary"), F1, y, folds).oof
    for fold, under in cuts.under_others(F1, ["0", "1"], y, folds, parts).items():
        np.testing.assert_allclose(under, found[folds.valid_rows(fold)], rtol=1e-5)
    alone = cuts.under_others(F1, ["0", "1"], y, folds, {1: parts[1]})
    np.testing.assert_array_equal(alone[1], parts[1])
