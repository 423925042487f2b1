"""Switching the competition: comments, order and everything else stay; switching back restores the bytes."""

from pathlib import Path

import pytest

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.values import params
from pipelines.workspace.switch import switch
from tests.conftest import Workshop
from tests.workspace.small_repository import REPOSITORY

TEXT = """\
# What everything depends on.
competition: tiny          # the active one
models:                    # files of pipelines/models/
  - cnn
  - knn

# Notebooks of members.
kernels: []                # in the pool

seed: 42
folds:
  n_splits: 3

tune:                      # how long
  cnn:
    trials: 0
  knn:
    trials: 3              # quick

train:
  cnn: {}
  knn:
    voting: "distance"     # 'quoted'

member: 모둠
"""


@pytest.fixture
def settings(workshop: Workshop) -> Path:
    """A commented params.yaml, and competitions with other baselines."""
    workshop.write_competition(baselines=["cnn", "knn"])
    workshop.write_competition("table", image=None, baselines=["knn"])
    workshop.write_competition("deep", baselines=["densenet", "knn"])
    paths.params().write_text(TEXT, encoding="utf-8")
    return paths.params()


def comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


def test_competition_and_models_are_replaced(settings: Path) -> None:
    assert switch("table") == ["knn"]
    found = params.load()
    assert (found.competition, found.models) == ("table", ["knn"])


@pytest.mark.parametrize("other", ["table", "deep"])
def test_comments_order_and_all_other_lines_stay(settings: Path, other: str) -> None:
    switch(other)
    text = settings.read_text(encoding="utf-8")
    assert comments(text) == comments(TEXT)
    ours = [line for line in TEXT.splitlines() if not line.startswith(("competition:", "  - "))]
    kept = [line for line in text.splitlines() if line in ours]
    assert kept == ours


def test_switching_back_restores_the_very_bytes(settings: Path) -> None:
    switch("table")
    assert settings.read_text(encoding="utf-8") != TEXT
    switch("tiny")
    assert settings.read_text(encoding="utf-8") == TEXT


def test_switching_to_the_active_one_changes_nothing(settings: Path) -> None:
    switch("tiny")
    assert settings.read_text(encoding="utf-8") == TEXT


def test_a_baseline_without_sections_gets_empty_ones(settings: Path) -> None:
    switch("deep")
    found = params.load()
    assert found.train["densenet"] == {}
    found.check_sections("densenet")
    assert found.train["knn"] == {"voting": "distance"}


@pytest.mark.parametrize("empty", ["tune:\n", ""])
def test_a_section_that_is_empty_or_missing_is_made(settings: Path, empty: str) -> None:
    settings.write_text(f"competition: tiny\nmodels: [knn]\n{empty}", encoding="utf-8")
    switch("deep")
    found = params.load()
    found.check_sections("densenet")
    found.check_sections("knn")


def test_kernels_of_the_other_competition_leave_the_pool(settings: Path) -> None:
    settings.write_text(TEXT.replace("kernels: []", "kernels: [m01/first]"), encoding="utf-8")
    switch("table")
    assert params.load().kernels == []


def test_an_unknown_competition_leaves_the_file_alone(settings: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'table'"):
        switch("tabel")
    assert settings.read_text(encoding="utf-8") == TEXT


def test_the_settings_of_this_repository_survive_every_competition(
    workshop: Workshop,
) -> None:
    text = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    paths.params().write_text(text, encoding="utf-8")
    for path in (REPOSITORY / "competitions").glob("*.yaml"):
        (workshop.root / "competitions" / path.name).write_bytes(path.read_bytes())
    switch("digits")
    first = paths.params().read_text(encoding="utf-8")
    assert comments(first) == comments(text)
    for name in ("wine", "diabetes", "mnist", "digits"):
        switch(name)
        assert params.load().competition == name
    assert paths.params().read_text(encoding="utf-8") == first
