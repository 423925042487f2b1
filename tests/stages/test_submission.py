"""submission: the sample file's ids, order and columns, filled in by what was chosen, and never uploaded."""

from dataclasses import replace

import pandas as pd
import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.submission import submission
from pipelines.values.predictions import Predictions
from tests.conftest import Workshop, tiny_tables


@pytest.fixture
def chosen(trained: Workshop) -> Predictions:
    """What the ensemble chose: kNN, whose test rows come in another order than the sample's."""
    knn = Predictions.load(paths.predictions("tiny", "knn"))
    turned = replace(knn, test=knn.test[::-1], test_ids=knn.test_ids[::-1])
    turned.save(paths.ensembles("tiny") / "chosen.npz")
    return turned


def test_it_answers_every_row_of_the_sample_in_its_order(
    chosen: Predictions, capsys: pytest.CaptureFixture[str]
) -> None:
    submission("tiny")
    written = pd.read_csv(paths.submission("tiny"), dtype=str)
    _, _, sample, solution = tiny_tables()
    assert list(written.columns) == list(sample.columns)
    assert written["id"].tolist() == sample["id"].tolist()
    assert written["label"].tolist() == solution["label"].tolist()
    assert "submissions/tiny.csv: 20 rows from models/knn" in capsys.readouterr().out


def test_it_writes_no_row_into_the_ledger(chosen: Predictions) -> None:
    submission("tiny")
    assert not paths.ledger().exists()


def test_the_untouched_sample_is_no_submission(chosen: Predictions) -> None:
    first = chosen.test.copy()
    first[:] = [1.0, 0.0, 0.0]
    replace(chosen, test=first).save(paths.ensembles("tiny") / "chosen.npz")
    with pytest.raises(UserError, match="must differ from the sample file"):
        submission("tiny")
    assert not paths.submission("tiny").exists()


def test_a_test_row_that_nobody_predicted_is_named(chosen: Predictions) -> None:
    replace(chosen, test=chosen.test[1:], test_ids=chosen.test_ids[1:]).save(
        paths.ensembles("tiny") / "chosen.npz"
    )
    with pytest.raises(UserError, match="found 1 without"):
        submission("tiny")
    assert not paths.submission("tiny").exists()
