"""The desk: what the DAG built is credited to its run, anything else to nobody."""

from pathlib import Path

import numpy as np
import pytest

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.submitting import submit
from pipelines.tracking import records
from pipelines.values import folds as fold_files
from pipelines.values import submission
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.predictions import Predictions, one_hot
from tests.conftest import Workshop
from tests.submitting.small_competition import answers, preprocess, truth, write


@pytest.fixture
def tiny(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Competition:
    """A repository in which `ensembles/mean` was chosen and its submission built."""
    made = preprocess(workshop)
    solution = type("Here", (), {"solution": lambda self: truth()})
    monkeypatch.setattr(platforms, "of", lambda found: solution())
    dataset = Dataset.load(paths.dataset("tiny"))
    fold = np.arange(len(dataset.y)) % 3
    folds = fold_files.Folds(fold, False, "f" * 16)
    test = one_hot(np.array([int(label[1]) for label in answers(wrong=2)["label"]]), 3)
    predictions = Predictions(
        "ensembles/mean", "probability", one_hot(dataset.y, 3), test, "folds", dataset.row_ids, dataset.test_ids,
        np.array(dataset.classes), "accuracy", np.ones(3), folds.hash, dataset.hash,
    )  # fmt: skip
    predictions.save(paths.ensembles("tiny") / "chosen.npz")
    head = records.Head(
        name="ensembles/mean", kind="ensemble", member="group", competition="tiny", metric="accuracy",
        data_hash=dataset.hash, folds_hash=folds.hash,
    )  # fmt: skip
    record = records.make(
        head, records.Run(run_id="abc-1", seconds=1), predictions, dataset.y, folds
    )
    records.write(paths.record("tiny", "ensembles/mean"), record)
    sample = submission.read(paths.sample("tiny"), made)
    submission.save(paths.submission("tiny"), submission.build(made, sample, predictions))
    return made


def test_what_the_dag_built_is_set_beside_its_run(tiny: Competition) -> None:
    row = submit.hand_in("tiny", None, "first")
    assert (row.name, row.run_id, row.cv_mean, row.message) == (
        "ensembles/mean",
        "abc-1",
        1.0,
        "first",
    )
    assert "CV 1.0000, LB public 0.9000" in submit.sentence(row)


def test_a_file_of_ones_own_is_nobodys_run(tiny: Competition) -> None:
    row = submit.hand_in("tiny", write(answers(wrong=5)), "")
    assert (row.name, row.run_id, row.cv_mean) == ("file", None, None)


def test_a_built_file_that_was_changed_by_hand_is_nobodys_run(
    tiny: Competition, capsys: pytest.CaptureFixture[str]
) -> None:
    write(answers(wrong=5), str(paths.submission("tiny")))
    row = submit.hand_in("tiny", None, "")
    assert (row.name, row.run_id, row.cv_mean) == ("file", None, None)
    assert "is not what the DAG predicts now" in capsys.readouterr().err


def test_nothing_built_yet_says_how(tiny: Competition) -> None:
    paths.submission("tiny").unlink()
    with pytest.raises(UserError, match="run `make repro`, or name a file"):
        submit.hand_in("tiny", None, "")
    with pytest.raises(UserError, match=r"nowhere\.csv must be a CSV file"):
        submit.hand_in("tiny", Path("nowhere.csv"), "")
