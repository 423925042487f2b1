import pytest

from pipelines.plumbing.errors import MemberFailed
from pipelines.tracking import reasons

TOKEN = "KGAT_" + "0a1b2c3d" * 4


def test_our_own_errors_are_told_as_they_are_and_others_with_their_type() -> None:
    assert reasons.of(MemberFailed("fold 3 has no rows")) == "fold 3 has no rows"
    assert reasons.of(KeyError("pixel0")) == "KeyError: 'pixel0'"
    assert reasons.of(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert len(reasons.of(ValueError("가" * 600))) == 500


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"401 for {TOKEN}", TOKEN),
        ("Authorization: Bearer abc.def-9", "abc.def-9"),
        ("sent token=hush and went on", "hush"),
        ('{"api_key": "hush1"}', "hush1"),
        ("GET https://m01:hush2@example.org/x", "hush2"),
    ],
)
def test_tokens_are_taken_out(text: str, secret: str) -> None:
    assert secret not in reasons.shown(text)
    assert "***" in reasons.shown(text)


def test_secrets_of_the_environment_are_taken_out_wherever_they_stand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAGGLE_KEY", "sesame")
    monkeypatch.setenv("CITY", "Seoul")
    assert reasons.shown("opensesame in Seoul") == "open*** in Seoul"
    # cut in the middle it would not be recognised any more
    assert "sesa" not in reasons.shown("x" * 496 + "sesame")


@pytest.mark.parametrize(
    "text",
    [
        "unknown key 'dropout_rate'; did you mean 'dropout'?",
        "fold 3 has no rows of class 'b' (5 folds, smallest class has 3 rows): lower folds.n_splits",
        "data/digits/folds.csv must exist and was not found: run `dvc repro`",
        "tokens must be text, found 3",
    ],
)
def test_plain_messages_stay_as_they_are(text: str) -> None:
    assert reasons.shown(text) == text
