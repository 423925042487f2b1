"""CV beside LB: disagreements, gaps of runs that are here, the two picks, the picture."""

import hashlib
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.submitting import comparing, report_table
from pipelines.tracking import ledger
from pipelines.tracking.ledger import LedgerRow
from pipelines.values.dataset import Dataset
from pipelines.values.predictions import Predictions, one_hot
from tests.conftest import Workshop
from tests.submitting.small_competition import preprocess, truth


@pytest.fixture
def dataset(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    preprocess(workshop)
    here = type("Here", (), {"solution": lambda self: truth()})
    monkeypatch.setattr(platforms, "of", lambda found: here())
    return Dataset.load(paths.dataset("tiny"))


def sent(
    dataset: Dataset, name: str, cv: float | None, lb: float | None, wrong: int = 5, shift: int = 1
) -> LedgerRow:
    """A submission whose run is in the history; its first `wrong` test rows are wrong, by `shift` classes."""
    run = f"{name}-1"
    answers = np.arange(len(dataset.test_ids)) % 3
    answers[:wrong] = (answers[:wrong] + shift) % 3
    oof = dataset.y.copy()
    oof[: round((1 - (cv or 1)) * 60)] = (oof[: round((1 - (cv or 1)) * 60)] + 1) % 3
    (paths.history() / run).mkdir(parents=True)
    Predictions(
        f"models/{name}", "probability", one_hot(oof, 3), one_hot(answers, 3), "folds", dataset.row_ids,
        dataset.test_ids, np.array(dataset.classes), "accuracy", np.ones(3), "f" * 16, dataset.hash,
    ).save(paths.history() / run / "predictions.npz")  # fmt: skip
    row = LedgerRow(
        time=ledger.now(), competition="tiny", file="f.csv", sha256=hashlib.sha256(name.encode()).hexdigest(),
        name=f"models/{name}", member="m01", message="", cv_mean=cv, status="SENT" if lb is None else "COMPLETE",
        lb_public=lb, run_id=run,
    )  # fmt: skip
    ledger.append(row)
    return row


def test_gaps_disagreements_and_picks(dataset: Dataset) -> None:
    a = sent(dataset, "a", 0.9, 0.4)
    b = sent(dataset, "b", 0.8, 0.9, wrong=2)
    sent(dataset, "c", 0.7, 0.7, shift=2)
    sent(dataset, "d", 0.95, None, wrong=19)
    found = comparing.read("tiny")
    gaps = [line.gap for line in found.lines]
    assert (found.public_rows, found.is_assumed) == (10, False)
    assert [gap and gap.is_noise for gap in gaps] == [False, True, True, None]
    assert gaps[0] is not None
    assert gaps[0].gain == pytest.approx(0.4 - 0.9)
    assert (found.pairs, len(found.disagreements)) == (3, 2)
    assert {one.key for one in found.disagreements[0]} == {a.key, b.key}
    assert found.disagreements[0][0].key == a.key  # the better CV first
    assert found.tau == pytest.approx(-1 / 3)
    first, second = found.picks
    assert (first.row.name, second.row.name) == ("models/d", "models/b")
    assert "best CV, 0.9500" in first.why
    assert "best public score of the others, 0.9000" in second.why


def test_the_second_pick_does_not_repeat_the_first(dataset: Dataset) -> None:
    sent(dataset, "a", 0.9, 0.8)
    sent(dataset, "twin", 0.85, 0.79)
    sent(dataset, "other", 0.7, 0.6, wrong=9)
    assert [pick.row.name for pick in comparing.read("tiny").picks] == ["models/a", "models/other"]


def test_nothing_and_one_are_reported_too(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    report_table.show(comparing.read("tiny"), Console())
    assert "nothing was submitted yet" in capsys.readouterr().out
    sent(dataset, "a", None, 0.8)
    found = comparing.read("tiny")
    assert (found.tau, found.pairs, [pick.row.name for pick in found.picks]) == (
        None,
        0,
        ["models/a"],
    )
    assert report_table.draw(found, Path("plot.svg")) == 0
    ET.parse("plot.svg")


def test_the_table_and_the_picture_show_what_is_no_noise(
    dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    sent(dataset, "a", 0.9, 0.4)
    sent(dataset, "b<&>", 0.8, 0.9, wrong=2)
    found = comparing.read("tiny", public_rows=8)
    report_table.show(found, Console(width=200))
    said = capsys.readouterr().out
    assert "more than noise" in said
    assert "CV and LB disagree about 1 of 1 pairs" in said
    assert "pick 1: models/a" in said
    assert report_table.draw(found, Path("plot.svg")) == 2
    drawn = ET.parse("plot.svg").getroot()
    colours = [circle.get("fill") for circle in drawn.iter("{http://www.w3.org/2000/svg}circle")]
    assert colours == ["#c53030", "#2b6cb0"]
    assert found.as_json()["submissions"][0]["gap"]["is_noise"] is False


def test_a_run_of_other_data_has_no_gap(dataset: Dataset) -> None:
    row = sent(dataset, "a", 0.9, 0.4)
    file = paths.history() / "a-1" / "predictions.npz"
    stored = Predictions.load(file)
    replace(stored, data_hash="0" * 16).save(file)
    assert comparing.read("tiny").lines == [comparing.Line(row)]
