"""A log gets a few plain lines, a terminal a live bar, and no text is taken for markup."""

import os
import pty
import subprocess
import sys

import pytest

from pipelines.plumbing import progress
from pipelines.plumbing.progress import bar


def test_a_log_gets_the_last_line_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("folds", 3) as moving:
        for number in range(3):
            moving.step(f"fold {number}")
    output = capsys.readouterr()
    assert output.err == "folds: 3/3 fold 2\n"
    assert output.out == "", "standard output belongs to results"


def test_long_work_says_now_and_then_where_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", -1.0)
    with bar("folds", 3) as moving:
        moving.step("a", advance=2)
        moving.note("b")
    assert capsys.readouterr().err == "folds: 2/3 a\nfolds: 2/3 b\n"


def test_notes_do_not_flood_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("folds", 1000) as moving:
        for number in range(999):
            moving.step()
            moving.note(f"epoch {number}")
    assert capsys.readouterr().err == ""


def test_a_strangers_note_is_one_line_that_no_terminal_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bar("folds", 1) as moving:
        moving.step("failed: a\x1b[2J\n.csv")
    assert capsys.readouterr().err == "folds: 1/1 failed: a\\u001b[2J\\n.csv\n"


def test_an_error_goes_through() -> None:
    with pytest.raises(ValueError, match="no"), bar("folds", 3):
        raise ValueError("no")


LIVE = """
from pipelines.plumbing.progress import bar
with bar("train [m01/knn] [/]", 2) as moving:
    moving.note("[red]epoch[/] 1\\x9b2J")
    moving.step("[/] done")
    moving.step("[bold]all")
"""


def test_a_terminal_gets_a_bar_and_brackets_stay_brackets() -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "160"}
    done = subprocess.run([sys.executable, "-c", LIVE], stderr=theirs, env=environment, check=False)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0, shown
    assert "\x1b[" in shown, "a bar that moves, not lines"
    assert "train [m01/knn] [/]" in shown
    assert "[bold]all" in shown
    assert "2/2" in shown
    assert "\x9b" not in shown
