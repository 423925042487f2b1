"""Templates are filled strictly, what is put in is escaped, and each room's words are found."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from babel.messages.pofile import read_po
from jinja2 import UndefinedError
from markupsafe import Markup

from pipelines.plumbing import pages
from pipelines.plumbing.pages import Say

ROOM = "pipelines.review"
VALUE = re.compile(r"%\(\w+\)s")


@pytest.fixture
def template(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """A room of its own with one template, `t`."""
    folder = tmp_path_factory.mktemp("rooms") / "a_room"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "t").write_text("{{ a|twice }} {{ _('Hello %(who)s', who=a) }}", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder.parent))
    return "a_room"


def test_what_is_put_in_is_escaped_unless_it_is_markup(template: str) -> None:
    filters = {"twice": lambda text: text * 2}
    assert pages.render(template, "t", filters, a="<b>") == "&lt;b&gt;&lt;b&gt; Hello &lt;b&gt;"
    assert pages.render(template, "t", filters, a=Markup("<b>")) == "<b><b> Hello <b>"


def test_what_is_missing_is_an_error_and_no_gap(template: str) -> None:
    with pytest.raises(UndefinedError, match="'a' is undefined"):
        pages.render(template, "t", {"twice": str})


@pytest.fixture
def said() -> Iterator[Callable[..., Say]]:
    """Korean with these entries as the catalogue of a room."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:

        def say(name: str, *entries: tuple[str, str]) -> Say:
            room = Path(folder) / name
            room.mkdir()
            (room / "__init__.py").touch()
            text = "\n\n".join(f'msgid "{a}"\nmsgstr "{b}"' for a, b in [("", ""), *entries])
            (room / "ko.po").write_text(text, encoding="utf-8")
            patch.syspath_prepend(folder)
            return Say("ko", name)

        yield say


def test_the_words_of_a_room() -> None:
    assert Say("en", ROOM)("Scores") == "Scores"
    assert Say("ko", ROOM)("Scores") == "점수"
    assert Say("ko", "pipelines.tracking", ROOM)("Scores") == "점수"
    assert Say("ko", "pipelines.tracking")("Scores") == "Scores"


def test_what_a_record_holds_is_found_by_its_sentence(said: Callable[..., Say]) -> None:
    say = said(
        "marks",
        ("%(a)s of %(b)s", "%(b)s의 %(a)s"),
        ("two of %(b)s", "%(b)s 둘"),
        ("x (a.b)", "엑스"),
    )
    assert say.recorded("three of (those)") == "(those)의 three"
    assert say.recorded("two of those") == "those 둘"  # the closer one
    assert say.recorded("x (a.b)") == "엑스"
    assert say.recorded("x (a-b)") == "x (a-b)"
    assert Say("en", "marks").recorded("two of those") == "two of those"


def test_a_reason_that_is_not_known_is_left_to_the_terminal(said: Callable[..., Say]) -> None:
    unknown = "the reason is only in English: `pilsa scores` and `pilsa kernel list` show it"
    say = said(
        "reasons",
        ("no CV: %(reason)s", "점수 없음: %(reason)s"),
        (unknown, "영어"),
        ("late", "늦음"),
    )
    assert say.recorded("no CV: late") == "점수 없음: 늦음"
    assert say.recorded("no CV: Traceback") == "점수 없음: 영어"
    assert say.reason("Traceback") == "영어"
    assert say.reason("late" * 1000) == "영어"
    assert Say("en", "reasons").reason("Traceback") == "Traceback"


@pytest.mark.parametrize(
    "room", ["pipelines.review", "pipelines.notebooks", "pipelines.notebooks.checking",
             "pipelines.tracking", "pipelines.transcription"],
)  # fmt: skip
def test_every_korean_sentence_keeps_the_values_it_shows(room: str) -> None:
    catalogue = read_po(BytesIO(files(room).joinpath("ko.po").read_bytes()), locale="ko")
    entries = {str(entry.id): str(entry.string) for entry in catalogue if entry.id}
    assert len(entries) > 10
    for english, korean in entries.items():
        assert re.search("[가-힣]", korean) or korean == "%(reason)s", english
        assert set(VALUE.findall(korean)) <= set(VALUE.findall(english)), english
    assert not any(entry.fuzzy for entry in catalogue if entry.id)


def test_a_long_day() -> None:
    assert pages.long_day(date(2026, 11, 21), "en") == "Saturday, November 21, 2026"
    assert pages.long_day(date(2026, 11, 21), "ko") == "2026년 11월 21일 토요일"
