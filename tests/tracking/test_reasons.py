import re

import numpy as np
import pytest

from pipelines.ensembles.rank_mean import RankMean
from pipelines.old_apis.removed_api import removals
from pipelines.plumbing.errors import MemberFailed
from pipelines.plumbing.pages import Say
from pipelines.sandbox.notebook_process import died
from pipelines.tracking import kernel_facts, reasons
from pipelines.values import metrics

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


MARKS = [
    kernel_facts.KNOWS, kernel_facts.UNSEEDED, kernel_facts.ELSEWHERE, kernel_facts.QUICK, kernel_facts.NETWORKED,
    f"{kernel_facts.UNSHUFFLED}: took more than its 2 s, and was ended in cell 3: make it faster, or raise "
    "`time_limit` in kernel.yaml",
    "tuned on folds 1…4", "tuned inside every fold", "labels only", "no CV: fold2: cell 3 raised ValueError",
    "no CV: views no, because rows repeat", "no real view: it was never tried",
    *(f"changed silently: line 3: {each.what} (since {each.library} {each.since})" for each in removals() if each.silent),
]  # fmt: skip
REASONS = [str(died(3, code)) for code in (1, -9, -11)] + [
    "cell 3 raised ValueError: bad", "cell 3 raised KeyError", "printed more than 1.0 MiB and was ended in cell 3: print less",
    "cell 3 wrote a larger file than it may ([Errno 27] File too large)",
    "took more than its 2.5 s, and was ended in cell 3: make it faster, or raise `time_limit` in kernel.yaml",
    "ended its process in cell 3 (exit() or quit()): remove that",
]  # fmt: skip


@pytest.mark.parametrize("text", MARKS)
def test_every_mark_has_korean_words(text: str) -> None:
    assert re.search("[가-힣]", Say("ko", "pipelines.tracking").recorded(text))
    assert Say("en", "pipelines.tracking").recorded(text) == text


@pytest.mark.parametrize("text", REASONS)
def test_why_a_notebook_ended_has_korean_words(text: str) -> None:
    say = Say("ko", "pipelines.tracking")
    korean = say.reason(f"fold0: {text}")
    assert korean.startswith("폴드 0: ")
    assert "3" in korean
    assert "영어로만" not in korean


@pytest.mark.parametrize(("metric", "width"), [("accuracy", 3), ("rmse", 1)])
def test_why_a_method_was_left_out_has_korean_words(metric: str, width: int) -> None:
    method = RankMean(metrics.get(metric), [], 0)
    with pytest.raises(MemberFailed) as refused:
        method.fit(np.zeros((2, 4, width)), np.zeros(4))
    korean = Say("ko", "pipelines.tracking").reason(
        f"ensembles/rank_mean of models/a, models/b: {refused.value}"
    )
    assert "순위 평균" in korean
    assert "models/a, models/b" in korean
