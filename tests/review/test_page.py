"""The weekly page: both languages, everything escaped, nothing loaded, nothing run."""

import ast
import base64
import re
import shutil
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from features import tabular
from pipelines.plumbing import pages, paths
from pipelines.plumbing.atomic import write_json
from pipelines.plumbing.errors import UserError
from pipelines.review import page
from pipelines.tracking import failures
from pipelines.values import columns, metrics
from pipelines.values.findings import SENTENCES, Finding
from tests.conftest import Workshop
from tests.html_elements import Elements
from tests.review.scored_competition import PROFILE, finish, submit, write

LANGUAGES = ["ko", "en"]
ROOM = Path(page.__file__).parent
HOSTILE = (
    "<script>alert(1)</script><img src=http://127.0.0.1/x onerror=alert(2)>\"'{{ 7*7 }}%(rows)s"
)
UNSUITED = "stack must learn from rows of 2 classes or more, found 1: use mean or weighted"
VERDICT: dict[str, Any] = {
    "best_ensemble": "ensembles/mean", "best_single": "models/knn",
    "difference": {"gain": 0.03, "low": -0.01, "high": 0.07, "rows": 60, "is_tie": True},
}  # fmt: skip
CURRICULUM = "weeks:\n  - {week: 3, date: 2026-11-28, topic: 'kNN <b>', competition: tiny}\n"


@pytest.fixture
def scored(workshop: Workshop) -> Workshop:
    """A competition of which the page shows every part."""
    workshop.write_params(models=["knn", "cnn"], ensemble={"methods": ["mean"], "choose": "best"})
    (workshop.root / "curriculum.yaml").write_text(CURRICULUM, encoding="utf-8")
    write("models/knn", 0.90, marks=["tuned on folds 1…2"])
    write("ensembles/mean", 0.93)
    finish(failed={"stack": UNSUITED}, **VERDICT)
    write_json(paths.profile("tiny") / "profile.json", PROFILE)
    (paths.profile("tiny") / "samples.png").write_bytes(b"\x89PNG")
    submit("models/knn", 0.8125)
    failures.remember("the loss <rose>", "train", "tiny", "cnn")
    return workshop


def rendered(language: str = "en", today: date = date(2026, 11, 23)) -> str:
    return page.render(page.gather("tiny", today), language)


def messages() -> set[str]:
    """Every text of the template and of the sentences in the code that is to be translated."""
    template = BytesIO((ROOM / "page.html.jinja").read_bytes())
    found = extract(
        "jinja2.ext:babel_extract", template, keywords={"_": None}, options={"silent": "false"}
    )
    code = ast.walk(ast.parse((ROOM / "page.py").read_text(encoding="utf-8")))
    sentences = {
        str(node.value)
        for node in code
        if isinstance(node, ast.Constant)
        and str(node.value).endswith(".")
        and " " in str(node.value)
    }
    marks = {"of %(members)s", "of tuned %(members)s"}  # Entry.marks, as a record would hold them
    return {str(message) for _, message, _, _ in found} | marks | sentences - docstrings()


