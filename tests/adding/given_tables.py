"""A competition's three tables, each changed as a test says, written and added."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pipelines.adding import competition_draft
from pipelines.adding.draft_file import Draft, Wishes
from tests.adding.test_competition_draft import tables, written

Frame = pd.DataFrame
Change = Callable[[Frame], Frame]


def same(table: Frame) -> Frame:
    return table


def added(
    folder: Path, train: Change = same, test: Change = same, sample: Change = same, **wishes: str
) -> Draft:
    """The draft that `competition add` writes of the changed tables."""
    given = [change(table) for change, table in zip((train, test, sample), tables(), strict=True)]
    return competition_draft.add("new", written(folder / "given", *given), Wishes(**wishes))
