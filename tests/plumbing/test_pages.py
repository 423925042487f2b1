"""Templates are filled strictly, what is put in is escaped, and each room's words are found."""

from datetime import date

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from pipelines.plumbing import pages

ROOM = "pipelines.review"


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


def test_the_words_of_a_room() -> None:
    assert pages.texts(ROOM, "en").gettext("Scores") == "Scores"
    assert pages.texts(ROOM, "ko").gettext("Scores") != "Scores"


def test_a_long_day() -> None:
    assert pages.long_day(date(2026, 11, 21), "en") == "Saturday, November 21, 2026"
    assert pages.long_day(date(2026, 11, 21), "ko") == "2026년 11월 21일 토요일"