def docstrings() -> set[str]:
    tree = ast.parse((ROOM / "page.py").read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return {
        str(ast.get_docstring(node, False)) for node in ast.walk(tree) if isinstance(node, kinds)
    }


def test_every_text_of_the_template_has_a_korean_one() -> None:
    catalog = read_po(BytesIO((ROOM / "ko.po").read_bytes()), locale="ko")
    translated = {str(entry.id): str(entry.string) for entry in catalog if entry.id}
    assert len(messages()) > 20
    assert messages() - set(translated) == set()
    titles = {metric.title for metric in metrics.METRICS.values()}
    assert set(translated) - messages() - titles == set(), "no longer on the page"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_page_says(scored: Workshop, language: str) -> None:
    text = Elements(rendered(language)).text
    for said in ("Tiny pictures", "models/knn", "0.9000", "0.8125", "ensembles/mean", "train@tiny-cnn", "+0.0300",
                 "dvc repro -s -f train@tiny-cnn", "stack: ", "0.512", "1…2"):  # fmt: skip
        assert said in text


def test_in_english_reasons_and_marks_are_as_the_record_holds_them(scored: Workshop) -> None:
    text = Elements(rendered()).text
    for said in ("the loss <rose>", "tuned on folds 1…2", f"stack: {UNSUITED}",
                 "ensembles/mean and models/knn tie (+0.0300, 95 % interval -0.0100 … +0.0700 on 60 rows)."):  # fmt: skip
        assert said in text


NAMES = re.compile(
    r"(models|ensembles|kernels|submissions)/[\w./]+|(train|ensemble)@\S+|dvc repro -s -f|`pilsa[^`]*`|pilsa submit"
    r"|Tiny pictures|m01/x|(?<![a-zA-Z])(stack|mean|weighted|knn|cnn|CV|LB|AUC|id|first|m01|kNN|b|y|T|ValueError)"
    r"(?![a-zA-Z])"
)


@pytest.mark.parametrize(
    ("facts", "marks"),
    [
        ({}, ["tuned on folds 1…2", "unseeded"]),
        (
            {"difference": VERDICT["difference"] | {"low": 0.01, "is_tie": False}},
            ["knows the answers"],
        ),
        ({"difference": VERDICT["difference"] | {"high": -0.01, "is_tie": False}}, ["quick"]),
        ({"difference": VERDICT["difference"] | {"low": None, "high": None}}, ["labels only"]),
        ({"at_equal_threshold": {"gain": -0.001}}, ["no CV: fold0: cell 3 raised ValueError"]),
        ({"difference": None, "usable": ["models/knn"]}, ["with network", "run elsewhere"]),
    ],
)
def test_a_korean_page_is_korean(scored: Workshop, facts: dict[str, Any], marks: list[str]) -> None:
    known = {name: value for name, value in {**VERDICT, **facts}.items() if value is not None}
    finish(failed={"stack": UNSUITED}, **known)
    write("models/knn", 0.9, marks=marks)
    write("ensembles/mean", 0.9, parameters={"members": "models/cnn, kernels/m01/x"}, metric="rmse")
    text = Elements(rendered("ko")).text.partition("margin: 0; }")[2]
    assert re.findall("[A-Za-z]+", NAMES.sub("", text)) == []


def test_words_and_dates_are_in_the_language_of_the_reader(scored: Workshop) -> None:
    english, korean = Elements(rendered("en")).text, Elements(rendered("ko")).text
    assert "Week 3 · Saturday, November 28, 2026 · kNN <b>" in english
    assert "3주차 · 2026년 11월 28일 토요일 · kNN <b>" in korean
    assert "60 training rows, 20 test rows, 16 columns" in english
    assert "학습 60행, 테스트 20행, 열 16개" in korean
    assert not re.search("[가-힣]", english)


def test_a_page_is_headed_with_its_own_week_or_none(scored: Workshop) -> None:
    assert "Week 3" in rendered(today=date(2027, 11, 29))
    other = CURRICULUM.replace("tiny", "digits")
    (scored.root / "curriculum.yaml").write_text(other, encoding="utf-8")
    assert "Week 3" not in rendered()
    assert "No meeting is planned" in rendered()


def test_the_chosen_one_is_marked(scored: Workshop) -> None:
    assert re.search(r'<tr class="chosen"><td>models/knn</td>', rendered())
    assert rendered().count('class="chosen"') == 1


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "not comparable: other metric, other data; tuned on folds 1…2"),
        ("ko", "비교할 수 없음: 다른 평가 지표, 다른 데이터; 폴드 1…2에서 튜닝"),
    ],
)
def test_a_score_of_something_else_is_marked(scored: Workshop, language: str, said: str) -> None:
    write_json(paths.dataset("tiny") / "meta.json", {"hash": "d"})
    assert "not comparable" not in rendered()
    write("models/knn", 0.9, marks=["tuned on folds 1…2"], metric="log_loss", data_hash="other")
    assert said in Elements(rendered(language)).text


