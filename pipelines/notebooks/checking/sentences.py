"""The sentences of this room in Korean and English; English is the language of the code itself."""

import gettext
from importlib.resources import files
from io import BytesIO
from typing import Literal

Language = Literal["ko", "en"]


class Say:
    """Says a sentence in one language: `say("found %(found)s", found=3)`."""

    def __init__(self, language: Language) -> None:
        self._texts = _translations(language)

    def __call__(self, sentence: str, **values: object) -> str:
        return self._texts.gettext(sentence) % values


def _translations(language: Language) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    text = files("pipelines.notebooks.checking").joinpath(f"{language}.po").read_bytes()
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(text), locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
