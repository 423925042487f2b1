"""The sentences of this room in Korean and English."""

from pipelines.plumbing import pages
from pipelines.plumbing.pages import Language


class Say:
    """Says a sentence in one language: `say("found %(found)s", found=3)`."""

    def __init__(self, language: Language) -> None:
        self._texts = pages.texts(__package__, language)

    def __call__(self, sentence: str, **values: object) -> str:
        return self._texts.gettext(sentence) % values
