"""The files that are neither train nor test nor sample: which of them every kernel may see."""

from collections.abc import Iterable

from pipelines.adding.found_files import Found
from pipelines.adding.guesses import is_text

_ENDINGS = (".txt", ".md")
_FEWEST_LETTERS = 0.5  # of what is no blank: a list of numbers has fewer


def sort_out(found: Found, names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Tell descriptions from files that may hold targets, in whatever form: tables, arrays, stored objects.

    A kernel is judged on rows of train, and a file that is shown is shown whole. So only sentences are.

    Args:
        names: of the files that nothing uses.

    Returns:
        The names of those to show, and a sentence about the others, if there are any.
    """
    left = sorted(names)
    shown = [name for name in left if _is_prose(found, name)]
    hidden = [name for name in left if name not in shown]
    if not hidden:
        return shown, []
    return shown, [
        f"left out, since no kernel may see the target of other rows: {', '.join(hidden)}. What holds none of them can "
        "be shown: name it under `also:` of `files:` and under `source:`"
    ]


def _is_prose(found: Found, name: str) -> bool:
    if not name.lower().endswith(_ENDINGS):
        return False
    table = next((table for table in found.tables if table.name == name), None)
    if table is not None and (len(table.columns) > 1 or not is_text(table.frame.iloc[:, 0])):
        return False
    content = found.files[name].read_bytes()
    text = "".join(content.decode("utf-8", "replace").split())
    letters = sum(letter.isalpha() for letter in text)
    return b"\0" not in content and letters >= _FEWEST_LETTERS * len(text)
