"""review: the weekly page of a competition as a file, in the language of params.yaml."""

import pytest

from pipelines import stages
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.stages.ensemble import ensemble
from pipelines.stages.review import review
from pipelines.tracking import failures
from tests.conftest import Workshop


@pytest.fixture
def blended(trained: Workshop) -> Workshop:
    trained.write_params(ensemble={"methods": ["mean"], "choose": "best"})
    ensemble("tiny")
    return trained


def page() -> str:
    return paths.report("tiny").read_text(encoding="utf-8")


def test_the_page_lists_every_score(blended: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    review("tiny")
    assert "models/knn" in page()
    assert "하나뿐입니다" in page()  # a pool of one is no ensemble
    assert "reports/tiny.html: 1 scores" in capsys.readouterr().out


@pytest.mark.parametrize(("language", "word"), [("ko", "점수"), ("en", "Scores")])
def test_the_language_is_that_of_the_settings(blended: Workshop, language: str, word: str) -> None:
    blended.write_params(ensemble={"methods": ["mean"]}, language=language)
    review("tiny")
    assert f"<h2>{word}</h2>" in page()
    assert f'<html lang="{language}">' in page()


def test_a_missing_profile_is_an_error_and_leaves_no_page(blended: Workshop) -> None:
    (paths.profile("tiny") / "profile.json").unlink()
    with pytest.raises(UserError, match=r"profile\.json must exist"):
        review("tiny")
    assert not paths.report("tiny").exists()


def test_its_own_failure_of_last_time_is_not_on_the_page(
    blended: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages.process, "raise_on_signals", lambda: None)
    monkeypatch.setattr(stages.process, "die_with_parent", lambda: None)
    failures.remember("the disk was full", "review", "tiny")
    failures.remember("no ids", "submission", "tiny")
    assert stages.run(review, ["tiny"]) == 0
    assert "the disk was full" not in page()
    assert "submission@tiny" in page()
    assert failures.find("review", "tiny") is None
