from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from pipelines import platforms
from pipelines.platforms import Platform
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.process import Killed
from pipelines.submitting import grading
from pipelines.submitting.grading import Origin
from pipelines.tracking import ledger
from pipelines.values import competition, raw, submission
from pipelines.values.competition import Competition, Split
from tests.conftest import Workshop
from tests.submitting.small_competition import answers, preprocess, truth, write

CLASSES = ("c0", "c1", "c2")
DIGITS = Path(__file__).parents[2] / "competitions" / "digits.yaml"


def contest(metric: str, task: str = "classification") -> Competition:
    return Competition.model_validate(
        {
            "name": "tiny", "title": "Tiny", "task": task, "metric": metric, "id_column": "id", "target": "label",
            "split": Split(kind="plain"), "source": {"platform": "bundled"},
        }
    )  # fmt: skip


def solution(target: object, usage: list[str]) -> pd.DataFrame:
    ids = [f"r{number}" for number in range(len(usage))]
    return pd.DataFrame({"id": ids, "target": target, "usage": usage})


HALVES = ["Public", "Private"] * 6


@settings(max_examples=40, deadline=None)
@given(
    said=st.lists(st.sampled_from(CLASSES), min_size=12, max_size=12),
    order=st.permutations(range(12)),
)
def test_labels_are_graded_as_scikit_learn_grades_them(said: list[str], order: list[int]) -> None:
    true = np.array([*CLASSES * 4])
    frame = pd.DataFrame({"id": [f"r{number}" for number in range(12)], "label": said})
    shuffled = solution(true, HALVES).iloc[list(order)]
    odd = np.arange(12) % 2 == 1
    scores: dict[str, Callable[..., float]] = {
        "accuracy": sk.accuracy_score,
        "f1_macro": lambda y, p: sk.f1_score(
            y, p, average="macro", labels=list(CLASSES), zero_division=0
        ),
    }
    for metric, score in scores.items():
        found = grading.grade(contest(metric), frame, shuffled, CLASSES)
        text = np.array(said)
        assert found.public == pytest.approx(score(true[~odd], text[~odd]))
        assert found.private == pytest.approx(score(true[odd], text[odd]))


def test_probabilities_of_one_column_are_of_the_last_class() -> None:
    generator = np.random.default_rng(0)
    true, said = np.array(["no", "yes"] * 6), generator.uniform(0.01, 0.99, 12)
    frame = pd.DataFrame({"id": [f"r{number}" for number in range(12)], "label": said})
    answer = solution(true, ["Public"] * 4 + ["Private"] * 8)
    auc = grading.grade(contest("roc_auc"), frame, answer, ("no", "yes"))
    assert auc.public == pytest.approx(sk.roc_auc_score(true[:4] == "yes", said[:4]))
    assert auc.private == pytest.approx(sk.roc_auc_score(true[4:] == "yes", said[4:]))
    loss = grading.grade(contest("log_loss"), frame, answer, ("no", "yes"))
    assert loss.public == pytest.approx(sk.log_loss(true[:4] == "yes", said[:4]))


def test_probabilities_of_many_columns_go_to_the_classes_they_name() -> None:
    generator = np.random.default_rng(1)
    true, said = np.array([*CLASSES * 4]), generator.dirichlet(np.ones(3), 12)
    frame = pd.DataFrame({"id": [f"r{number}" for number in range(12)]})
    for number in (2, 0, 1):  # the sample may name the classes in any order
        frame[f"label_c{number}"] = said[:, number]
    answer = solution(true, ["Public"] * 12)
    found = grading.grade(contest("log_loss"), frame, answer, CLASSES)
    assert found.public == pytest.approx(sk.log_loss(true, said, labels=list(CLASSES)))
    with pytest.raises(UserError, match="label_x"):
        grading.grade(
            contest("log_loss"), frame.rename(columns={"label_c0": "label_x"}), answer, CLASSES
        )


@settings(max_examples=25, deadline=None)
@given(said=st.lists(st.floats(-1e6, 1e6), min_size=12, max_size=12))
def test_values_are_graded_as_scikit_learn_grades_them(said: list[float]) -> None:
    true = np.arange(12.0)
    frame = pd.DataFrame({"id": [f"r{number}" for number in range(12)], "label": said})
    found = grading.grade(contest("rmse", "regression"), frame, solution(true, HALVES))
    assert found.private == pytest.approx(sk.root_mean_squared_error(true[1::2], said[1::2]))
    assert found.public == pytest.approx(sk.root_mean_squared_error(true[::2], said[::2]))


def test_a_half_without_rows_has_no_score() -> None:
    frame = pd.DataFrame({"id": ["r0", "r1"], "label": ["c0", "c1"]})
    found = grading.grade(
        contest("accuracy"), frame, solution(["c0", "c2"], ["Public"] * 2), CLASSES
    )
    assert (found.public, found.private) == (0.5, None)


