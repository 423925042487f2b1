"""`pilsa competition add SLUG` with the real client against the practice server."""

import hashlib
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from pipelines.adding import from_kaggle
from pipelines.adding.draft_file import Wishes
from pipelines.competition_cli import app
from pipelines.platforms._kaggle_calls import Details
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.download import download
from pipelines.values import competition
from tests.conftest import Workshop
from tests.practice.practice_server import SLUG, Practice, practice

__all__ = ["practice"]
HAS_CLIENT = Path(sys.executable).with_name("kaggle").is_file() or bool(shutil.which("kaggle"))
SAID = Details(
    "play", "To play with", "https://www.kaggle.com/competitions/play", datetime(2099, 1, 1, tzinfo=UTC), 7,
    "Root Mean Squared Error", "Featured", True, False, False,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files whose target is whole numbers of few values: classes, or numbers."""
    made = tmp_path / "given" / "data"
    made.mkdir(parents=True)
    train = pd.DataFrame(
        {"id": range(1, 41), "x": [n / 7 for n in range(40)], "y": [n % 4 for n in range(40)]}
    )
    test = pd.DataFrame({"id": range(41, 51), "x": [n / 7 for n in range(10)]})
    for name, table in (("train", train), ("test", test), ("sample", test[["id"]].assign(y=0))):
        table.to_csv(made / f"{name}.csv", index=False)
    return made.parent


@pytest.mark.skipif(not HAS_CLIENT, reason="the client `kaggle` is not installed")
def test_a_competition_comes_from_kaggle_whole(
    workshop: Workshop, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workshop.root)
    practice.fault("GET", drop_after=3000)
    run = CliRunner().invoke(app, ["add", SLUG])
    assert run.exit_code == 0, run.output
    assert "metric log_loss: Kaggle says 'Multiclass Loss'" in run.output
    assert "GUESS" not in run.output
    assert "the rules: You may submit a maximum of 5 entries per day" in run.output
    found = competition.load(SLUG)
    assert (found.title, found.daily_limit) == ("Wine cultivars (scikit-learn, 13 measurements)", 5)
    assert found.source["platform"] == "kaggle"
    practice.server.asked.clear()
    download(SLUG)
    assert practice.server.asked == []  # it was downloaded already
    for name, path in practice.world.held[SLUG].files.items():
        content = path.read_bytes()
        assert (paths.raw(SLUG) / name).read_bytes() == content
        listed = found.source["files"][name]
        assert listed == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    run = CliRunner().invoke(app, ["add", SLUG])
    assert isinstance(run.exception, UserError)
    assert "must not be there yet" in str(run.exception)


@pytest.mark.skipif(not HAS_CLIENT, reason="the client `kaggle` is not installed")
def test_rules_that_cannot_be_read_keep_nobody_back(
    workshop: Workshop, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workshop.root)
    practice.fault("ListCompetitionPages", status=500)
    assert "the rules could not be read" in from_kaggle.add(SLUG, Wishes()).why[-1]


def test_what_the_rules_say_is_plain_and_short() -> None:
    rules = (
        "<h2>RULES</h2><ul><li>One account per person</li><li>The maximum <b>team size</b> is&nbsp;5</li>"
        "<li>No private sharing outside of teams.<script>x()</script> It is fine to share publicly.</li></ul>"
        f"<p>External data: {'word ' * 100}</p>"
    )
    team, sharing, external = from_kaggle.telling(rules)
    assert team == "The maximum team size is 5"
    assert sharing == "No private sharing outside of teams"
    assert external.startswith("External data: word")
    assert len(external) <= 200
    assert from_kaggle.telling("") == []


def test_kaggles_metric_tells_numbers_from_classes(workshop: Workshop, folder: Path) -> None:
    draft = from_kaggle.make(SAID, folder, Wishes())
    keys = draft.keys
    assert (keys["task"], keys["metric"], keys["daily_limit"], keys["live"]) == (
        "regression",
        "rmse",
        7,
        True,
    )
    assert keys["files"] == {
        "train": "data/train.csv",
        "test": "data/test.csv",
        "sample": "data/sample.csv",
    }
    assert set(keys["source"]["files"]) == set(keys["files"].values())
    assert keys["url"] == SAID.url
    assert keys["source"]["deadline"] == "2099-01-01T00:00:00+00:00"


def test_what_kaggle_does_not_say_stays_a_guess(workshop: Workshop, folder: Path) -> None:
    said = replace(
        SAID, metric="Mean Columnwise Something", daily_limit=None, deadline=datetime(2020, 1, 1, tzinfo=UTC),
        by_notebook=True,
    )  # fmt: skip
    draft = from_kaggle.make(said, folder, Wishes())
    assert (draft.keys["task"], draft.keys["metric"], draft.keys["live"]) == (
        "classification",
        "accuracy",
        False,
    )
    assert "daily_limit" not in draft.keys
    text = " ".join(draft.why)
    assert "GUESS" in text
    assert "is none of those known here" in text
    assert "was over on 2020-01-01" in text
    assert "Kaggle takes notebooks alone" in text


def test_a_strangers_title_breaks_no_file(workshop: Workshop, folder: Path) -> None:
    draft = from_kaggle.make(
        replace(SAID, title="A \x1b[31m\x00 title\u2028live: x"), folder, Wishes()
    )
    assert "\x1b" not in draft.text
    paths.competition_file("play").write_text(draft.text, encoding="utf-8")
    assert competition.load("play").live


def test_ones_own_metric_comes_first(workshop: Workshop, folder: Path) -> None:
    draft = from_kaggle.make(SAID, folder, Wishes(metric="accuracy"))
    assert (draft.keys["task"], draft.keys["metric"]) == ("classification", "accuracy")
    assert "metric accuracy, as you said; Kaggle says 'Root Mean Squared Error'" in draft.why