def test_the_picture_is_inside_the_page(scored: Workshop) -> None:
    (image,) = [attributes for tag, attributes in Elements(rendered()).elements if tag == "img"]
    assert image["src"] == "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_texts_stay_texts(scored: Workshop, language: str) -> None:
    scored.write_competition(title=HOSTILE)
    submit("models/knn", 0.9, message=HOSTILE)
    failures.remember(HOSTILE, "review", "tiny")
    failures.remember(HOSTILE, "train", "tiny", "cnn")
    finish(failed={"stack": HOSTILE}, **{**VERDICT, "best_ensemble": HOSTILE})
    write("models/knn", 0.9, marks=[HOSTILE])
    html = rendered(language)
    found = Elements(html)
    # title, heading, message, sentence, mark; failure and left out only where reasons are shown as they are
    assert found.text.count(HOSTILE) == (5 if language == "ko" else 7)
    assert "<script" not in html
    assert [
        tag
        for tag, _ in found.elements
        if tag in ("script", "iframe", "object", "embed", "form", "link", "base")
    ] == []
    assert [
        attributes
        for tag, attributes in found.elements
        if tag == "img" and not str(attributes["src"]).startswith("data:")
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_loaded_and_nothing_runs(scored: Workshop, language: str) -> None:
    html = rendered(language)
    found = Elements(html)
    for tag, attributes in found.elements:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base")
        assert not [name for name in attributes if name.startswith("on")]
        assert not str(attributes.get("href", "")).startswith(("http", "//", "javascript:"))
    assert "url(" not in html
    assert "@import" not in html
    policy = next(a["content"] for t, a in found.elements if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_nothing_submitted_yet_says_how(scored: Workshop) -> None:
    shutil.rmtree(paths.ledger())
    assert "None yet: pilsa submit" in rendered()


def test_submissions_stand_newest_first(scored: Workshop) -> None:
    submit("models/knn", 0.9, message="second", time="2030-01-01T00:00:00+00:00")
    html = rendered()
    assert html.index(">second<") < html.index(">first<")


def test_without_an_adversarial_auc_there_is_no_sentence_about_it(scored: Workshop) -> None:
    write_json(paths.profile("tiny") / "profile.json", PROFILE | {"adversarial": {"auc": None}})
    assert "adversarial" not in rendered()


def test_a_missing_profile_is_an_error(scored: Workshop) -> None:
    (paths.profile("tiny") / "profile.json").unlink()
    with pytest.raises(UserError, match=r"profile\.json must exist"):
        rendered()


@pytest.mark.parametrize("language", LANGUAGES)
def test_columns_that_are_left_out_are_shown_with_the_reason(
    scored: Workshop, language: str
) -> None:
    reasons = [
        getattr(columns, name) for name in ("ONLY_TRAIN", "UNNAMED", "COPIES_ID", "COUNTS_ROWS")
    ]
    reasons += [tabular.NO_VALUE, tabular.NAMES_ROWS]
    found = {f"<c{place}>": reason for place, reason in enumerate(reasons)}
    more = {"left_out": found, "numbers_as_text": {"inc": "25,123"}}
    write_json(paths.profile("tiny") / "profile.json", PROFILE | more)
    text, words = rendered(language), pages.Say(language, "pipelines.review")
    for name, reason in found.items():
        assert f"<b>{name.replace('<', '&lt;').replace('>', '&gt;')}</b> ({words(reason)})" in text
        assert (words(reason) == reason) == (language == "en")
    assert "<b>inc</b> (25,123)" in text


def test_the_page_shows_what_the_checks_found_in_both_languages(scored: Workshop) -> None:
    found = Finding("rare_classes", "loud", {"classes": 2, "folds": 5}, "'<b>' with 3")
    write_json(paths.profile("tiny") / "profile.json", PROFILE | {"findings": [found.as_json()]})
    assert f"{found.sentence} {found.advice}" in Elements(rendered()).text
    assert (
        "클래스 2개의 행이 폴드 수 5보다 적습니다. 예: '<b>' with 3."
        in Elements(rendered("ko")).text
    )


def test_every_finding_has_a_korean_sentence() -> None:
    catalog = read_po(BytesIO((ROOM.parent / "values" / "ko.po").read_bytes()), locale="ko")
    said = {str(entry.id) for entry in catalog if entry.id and entry.string}
    assert said == {text for pair in SENTENCES.values() for text in pair}
