"""What a rerun must leave: every way to miss it has its own kind and words; and how large the hidden tests are."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.notebooks import views
from pipelines.rehearsal import hidden, output
from pipelines.rehearsal.hidden import Hidden
from tests.conftest import Workshop

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def grown(preprocessed: Workshop) -> Hidden:
    data = views.load("tiny")
    return hidden.make(data, hidden.GROWN, hidden.counts(data)[hidden.GROWN])


def test_hidden_tests_have_other_counts_and_the_same_form(grown: Hidden) -> None:
    assert hidden.counts(grown.data) == {"shrunk": 12, "grown": 22}
    train, test = (pd.read_csv(grown.folder / f"{name}.csv") for name in ("train", "test"))
    public = pd.read_csv("data/tiny/raw/test.csv")
    assert (len(test), len(train)) == (22, 38)
    assert list(test.columns) == list(public.columns)
    assert not set(test["id"]) & (set(public["id"]) | set(train["id"]))
    assert set(train["label"]) == {"c0", "c1", "c2"}


def test_too_few_training_rows_stand_behind_the_public_ones(grown: Hidden) -> None:
    sample = grown.data.sample
    many = pd.concat([sample, *(sample.assign(id=sample["id"] + mark) for mark in "ab")])
    data = replace(grown.data, sample=many.reset_index(drop=True))  # 60 test rows, as many as train
    assert hidden.counts(data) == {"shrunk": 36, "grown": 67}
    made = hidden.make(data, hidden.GROWN, 67)
    assert (made.rows, made.learned) == (67, 53)
    ids = pd.read_csv(made.folder / "sample_submission.csv")["id"].tolist()
    assert ids[:60] == many["id"].tolist()
    test = pd.read_csv(made.folder / "test.csv")["id"].tolist()  # of 20 public rows in the file
    assert test == pd.read_csv("data/tiny/raw/test.csv")["id"].tolist() + ids[60:]


def _answer(shown: Hidden) -> pd.DataFrame:
    return shown.view.sample.assign(label=np.resize(["c1", "c2"], shown.rows))


CASES: list[tuple[Change, str, str]] = [
    (lambda good: good.assign(more=1), "columns", "too many (['more'])"),
    (lambda good: good.reset_index(), "columns", "index=False"),
    (lambda good: good.rename(columns={"label": "target"}), "columns", "['id', 'target']"),
    (lambda good: good.head(20), "row count", "20 rows, as many as the public test has"),
    (lambda good: good.head(7), "row count", "7 rows"),
    (lambda good: good.assign(id=good.id.iloc[0]), "row count", "repeated ids"),
    (lambda good: good.assign(label=None), "public test", "22 of 22 rows"),
    (lambda good: good.assign(label=good.label.where(good.index > 1)), "values", "2 of 22 rows"),
    (lambda good: good.assign(label="c9"), "values", "c9"),
    (lambda good: good.assign(label="c0"), "public test", "the constant of the sample"),
    (lambda good: good.assign(label="c1"), "values", "one answer in every row (c1)"),
]  # fmt: skip


def test_what_the_site_would_not_take(grown: Hidden, tmp_path: Path) -> None:
    working = tmp_path / "working"
    working.mkdir()
    for change, kind, words in CASES:
        change(_answer(grown)).to_csv(working / "submission.csv", index=False)
        name, fault = output.check(working, grown, "submission.csv", grown.data.sample["id"])
        assert (name, fault and fault.kind) == (None, kind), words
        assert fault is not None
        assert words in fault.sentence


def test_answers_that_belong_to_other_rows_are_told_by_how_wrong_they_are(
    grown: Hidden, tmp_path: Path
) -> None:
    known = grown.data.dataset
    for shift, wanted in ((0, None), (1, "clearly worse than one answer for all")):
        places = (known.y[grown.view.rows] + shift) % len(known.classes)
        said = _answer(grown).assign(label=[known.classes[place] for place in places])
        said.to_csv(tmp_path / "submission.csv", index=False)
        _, fault = output.check(tmp_path, grown, "submission.csv", [])
        assert (fault is None) == (wanted is None)
        assert fault is None or (fault.kind, str(wanted) in fault.found) == ("public test", True)


def test_rows_beyond_the_public_count_that_all_have_one_answer_are_told(
    grown: Hidden, tmp_path: Path
) -> None:
    known = grown.data.dataset
    said = [known.classes[place] for place in known.y[grown.view.rows]]
    few = replace(grown, data=replace(grown.data, sample=grown.data.sample.head(9)))
    for shown, wrong in ((few, True), (grown, False)):
        _answer(grown).assign(label=[*said[:9], *["c0"] * 13]).to_csv(
            tmp_path / "submission.csv", index=False
        )
        _, fault = output.check(tmp_path, shown, "submission.csv", [])
        assert bool(fault and "rows after the first 9" in fault.found) == wrong


def test_the_name_is_demanded_only_where_the_site_does(grown: Hidden, tmp_path: Path) -> None:
    working = tmp_path / "working"
    working.mkdir()
    _answer(grown).to_csv(working / "mine.csv", index=False)
    assert output.check(working, grown, None, []) == ("mine.csv", None)
    name, fault = output.check(working, grown, "submission.csv", [])
    assert (name, fault and fault.kind, fault and fault.found) == (None, "output name", "mine.csv")
