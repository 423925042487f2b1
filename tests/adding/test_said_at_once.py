"""What would be refused later is said by `add` and `check` at once."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pipelines.adding import checking, competition_draft
from pipelines.adding.draft_file import Draft, Wishes
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.download import download
from tests.adding.test_competition_draft import tables, written
from tests.conftest import Workshop

Frame = pd.DataFrame
Change = Callable[[Frame], Frame]


@pytest.fixture(autouse=True)
def _no_folder_of_ones_own(monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> None:
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)


def same(table: Frame) -> Frame:
    return table


def added(
    folder: Path, train: Change = same, test: Change = same, sample: Change = same, **wishes: str
) -> Draft:
    given = [change(table) for change, table in zip((train, test, sample), tables(), strict=True)]
    return competition_draft.add("new", written(folder / "given", *given), Wishes(**wishes))


def spam(table: Frame) -> Frame:
    return table.assign(t=table["t"].map({0: "not_spam", 1: "spam"}))


def asking(*columns: str) -> Change:
    return lambda table: table[["k"]].assign(**dict.fromkeys(columns, 0.5))


def test_a_column_of_probabilities_is_of_the_class_with_the_longest_ending(tmp_path: Path) -> None:
    added(tmp_path, spam, same, asking("p_spam", "p_not_spam"))
    assert checking.check("new").dataset.classes == ("not_spam", "spam")


def test_columns_that_name_no_classes_are_refused_by_the_check(tmp_path: Path) -> None:
    added(tmp_path, spam, same, asking("first", "second"), target="t", metric="log_loss")
    with pytest.raises(UserError, match="'first' of the sample must name one class"):
        checking.check("new")
