"""Folders of which `competition add` once took the wrong file or the wrong column, and said nothing."""

from pathlib import Path

import pandas as pd
import pytest

from pipelines.adding import competition_draft
from pipelines.adding.draft_file import Draft, Wishes
from pipelines.plumbing.errors import UserError
from tests.adding.test_competition_draft import tables, written
from tests.conftest import Workshop


@pytest.fixture(autouse=True)
def _no_folder_of_ones_own(monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> None:
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)


def added(tmp_path: Path, *given: pd.DataFrame, **wishes: str) -> Draft:
    return competition_draft.add("new", written(tmp_path / "given", *given), Wishes(**wishes))


@pytest.mark.parametrize("value", [0, [0, 1] * 15])
def test_a_sample_is_no_test(tmp_path: Path, value: object) -> None:
    train, _, sample = tables()
    with pytest.raises(UserError, match=r"no file could be test: a\.csv has .*another zip\?"):
        added(tmp_path, train, sample.assign(t=value))


@pytest.mark.parametrize("is_sampled", [True, False])
def test_an_index_without_a_name_is_no_id_before_a_named_column(
    tmp_path: Path, is_sampled: bool
) -> None:
    train, test, sample = (table.rename(columns={"k": "case_no"}) for table in tables())
    train, test = (
        table.assign(case_no=range(len(table)))
        .reset_index(drop=True)
        .reset_index(names="Unnamed: 0")
        for table in (train, test)
    )
    sample = pd.DataFrame({"id": range(len(test)), "t": 0})
    draft = added(tmp_path, train, test, *[sample] * is_sampled)
    assert draft.keys["id_column"] == "case_no"
    said = "'case_no' of b.csv is taken for the ids, and 'Unnamed: 0' holds the same"
    assert (said in draft.why) is is_sampled
