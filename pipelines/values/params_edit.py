"""Changes to params.yaml that leave its comments, its order and all other lines as they are."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.tokens import CommentToken

from pipelines.plumbing import atomic, paths, process
from pipelines.values import params

_COLUMN = 27  # where the comments of params.yaml stand


@contextmanager
def editing() -> Iterator[tuple[Any, params.Params]]:
    """The content of params.yaml, to be changed in place, and what it says; written when the block ends well.

    One process at a time: what the block reads of the file, nobody else changes before it ends.

    Raises:
        UserError: the file is missing or has an unknown key.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 200
    with process.exclusive(paths.cache() / "locks" / "params", "editing params.yaml"):
        settings = params.load()
        content = yaml.load(paths.params().read_text(encoding="utf-8"))
        yield content, settings
        text = io.StringIO()
        yaml.dump(content, text)
        atomic.write_text(paths.params(), text.getvalue())


def replace(content: Any, key: str, names: Sequence[str]) -> None:
    """Put other names into the list behind `key`.

    The text after a list (an empty line, the next key's comment) hangs on its last item, or, where it is
    empty and written `[]`, on the key: it moves between the two.
    """
    listed = content.get(key)
    if listed is not None and list(listed) == list(names):
        return
    beside, behind = _comments(content, key)
    content[key] = new = CommentedSeq(names)
    if not names:
        new.fa.set_flow_style()
        beside, behind = beside + behind.removeprefix("\n"), ""
    if beside:
        token = CommentToken(beside, CommentMark(_COLUMN))
        content.ca.items[key] = [None, None, token, None]
        new.ca.comment = [token, None]
    if behind:
        new.ca.items[len(names) - 1] = [CommentToken(behind, CommentMark(0)), None, None, None]


def _comments(content: Any, key: str) -> tuple[str, str]:
    """The comment beside a list's key, to the end of its line, and what stands behind the list."""
    listed, beside = content.get(key), content.ca.items.get(key)
    text = beside[2].value if beside and beside[2] else ""
    if listed:
        last = listed.ca.items.get(len(listed) - 1)
        return text, last[0].value if last and last[0] else ""
    first, newline, rest = text.partition("\n")
    return first + newline, newline + rest if rest else ""
