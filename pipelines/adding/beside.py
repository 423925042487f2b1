"""The files that are neither train nor test nor sample: which of them every kernel may see."""

import re
from collections.abc import Iterable

from pipelines.adding import guesses
from pipelines.adding.found_files import Found

_ENDINGS = (".txt", ".md")
_FEWEST_LETTERS = 0.5  # of what is no blank: a list of numbers has fewer
_LIKE_IDS = 0.9  # of the cells of a column that differ
_MOST_NAMED = 0.25  # of the lines: a description numbers some of its own
_BETWEEN = re.compile(r"[\s,;|:=]+")


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
    if table is not None and (
        len(table.columns) > 1 or not guesses.is_text(table.frame.iloc[:, 0])
    ):
        return False
    content = found.files[name].read_bytes()
    text = content.decode("utf-8", "replace")
    signs = "".join(text.split())
    letters = sum(letter.isalpha() for letter in signs)
    is_text = b"\0" not in content and letters >= _FEWEST_LETTERS * len(signs)
    return is_text and not _lists_rows(found, text)


def _lists_rows(found: Found, text: str) -> bool:
    """Whether many of its lines name a row of a table or a picture: a list of labels in sentences' clothes."""
    names = {
        part
        for files in found.pictures.values()
        for path in files
        for part in (path.name, path.stem)
    }
    for table in found.tables:
        for name in table.frame:
            cells = table.frame[name].dropna().astype(str)
            # Most columns are told by their first cells.
            if all(part.nunique() >= _LIKE_IDS * len(part) for part in (cells.head(1000), cells)):
                names.update(cells)
    lines = [line for line in map(str.strip, text.splitlines()) if line]
    named = sum(not names.isdisjoint(_BETWEEN.split(line)) for line in lines)
    return named > _MOST_NAMED * len(lines)
