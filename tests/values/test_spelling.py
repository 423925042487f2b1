"""One label in several spellings is one class, spelled as the sample spells it."""

import pandas as pd
import pytest

from pipelines.values.spelling import as_classes, as_in_sample


@pytest.mark.parametrize(
    ("train", "sample", "wanted"),
    [
        (["0.0", "1.0"], ["0"], ["0", "1"]),
        (["0", "1"], ["0.0"], ["0.0", "1.0"]),
        (["0", "0.0", "1"], ["0"], ["0", "0", "1"]),
        (
            ["0", "0.00", "1.0"],
            [],
            ["0", "0", "1.0"],
        ),  # no sample: only what is one number is one class
        (["1.0", "2.5"], ["1"], ["1", "2.5"]),
        (["1", "2"], ["01"], ["01", "02"]),
        (["01", "02"], ["1"], ["1", "2"]),
        (["01", "1"], ["1"], ["01", "1"]),  # codes
        (["-1.0", "1.0"], ["1"], ["-1", "1"]),
        (["12345678901234567890", "12345678901234567891"], ["12345678901234567890"], None),
        (["yes", "no"], ["0"], None),
        (["0", "1"], ["0"], None),
        (["2", "10", "none"], ["none"], None),
    ],
)
def test_train_is_spelled_as_the_sample(
    train: list[str], sample: list[str], wanted: list[str] | None
) -> None:
    found, notes = as_in_sample(pd.Series(train), sample)
    assert found.tolist() == (wanted or train)
    assert len(notes) == sum(old != new for old, new in zip(train, found, strict=True))
    for old, new in zip(train, found, strict=True):
        assert old == new or any(repr(old) in note and repr(new) in note for note in notes)


@pytest.mark.parametrize(
    ("train", "sample", "named"),
    [
        (["yes", "yes ", "no"], ["no"], ["'yes'", "'yes '"]),
        (["Yes", "No"], ["no"], ["'No'", "'no'"]),
        (["a b", "a  b"], [], ["'a b'", "'a  b'"]),
        (["\u1100\u1161", "가"], [], ["'가'"]),  # taken apart and put together
    ],
)
def test_labels_that_look_alike_are_named_and_kept(
    train: list[str], sample: list[str], named: list[str]
) -> None:
    found, (note,) = as_in_sample(pd.Series(train), sample)
    assert found.tolist() == train
    assert all(name in note for name in named)


@pytest.mark.parametrize(
    ("labels", "classes", "wanted"),
    [
        (["1.0", "0", "00"], ("0", "1"), ["1", "0", "0"]),
        ([1, 0], ("0.0", "1.0"), ["1.0", "0.0"]),
        ([1.0, 2.0], ("01", "02"), ["01", "02"]),
        (["1.0"], ("01", "1"), ["1.0"]),  # two fit: nobody can tell
        (["2.0", "none"], ("2", "none"), ["2", "none"]),
        (["0.9", "cat"], ("0", "1"), ["0.9", "cat"]),
    ],
)
def test_an_answer_is_taken_by_its_value(
    labels: list[object], classes: tuple[str, ...], wanted: list[str]
) -> None:
    assert as_classes(pd.Series(labels), classes).tolist() == wanted
