"""features.morphemes: each text is taken apart once, and who lacks kiwipiepy is told what to install."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from features import morphemes
from features.sentences import NumberedSentences, WeightedSentences
from pipelines.models import Job
from pipelines.models.tfidf_linear import Params, TfidfLinear
from pipelines.plumbing import sources
from pipelines.plumbing.errors import UserError


@dataclass(frozen=True)
class Token:
    form: str
    tag: str


class Kiwi:
    """Knows a particle and an ending; counts what it was asked."""

    asked: list[str] = []

    def tokenize(self, texts: Sequence[str]) -> Iterator[list[Token]]:
        for text in texts:
            self.asked.append(text)
            yield [token for word in text.split() for token in self.parts(word)]

    def parts(self, word: str) -> list[Token]:
        for end, tag in (("는", "JX"), ("다", "EF")):
            if word.endswith(end):
                return [Token(word[:-1], "NNG"), Token(end, tag)]
        return [Token(word, "SF" if word == "!" else "NNG")]


@pytest.fixture
def kiwi(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Kiwi]]:
    module = ModuleType("kiwipiepy")
    module.Kiwi = Kiwi  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kiwipiepy", module)
    monkeypatch.setitem(sys.modules, "kiwipiepy_model", ModuleType("kiwipiepy_model"))
    monkeypatch.setattr(morphemes, "_KNOWN", {})
    morphemes._kiwi.cache_clear()
    Kiwi.asked.clear()
    yield Kiwi
    morphemes._kiwi.cache_clear()


def reviews(n: int = 24) -> pd.DataFrame:
    return pd.DataFrame({"text": [f"영화는 {row} 번 봐도 참 좋다 !" for row in range(n)]})


def test_a_morpheme_has_its_class_behind_it_and_a_sign_has_none(kiwi: type[Kiwi]) -> None:
    assert morphemes.in_morphemes(["영화는 좋다 !", ""]) == ["영화N 는J 좋N 다E !", ""]


def test_a_text_is_taken_apart_once_for_all_folds(kiwi: type[Kiwi]) -> None:
    for _ in range(2):
        reader = WeightedSentences(morphemes=True).fit(reviews())
        reader.transform(reviews(30))
    assert len(kiwi.asked) == len(set(kiwi.asked)) == 30


def test_what_is_known_stays_within_its_bound(
    kiwi: type[Kiwi], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(morphemes, "_MOST_LETTERS", 9)
    wanted = [morphemes.in_morphemes([text])[0] for text in ("영화는", "좋다", "영화는 좋다")]
    assert list(morphemes._KNOWN) == ["영화는 좋다"]
    assert morphemes.in_morphemes(["영화는", "좋다", "영화는 좋다"]) == wanted


def test_keys_of_fits_hold_the_version_of_kiwis_model(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"kiwipiepy_model": ["kiwipiepy_model"]}
    monkeypatch.setattr(sources.metadata, "packages_distributions", lambda: installed)
    monkeypatch.setattr(sources.metadata, "version", lambda name: "0.24.0")
    found = sources.distributions([Path("features/morphemes.py")])
    assert found == {"kiwipiepy_model": "0.24.0"}


def test_linear_models_and_networks_read_morphemes(kiwi: type[Kiwi]) -> None:
    [union] = WeightedSentences(1, 2, morphemes=True).fit(reviews()).readers_
    assert {"영화N", "영화N 는J", "다E !"} <= set(union.transformer_list[0][1][-1].vocabulary_)
    words, made = (
        NumberedSentences(9, 99, asked).fit_transform(reviews()) for asked in (False, True)
    )
    assert ((made > 0).sum(axis=1) == (words > 0).sum(axis=1) + 2).all()


def test_english_is_read_as_ever(kiwi: type[Kiwi]) -> None:
    WeightedSentences(morphemes=True).fit(pd.DataFrame({"text": ["a fire of two houses here"] * 3}))
    assert kiwi.asked == []


def test_without_kiwipiepy_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, kiwi: type[Kiwi]
) -> None:
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    model = TfidfLinear(Params(morphemes=True), Job(2, True, 0))
    with pytest.raises(UserError, match=r"uv pip install .*\[korean\]"):
        model.inputs().fit_transform(reviews())
