"""One reading of a cell as Python: what its magics are, what is Python 2, another language, or nothing at all."""

import ast

import pytest

from pipelines.cells import parsing

MAGICS = {
    "%matplotlib inline\nx = 1": {1: "%matplotlib inline"},
    "x = 1\n!pip install a \\\n  b\ny = 2": {2: "!pip install a \\\n  b"},
    "files = !ls -l": {1: "!ls -l"},
    "for x in y:\n    %time f(x)": {2: "%time f(x)"},
    "np.dot?\n?x": {1: "np.dot?", 2: "?x"},
    "%%time\n%%capture out\nx = (5\n     % 3)": {1: "%%time", 2: "%%capture out"},
    "text = '''\n%d rows\n!no command\n'''": {},
}


@pytest.mark.parametrize("source", MAGICS)
def test_magics_are_known_by_line_and_every_other_character_keeps_its_place(source: str) -> None:
    found = parsing.read(source)
    assert found.magics == MAGICS[source]
    assert found.error is None
    assert isinstance(found.tree, ast.Module)
    assert [len(line) for line in found.text.split("\n")] == [*map(len, source.split("\n"))]


def test_python_2_is_read_and_is_an_error_all_the_same() -> None:
    found = parsing.read("%matplotlib inline\nprint 'a', 10L\n!ls\nif a <> b: pass")
    assert found.tree is not None
    assert found.text.split("\n")[1::2] == ["print('a', 10)", "if a != b: pass"]
    words = [(old.line, old.word) for old in found.old]
    assert words == [(2, "print"), (2, "L"), (4, "<>")]
    assert getattr(found.error, "lineno", None) == 2
    assert set(found.magics) == {1, 3}


@pytest.mark.parametrize(
    "source", ["%%bash\nls", "\n# why\n%%html\n<b>", "%%time\n%%writefile a\n("]
)
def test_another_language_is_no_error_and_no_python(source: str) -> None:
    found = parsing.read(source)
    assert (found.tree, found.error) == (None, None)
    assert not found.text.strip()
    assert found.text.count("\n") == source.count("\n")


def test_what_ipython_alone_reads_is_no_error() -> None:
    found = parsing.read(">>> x = 1\n>>> y = x")
    assert (found.error, found.is_moved) == (None, True)
    assert found.tree is not None


@pytest.mark.parametrize(
    "source", ["x = (", "exec 'x'", "-" * 5000 + "1", "a = '\0'", "!a\n(" * 700]
)
def test_what_nothing_reads_says_why(source: str) -> None:
    found = parsing.read(source)
    assert found.tree is None
    assert isinstance(found.error, parsing.UNREADABLE)


def test_a_script_is_read_as_far_as_it_can_be_with_the_lines_it_has() -> None:
    code = "# %%\nx = (\n# %%\n%cd a\ny = 1\n# %%\n>>> z = 1\n# %%\nprint y\nw = 2\n"
    found = parsing.read_script(code)
    assert found.tree is not None
    names = {node.id: node.lineno for node in ast.walk(found.tree) if isinstance(node, ast.Name)}
    assert {name: names.get(name) for name in "xyzw"} == {"x": None, "y": 9, "z": None, "w": 10}
    assert [(old.line, code[edit.start : edit.end]) for old in found.old for edit in old.edits] == [
        (9, " y")
    ]
