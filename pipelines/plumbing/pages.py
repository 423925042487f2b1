"""Pages from templates, and sentences in Korean and English: what all that speaks to members shares.

A room keeps its templates and its `<language>.po` beside its code. English is the language of the code itself.
"""

import gettext
import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any, Literal

Language = Literal["ko", "en"]
_UNKNOWN = "the reason is only in English: `pilsa scores` and `pilsa kernel list` show it"
_LONGEST = 1000  # letters of what is looked up by its pattern
_VALUE = re.compile(r"%\((\w+)\)s")


class Say:
    """Says a sentence in one language: `say("found %(found)s", found=3)`.

    Args:
        language: ko or en.
        rooms: packages with a `<language>.po`, such as `pipelines.review`; the first that has a sentence
            says it.
    """

    def __init__(self, language: Language, *rooms: str) -> None:
        self.texts, self._patterns = _catalogue(language, rooms)

    def __call__(self, sentence: str, **values: object) -> str:
        return self.texts.gettext(sentence) % values

    def recorded(self, text: str) -> str:
        """What a record holds in English, a mark with its values for one, in this language where it is known."""
        return self._found(text) or text

    def reason(self, text: str) -> str:
        """Why something failed, in this language: reasons that the catalogues lack are left to the terminal."""
        return self._found(text) or (self(_UNKNOWN) if self._patterns else text)

    def _found(self, text: str) -> str | None:
        for pattern, sentence in self._patterns if len(text) <= _LONGEST else ():
            if found := pattern.fullmatch(text):
                values = found.groupdict()
                if "reason" in values:
                    values["reason"] = self.reason(values["reason"])
                return self(sentence, **values)
        return None


@cache
def _catalogue(
    language: Language, rooms: tuple[str, ...]
) -> tuple[gettext.NullTranslations, list[tuple[re.Pattern[str], str]]]:
    """The words of these rooms, and each of their sentences as a pattern of what it may have become.

    Sentences with more words of their own come first: of two that fit, the closer one is meant.
    """
    if language == "en" or not rooms:
        return gettext.NullTranslations(), []
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    merged, compiled = Catalog(language, charset="utf-8"), BytesIO()
    for room in reversed(rooms):
        source = BytesIO(files(room).joinpath(f"{language}.po").read_bytes())
        for entry in read_po(source, locale=language):
            if entry.id:
                merged[entry.id] = entry
    write_mo(compiled, merged)
    compiled.seek(0)
    sentences = [str(entry.id) for entry in merged if entry.id]
    sentences.sort(key=lambda sentence: len(_VALUE.sub("", sentence)), reverse=True)
    patterns = [(_pattern(sentence), sentence) for sentence in sentences]
    return gettext.GNUTranslations(compiled), patterns


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = _VALUE.split(sentence)  # text, name, text, name, …
    parts[::2] = map(re.escape, parts[::2])
    parts[1::2] = [f"(?P<{name}>.+?)" for name in parts[1::2]]
    return re.compile("".join(parts), re.S)


def render(
    room: str,
    template: str,
    filters: Mapping[str, Callable[..., Any]],
    say: Say | None = None,
    **content: Any,
) -> str:
    """Fill a template of a room. What stands in `content` or comes from a filter is escaped, unless it is `Markup`.

    Args:
        room: a package, such as `pipelines.review`.
        template: the file's name.
        say: what `_(…)` and `{% trans %}` mean in it; None leaves them as they stand.

    Raises:
        jinja2.UndefinedError: the template asks for what `content` does not have.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    said = (say or Say("en")).texts
    environment.install_gettext_translations(said, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= filters
    text = files(room).joinpath(template).read_text(encoding="utf-8")
    return environment.from_string(text).render(content)


def long_day(day: date, language: Language) -> str:
    """Such as `Saturday, November 21, 2026`."""
    from babel.dates import format_date

    return format_date(day, "full", locale=language)
