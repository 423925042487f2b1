"""Pages from templates, and the words of a room in Korean and English: what all that speaks to members shares.

A room keeps its templates and its `<language>.po` beside its code. English is the language of the code itself.
"""

import gettext
from collections.abc import Callable, Mapping
from datetime import date
from importlib.resources import files
from io import BytesIO
from typing import Any, Literal

Language = Literal["ko", "en"]


def texts(room: str, language: Language) -> gettext.NullTranslations:
    """The words of a room's `<language>.po`.

    Args:
        room: a package, such as `pipelines.review`.
    """
    if language == "en":
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    source = BytesIO(files(room).joinpath(f"{language}.po").read_bytes())
    write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def render(
    room: str,
    template: str,
    filters: Mapping[str, Callable[..., Any]],
    translations: gettext.NullTranslations | None = None,
    **content: Any,
) -> str:
    """Fill a template of a room. What stands in `content` or comes from a filter is escaped, unless it is `Markup`.

    Args:
        room: a package, such as `pipelines.review`.
        template: the file's name.
        translations: what `_(…)` and `{% trans %}` mean in it; None leaves them as they stand.

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
    found = translations or gettext.NullTranslations()
    environment.install_gettext_translations(found, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= filters
    text = files(room).joinpath(template).read_text(encoding="utf-8")
    return environment.from_string(text).render(content)


def long_day(day: date, language: Language) -> str:
    """Such as `Saturday, November 21, 2026`."""
    from babel.dates import format_date

    return format_date(day, "full", locale=language)
