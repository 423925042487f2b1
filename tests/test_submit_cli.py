"""`pilsa ledger` and `pilsa quota` without a command, as text and as JSON; nothing is sent by them."""

import json

import pytest
from typer.testing import CliRunner

from pipelines import platforms
from pipelines.cli import app
from pipelines.plumbing import paths
from pipelines.tracking import ledger
from tests.conftest import Workshop
from tests.submitting.small_competition import answers, preprocess, truth, write
from tests.tracking.test_ledger import ROW


@pytest.fixture(autouse=True)
def _graded_here(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    preprocess(workshop, daily_limit=2)
    known = {"solution": lambda self: truth(), "remote": lambda self: None}
    here = type("Here", (), known)
    monkeypatch.setattr(platforms, "of", lambda found: here())


def pilsa(*words: str) -> str:
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_ledger_as_text_as_json_and_as_a_picture() -> None:
    assert "nothing was submitted yet" in pilsa("ledger")
    ledger.append(ROW)
    assert "0.9800" in pilsa("ledger", "-c", "tiny")
    found = json.loads(pilsa("ledger", "--json", "--public-rows", "9", "--plot", "gap.svg"))
    assert (found["public_rows"], found["picks"][0]["submission"]) == (9, ROW.sha256)
    assert (paths.root() / "gap.svg").is_file()


def test_the_quota_shows_what_is_left_and_the_queue() -> None:
    assert "2 of 2 submissions left today by the ledger" in pilsa("quota")
    write(answers(wrong=3))
    added = json.loads(pilsa("quota", "add", "mine.csv", "-m", "try it", "--json"))
    found = json.loads(pilsa("quota", "--json"))
    assert (found["left"], [one["sha256"] for one in found["queue"]]) == (2, [added["sha256"]])
    assert "1. today: mine.csv" in pilsa("quota")
    pilsa("submit", "mine.csv", "--dry-run")
    assert ledger.rows() == []
    pilsa("submit", "mine.csv")
    assert json.loads(pilsa("quota", "--json"))["queue"] == []