def test_numbers_as_labels_are_compared_as_they_are_spelled() -> None:
    frame = pd.DataFrame({"id": ["r0", "r1"], "label": ["7", "1"]})
    answer = solution([7, 2], HALVES[:2])
    found = grading.grade(contest("accuracy"), frame, answer, ("1", "2", "7"))
    assert (found.public, found.private) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (solution(["c0"], ["Public"]), r"must have the 2 ids of the sample, found 1 \(1 missing\)"),
        (solution(["c0"] * 3, ["Public"] * 3), "found 3"),
        (solution(["c0", "c7"], ["Public"] * 2), r"must occur in training .*found \['c7'\]"),
    ],
)
def test_a_solution_that_does_not_fit_is_refused(answer: pd.DataFrame, message: str) -> None:
    frame = pd.DataFrame({"id": ["r0", "r1"], "label": ["c0", "c1"]})
    with pytest.raises(UserError, match=message):
        grading.grade(contest("accuracy"), frame, answer, CLASSES)


class Graded(Platform):
    """Knows the solution of the small competition."""

    def download(self, into: Path) -> None:
        raise NotImplementedError

    def solution(self) -> pd.DataFrame | None:
        return truth()


class Remote(Graded):
    """Its server alone knows the solution."""

    def solution(self) -> pd.DataFrame | None:
        return None


@pytest.fixture
def tiny(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Competition:
    monkeypatch.setattr(platforms, "of", lambda found: Graded(found, None))
    return preprocess(workshop, daily_limit=1)


def test_a_submission_is_graded_and_written_down(tiny: Competition) -> None:
    path = write(answers(wrong=5), "submissions/tiny.csv")
    row = grading.submit(tiny, path, "=첫 제출\n", Origin("m01", "models/knn", 0.9, "abc-1"))
    assert ledger.rows("tiny") == [row]
    # of rows 0 … 4 three are Public; there are 20 rows, 10 in each half
    assert (row.lb_public, row.lb_private) == (0.7, 0.8)
    assert (row.file, row.message, row.status) == ("submissions/tiny.csv", "=첫 제출\n", "COMPLETE")
    assert (row.name, row.member, row.cv_mean, row.run_id) == ("models/knn", "m01", 0.9, "abc-1")


def test_a_file_outside_the_repository_is_named_without_its_folder(
    tiny: Competition, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("elsewhere") / "out.csv"
    row = grading.submit(tiny, write(answers(wrong=1), str(path)), "", Origin("m01", "models/knn"))
    assert row.file == "out.csv"


def test_the_same_submission_is_graded_once(tiny: Competition) -> None:
    path = write(answers(wrong=5))
    grading.submit(tiny, path, "", Origin("m01", "models/knn"))
    with pytest.raises(UserError, match="must be new"):
        grading.submit(tiny, path, "", Origin("m02", "models/knn"))
    assert len(ledger.rows("tiny")) == 1


def test_beyond_the_limit_grading_here_warns(
    tiny: Competition, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in (4, 5):
        grading.submit(tiny, write(answers(wrong=wrong)), "", Origin("m01", "models/knn"))
    assert "no submission left today" in capsys.readouterr().err
    assert len(ledger.rows("tiny")) == 2


def test_what_cannot_be_graded_here_says_what_to_do(
    tiny: Competition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platforms, "of", lambda found: Remote(found, None))
    for content, told in (
        (answers(wrong=1), r"only for .*upload it on .*ledger set-score mine\.csv --public"),
        (pd.DataFrame({"hello": [1]}), r"mine\.csv: columns must be .*found \['hello'\]"),
    ):
        with pytest.raises(UserError, match=told):
            grading.submit(tiny, write(content), "", Origin("m01", "models/knn"))
    assert not paths.ledger().exists()


def test_killed_before_the_row_nothing_was_submitted(
    tiny: Competition, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(answers(wrong=5))

    def killed(row: object) -> None:
        raise Killed(15)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "append", killed)
        with pytest.raises(Killed):
            grading.submit(tiny, path, "", Origin("m01", "models/knn"))
    assert ledger.rows("tiny") == []
    assert grading.submit(tiny, path, "", Origin("m01", "models/knn")).lb_public == 0.7


def test_the_real_digits_are_graded_against_their_hidden_labels(workshop: Workshop) -> None:
    (workshop.root / "competitions" / "digits.yaml").write_text(DIGITS.read_text(encoding="utf-8"))
    digits = competition.load("digits")
    platform = platforms.of(digits)
    paths.raw("digits").mkdir(parents=True)
    platform.download(paths.raw("digits"))
    tables = raw.read(digits, paths.raw("digits"))
    dataset, _ = raw.build(digits, tables)
    dataset.save(paths.dataset("digits"))
    submission.save(paths.sample("digits"), tables.sample)
    hidden = platform.solution()
    assert hidden is not None
    said = hidden["target"].astype(str).where(np.arange(len(hidden)) % 10 != 0, "0")
    path = write(pd.DataFrame({"id": hidden["id"], "label": said}))
    row = grading.submit(digits, path, "", Origin("m01", "models/knn"))
    is_public = (hidden["usage"] == "Public").to_numpy()
    right = (said == hidden["target"].astype(str)).to_numpy()
    assert (row.lb_public, row.lb_private) == (right[is_public].mean(), right[~is_public].mean())
    assert right.mean() < 1
