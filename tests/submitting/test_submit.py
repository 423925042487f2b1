"""The desk: what the DAG built is credited to its run, anything else to nobody."""

import os
from pathlib import Path

import numpy as np
import pytest

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.submitting import submit
from pipelines.tracking import ledger, records
from pipelines.values import folds as fold_files
from pipelines.values import scores, submission
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.predictions import Predictions, one_hot
from tests.conftest import Workshop
from tests.submitting.small_competition import answers, preprocess, truth, write


@pytest.fixture
def tiny(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Competition:
    """A repository in which `ensembles/mean` was chosen and its submission built."""
    made = preprocess(workshop)
    known = {"solution": lambda self: truth(), "remote": lambda self: None}
    solution = type("Here", (), known)
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
        head,
        records.Run(run_id="abc-1", seconds=1),
        predictions,
        scores.of(predictions, dataset.y, folds),
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


class TestWhatAPlatformSaid:
    def test_of_what_the_dag_built_is_credited_to_its_run(self, tiny: Competition) -> None:
        row = submit.set_score("tiny", "submissions/tiny.csv", 0.77, None)
        assert (row.name, row.run_id, row.status) == ("ensembles/mean", "abc-1", "COMPLETE")
        assert (row.lb_public, row.lb_private) == (0.77, None)
        before = set(paths.ledger("tiny").iterdir())
        later = submit.set_score("tiny", row.sha256[:8], 0.77, 0.75)
        assert before < set(paths.ledger("tiny").iterdir())
        assert (later.sha256, later.run_id, later.lb_private) == (row.sha256, "abc-1", 0.75)
        # a private score stays where only the public one is told anew
        assert submit.set_score("tiny", row.sha256, 0.78, None).lb_private == 0.75
        (found,) = ledger.submissions("tiny")
        assert (found.lb_public, found.lb_private) == (0.78, 0.75)

    def test_of_a_file_of_ones_own(self, tiny: Competition) -> None:
        row = submit.set_score("tiny", str(write(answers(wrong=5))), -0.5, None)
        assert (row.name, row.file, row.lb_public) == ("file", "mine.csv", -0.5)

    @pytest.mark.parametrize("score", [float("nan"), float("inf")])
    def test_a_score_that_is_none_is_refused(self, tiny: Competition, score: float) -> None:
        for pair in ((score, None), (0.5, score)):
            with pytest.raises(
                UserError, match=r"finite number, found .*: write what the platform"
            ):
                submit.set_score("tiny", "submissions/tiny.csv", *pair)

    def test_what_is_no_submission_is_refused(self, tiny: Competition) -> None:
        Path("hello.csv").write_text("hello\n", encoding="utf-8")
        with pytest.raises(UserError, match=r"hello\.csv: columns must be"):
            submit.set_score("tiny", "hello.csv", 0.5, None)
        with pytest.raises(UserError, match="deadbeef must be a CSV file"):
            submit.set_score("tiny", "deadbeef", 0.5, None)
        assert not paths.ledger().exists()

    def test_digits_that_stand_for_two_are_refused(self, tiny: Competition) -> None:
        row = submit.set_score("tiny", "submissions/tiny.csv", 0.5, None)
        ledger.append(row.model_copy(update={"sha256": row.sha256[:60] + "0000"}))
        with pytest.raises(UserError, match=r"one submission, found .*: write more digits"):
            submit.set_score("tiny", row.sha256[:60], 0.5, None)


class TestBounds:
    def test_a_file_larger_than_any_submission_is_not_read(self, tiny: Competition) -> None:
        with Path("big.csv").open("w", encoding="utf-8") as file:
            file.write("id,label\n")
            file.truncate(1 << 40)  # a terabyte that takes no disk
        with pytest.raises(UserError, match=r"big\.csv .*at most 1,048,576 bytes.*found 1,099,511"):
            submit.hand_in("tiny", Path("big.csv"), "")

    @pytest.mark.parametrize(
        "name", ["/proc/self/environ", "/dev/zero", "mine.zip", "folder.csv", "pipe.csv"]
    )
    def test_what_is_no_csv_is_refused_unread(self, tiny: Competition, name: str) -> None:
        Path("folder.csv").mkdir()
        os.mkfifo("pipe.csv")
        Path("mine.zip").write_text("id,label\n", encoding="utf-8")
        with pytest.raises(UserError, match=f"{name} must be a CSV file with rows, and is none"):
            submit.hand_in("tiny", Path(name), "")

    def test_a_link_to_what_is_no_file_shows_nothing_of_it(self, tiny: Competition) -> None:
        Path("mine.csv").symlink_to("/proc/self/environ")
        with pytest.raises(UserError, match="must be a CSV file with rows, and is none"):
            submit.hand_in("tiny", Path("mine.csv"), "")

    @pytest.mark.parametrize("name", ["a" * 5000 + ".csv", "a/" * 5000])
    def test_a_name_too_long_is_shown_in_short(self, tiny: Competition, name: str) -> None:
        with pytest.raises(UserError, match="must be a CSV") as caught:
            submit.hand_in("tiny", Path(name), "")
        assert len(str(caught.value)) < 300

    @pytest.mark.parametrize(
        "content", [b"\xff\xfe\x00\x81", b'"' + b"x" * 200_000, b"a," * 100_000, b"\0\0\0"]
    )
    def test_columns_of_what_is_no_submission_are_shown_in_short(
        self, tiny: Competition, content: bytes
    ) -> None:
        Path("mine.csv").write_bytes(content)
        with pytest.raises(UserError, match=r"mine\.csv") as caught:
            submit.hand_in("tiny", Path("mine.csv"), "")
        assert len(str(caught.value)) < 300
