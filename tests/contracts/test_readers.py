"""What every reader must keep to; a new file in pipelines/readers/ is tested by being there."""

import inspect
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines import readers
from pipelines.adding import checking, competition_draft
from pipelines.adding.competition_draft import Wishes
from pipelines.notebooks import view_files, views
from pipelines.plumbing import registry
from pipelines.plumbing.errors import UserError
from pipelines.readers import Reader
from pipelines.stages.download import download
from pipelines.stages.preprocess import preprocess
from pipelines.values import typed_files
from tests.conftest import Workshop, tiny_tables

NAMES = registry.names("readers")
TABLES = sorted(readers.of_tables())
TYPED = pd.DataFrame(
    {"key": ["007", "008", "9"], "count": [1, 2, 3], "size": [0.5, np.nan, 1e-9],
     "말": ["가, \"나\"\n다", None, ""], "flag": [True, False, True]}
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
class TestEveryReader:
    def test_is_one_documented_class(self, name: str) -> None:
        found = registry.load(Reader, name)
        assert not inspect.isabstract(found)
        for documented in (sys.modules[found.__module__], found):
            assert inspect.getdoc(documented)

    def test_keeps_the_signature(self, name: str) -> None:
        parameters = inspect.signature(registry.load(Reader, name).read).parameters
        assert list(parameters) == list(inspect.signature(Reader.read).parameters)


@pytest.mark.parametrize("name", TABLES)
class TestEveryReaderOfTables:
    def test_reads_what_it_writes(self, name: str, tmp_path: Path) -> None:
        reader = readers.of_tables()[name]
        path = tmp_path / f"train{reader.endings[0]}"
        reader.write(TYPED, path)
        read = typed_files.plain(reader.table(path), ["key"])
        pd.testing.assert_frame_equal(read, typed_files.plain(TYPED, ["key"]))

    def test_a_file_that_is_cut_off_or_missing_is_told(self, name: str, tmp_path: Path) -> None:
        reader = readers.of_tables()[name]
        path = tmp_path / f"train{reader.endings[0]}"
        with pytest.raises(UserError, match="must exist and was not found"):
            typed_files.read(reader.table, path)
        reader.write(TYPED, path)
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(UserError, match="must be a whole file of its form"):
            typed_files.read(reader.table, path)

    @pytest.mark.parametrize("ids", ["key", "position"])
    def test_its_files_become_a_competition_and_views_of_the_same_form(
        self,
        name: str,
        ids: str,
        workshop: Workshop,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.delenv("PILSA_DATA_DIR", raising=False)
        reader, given = readers.of_tables()[name], tmp_path / "given"
        given.mkdir()
        train, test, sample, _ = tiny_tables()
        if ids == "position":
            train, test, sample = (
                table.assign(id=range(1, len(table) + 1)) for table in (train, test, sample)
            )
        for role, table in (("train", train), ("test", test)):
            reader.write(table.reset_index(drop=True), given / f"{role}{reader.endings[0]}")
        sample.to_csv(given / "sample.csv", index=False)
        keys = competition_draft.add("new", given, Wishes()).keys
        assert (keys["files"]["format"], keys["target"]) == (name, "label")
        assert keys.get("id", "key") == ids
        assert len(checking.check("new").dataset.y) == len(train)
        download("new")
        preprocess("new")
        data = views.load("new")
        view_files.build(data, views.view_of(data, "fold0"), tmp_path / "view")
        shown = {path.name: path for path in (tmp_path / "view" / "files").iterdir()}
        assert set(shown) == {path.name for path in given.iterdir()}
        asked = reader.table(shown[keys["files"]["test"]])
        assert list(asked.columns) == list(test.columns)
        assert asked.dtypes.tolist() == reader.table(given / keys["files"]["test"]).dtypes.tolist()
        learned = reader.table(shown[keys["files"]["train"]])
        assert len(learned) + len(asked) == len(train)
