"""The table in a terminal, read as text."""

import io

import pytest
from rich.console import Console

from pipelines.plumbing import paths
from pipelines.review import leaderboard, table
from pipelines.tracking import failures
from tests.conftest import Workshop
from tests.review.scored_competition import finish, submit, write

ENSEMBLE = {"methods": ["mean"], "choose": "best"}


def shown(width: int = 140) -> str:
    target = io.StringIO()
    table.show(leaderboard.read("tiny"), Console(file=target, width=width))
    return target.getvalue()


def row_of(name: str) -> list[str]:
    line = next(line for line in shown().splitlines() if f" {name} " in line)
    return [cell.strip() for cell in line.split("│")[1:-1]]


@pytest.fixture
def scored(workshop: Workshop) -> Workshop:
    workshop.write_params(ensemble=ENSEMBLE)
    write("models/knn", 0.90, marks=["tuned on folds 1…2"])
    write("ensembles/mean", 0.93, marks=["nested"])
    finish()
    return workshop


def test_every_number_has_its_column(scored: Workshop) -> None:
    submit("models/knn", 0.81, lb_private=0.79)
    assert row_of("models/knn") == [
        "models/knn", "0.9000 ± 0.0100", "0.9000", "0.9000", "0.8100", "0.7900", "1.5", "chosen; tuned on folds 1…2",
    ]  # fmt: skip
    assert row_of("ensembles/mean")[4:] == ["–", "–", "1.5", ""]
    assert "tiny: Accuracy, higher is better" in shown()


def test_the_direction_is_that_of_the_metric(scored: Workshop) -> None:
    scored.write_competition(metric="log_loss")
    assert "tiny: Log loss, lower is better" in shown()


def test_a_run_without_a_score_shows_dashes(scored: Workshop) -> None:
    write("models/knn", None)
    assert row_of("models/knn")[1:4] == ["–", "–", "–"]


def test_the_verdict_and_the_next_steps(scored: Workshop) -> None:
    paths.report("tiny").parent.mkdir()
    paths.report("tiny").touch()
    lines = shown().splitlines()
    assert "mean and knn tie; submitted would be: models/knn" in lines
    assert lines[-3:] == [
        "page   reports/tiny.html",
        "submit pilsa submit   (submissions/tiny.csv)",
        "runs   pilsa ui",
    ]


def test_who_failed_is_named_with_reason_and_retry_line(scored: Workshop) -> None:
    paths.score("tiny", "knn").unlink()
    failures.remember("fold 0: [bold]no[/bold] learning_rate", "train", "tiny", "knn")
    text = shown()
    assert "failed train@tiny-knn: fold 0: [bold]no[/bold] learning_rate" in text
    assert "again: dvc repro -s -f train@tiny-knn" in text


def test_who_is_missing_and_which_method_was_left_out(scored: Workshop) -> None:
    scored.write_params(models=["knn", "cnn"], ensemble=ENSEMBLE)
    finish(failed={"rank_mean": "needs an order"})
    text = shown()
    assert "missing cnn: has not run yet (dvc repro)" in text
    assert "left out ensembles/rank_mean: needs an order" in text


def test_marks_that_look_like_markup_are_shown_as_they_are(scored: Workshop) -> None:
    write("models/knn", 0.9, marks=["[red]seen[/red]", "[/]"])
    assert row_of("models/knn")[-1] == "chosen; [red]seen[/red]; [/]"


def test_a_score_of_another_metric_is_marked(scored: Workshop) -> None:
    write("models/knn", 0.9, metric="log_loss", marks=["tuned on folds 1…2"])
    assert row_of("models/knn")[-1].startswith("not comparable: other metric; chosen")
    assert "not comparable" not in row_of("ensembles/mean")[-1]


def test_a_score_of_a_file_of_ones_own_stands_below(scored: Workshop) -> None:
    submit("file", 0.75, run_id=None, file="mine.csv")
    assert "sent mine.csv (file): LB public 0.7500, private –" in shown()


def test_without_any_score_there_is_no_empty_table(workshop: Workshop) -> None:
    text = shown()
    assert "cv_mean" not in text
    assert "missing knn" in text


def test_nothing_of_a_reason_or_a_mark_is_obeyed_by_a_terminal(scored: Workshop) -> None:
    evil = "\x1b]0;title\x07\x9b2J\u202e[red]\nmodels/fake 0.99"
    write("ensembles/mean", 0.9, marks=[evil])
    paths.score("tiny", "knn").unlink()
    failures.remember(evil, "train", "tiny", "knn")
    text = shown(400)
    for char in ("\x1b", "\x07", "\x9b", "\u202e"):
        assert char not in text
    assert text.count("[red]") == 2
    assert "\nmodels/fake" not in text
