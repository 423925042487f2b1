"""Korean texts as their morphemes, by kiwipiepy: an extra, because few competitions are Korean and its model is large."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from pipelines.plumbing.errors import UserError

# A morpheme is found without regard to any other text, so nothing is learned here and no fold can leak: each text is
# taken apart once in a process, for all folds and the test rows (200,000 reviews take over a minute). What is known
# is forgotten where it would take much memory, a quarter of a gigabyte with its morphemes.
_KNOWN: dict[str, str] = {}
_MOST_LETTERS = 30_000_000


def in_morphemes(texts: Sequence[str]) -> list[str]:
    """Each text as morphemes with a space between, such as `영화N 가J 재미있V 다E`.

    Behind a morpheme stands the first letter of its class, a capital (N noun, V verb or adjective, J particle,
    E ending, …), so that what is spelled alike stays apart; signs stay as they are.

    Args:
        texts: as `features.text.normalised` gives them.

    Raises:
        UserError: kiwipiepy is not installed.
    """
    different = dict.fromkeys(texts)
    new = [text for text in different if text not in _KNOWN]
    if new:
        if sum(map(len, (*_KNOWN, *new))) > _MOST_LETTERS:
            _KNOWN.clear()
            new = list(different)
        _KNOWN.update(zip(new, map(_spelled, _kiwi().tokenize(new)), strict=True))
    return [_KNOWN[text] for text in texts]


def _spelled(tokens: Sequence[Any]) -> str:
    return " ".join(token.form + token.tag[0] * token.form.isalnum() for token in tokens)


@cache
def _kiwi() -> Any:
    try:
        import kiwipiepy_model  # noqa: F401 - finds the morphemes: keys of kept fits hold the versions of imports
        from kiwipiepy import Kiwi
    except ImportError as error:
        raise UserError(
            "morphemes must have kiwipiepy, which is not installed: `uv pip install -e '.[korean]'`, or take "
            "`morphemes: true` out of params.yaml"
        ) from error
    return Kiwi()
