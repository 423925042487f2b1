"""`pilsa competition …` as typed."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from pipelines.competition_cli import app
from tests.conftest import Workshop, tiny_tables


def test_add_and_check_say_what_they_saw(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)
    given = tmp_path / "given"
    given.mkdir()
    for name, table in zip("abc", tiny_tables()[:3], strict=True):
        won = {} if name == "c" else {"won": [f"{place + 1},000" for place in range(len(table))]}
        pd.DataFrame(table).assign(**won).to_csv(given / f"{name}.csv", index=False)
    run = CliRunner().invoke(app, ["add", "new", "--from", str(given)])
    assert run.exit_code == 0, run.output
    assert "train: a.csv, 60 rows" in run.output
    assert "target 'label'" in run.output
    run = CliRunner().invoke(app, ["check", "new", "--json"])
    notes = json.loads(run.output)["notes"]
    assert "60 training rows" in notes[-1]
    assert any("'won' holds numbers as text" in said for said in notes)
    run = CliRunner().invoke(app, ["add", "other", "--from", str(given), "--json"])
    assert json.loads(run.output)["keys"]["target"] == "label"
