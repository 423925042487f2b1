"""Notebooks as normalised statements: what is normalised away, what is not, and what is no Python at all."""

import pytest

from pipelines.transcription import syntax
from pipelines.transcription.scopes import Own


def tokens(*cells: str) -> list[tuple[str | Own, ...]]:
    return [statement.tokens for statement in syntax.read(cells).statements]


def texts(*cells: str) -> list[str]:
    return [statement.text for statement in syntax.read(cells).statements]


def own(*cells: str) -> set[str]:
    """The notebook's own names, with their functions and classes."""
    notebook = syntax.read(cells)
    return {notebook.qualified(name) for each in notebook.statements for name in each.own}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = f( 1,\n   'a' )  # 한글 메모", 'x=f(1, "a")'),
        ("def f():\n    '''doc'''\n    return (1)", "def f():\n  return 1"),
        ("x = 1; y = 2", "x = 1\n\n# note\ny = 2"),
        ("'a note'\nx = 1_000", "x = 1000"),
        ("import a, b\nfrom c import d, e", "import a\nimport b\nfrom c import d\nfrom c import e"),
        ("import pandas as pd\npd.DataFrame()", "import pandas as p\np.DataFrame()"),
        ("plt.plot(x);", "plt.plot(x)"),
        ("print 'a', x", "print('a', x)"),
        ("if x:\r\n    y = 1\r\n", "if x:\n\ty = 1"),
    ],
)
def test_what_does_not_count(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("print('a')", "print('b')"),
        ("x.fit()", "x.predict()"),
        ("f(a=1)", "f(b=1)"),
        ("from a import f\nf()", "from b import f\nf()"),
        ("for i in x:\n    f()\n    g()", "for i in x:\n    f()\ng()"),
        ("if x:\n    f()\nelse:\n    g()", "if x:\n    f()\n    g()"),
        ("len(x)", "sum(x)"),
        ("x = [a for a in b]", "x = (a for a in b)"),
        ("%matplotlib inline", "%matplotlib notebook"),
        ("!pip install a", "!pip install b"),
        ("a - b", "b - a"),
        ("lambda x, /: x", "lambda x: x"),
    ],
)
def test_what_counts(one: str, other: str) -> None:
    assert tokens(one) != tokens(other)


def test_names_belong_to_who_binds_them() -> None:
    assert own("import numpy as np\nx = np.zeros(len([]))") == {"x"}
    assert own("def f(a):\n    b = a\n    return [c for c in b]") == {"f", "f.a", "f.b", "f.c"}
    assert own("total = 0\ndef f():\n    global total\n    total += 1") == {"total", "f"}
    assert own("class Net(K):\n    size = 3\n    def call(self): return self.size") == {
        "Net",
        "Net.call.self",
    }


def test_what_only_a_table_of_symbols_tells() -> None:
    assert own("x = 1\ndef f():\n    def g():\n        nonlocal y\n        y = x\n    y = 0") == {
        "x", "f", "f.g", "f.y",
    }  # fmt: skip
    assert own("found = [kept for n in rows if (kept := n)]") == {"found", "n", "kept"}
    assert own("class A:\n    def f(self):\n        __x = 1\n        return __x") >= {"A.f.__x"}
    late = "import a\nfrom __future__ import division\ndef f(x): return x"
    assert own(late) == {"f", "f.x"}, (
        "compiled cell by cell this is an error, and by IPython it is none"
    )


def test_a_method_does_not_see_what_its_class_binds() -> None:
    found = syntax.read(["size = 1\nclass Net(K):\n    size = 3\n    def call(self): return size"])
    assert found.statements[-1].own == (Own(0, "size"),)


def test_a_name_that_nobody_binds_is_a_variable_only_where_the_other_notebook_has_it() -> None:
    assert own("train.head()") == set()
    known = syntax.read(["train.head()"], known=syntax.read(["train = 1"]).variables)
    assert known.statements[0].own == (Own(0, "train"),)
    assert syntax.read(["import a\nx = 1\ndef f(y): pass"]).variables == {"x", "f"}


def test_what_a_class_sets_on_its_object_is_its_own_and_what_it_inherits_is_not() -> None:
    cell = "class Net(K):\n    def __init__(self): self.d1 = 1\n    def call(self): return self.d1, self.built"
    assert "Net.self.d1" in own(cell)
    assert not any("built" in name for name in own(cell))


def test_a_keyword_of_a_function_of_the_notebook_is_its_parameter() -> None:
    assert own("def f(size): pass", "f(size=3)") == {"f", "f.size"}
    call = tokens("def f(size): pass", "f(size=3)")[-1]
    assert Own(1, "size") in call
    made = tokens("class F:\n    def __init__(self, size): pass", "F(size=3)")[-1]
    assert Own(2, "size") in made


def test_magics_stand_among_the_statements_and_are_shown_as_written() -> None:
    cell = "%matplotlib inline\nimport a\n!ls -l\nfiles = !ls\nx = (5\n     % 3)"
    assert texts(cell) == ["%matplotlib inline", "import a", "!ls -l", "files = !ls", "x = (5\n     % 3)"]  # fmt: skip
    (_, text) = tokens("!ls\ntext = '''\nprint it\n'''")
    assert repr("\nprint it\n") in text, "no statement of Python 2"


def test_the_body_of_a_timed_cell_is_python_and_that_of_a_written_file_is_not() -> None:
    assert tokens("%%time\nx = 1  # note")[1:] == tokens("x = 1")
    assert texts("%%writefile a.py\nx =  1") == ["%%writefile a.py", "x =  1"]


@pytest.mark.parametrize(
    "cell",
    [
        "x <- c(1, 2\nlibrary(dplyr)",
        "x = [",
        "-" * 5000 + "1",
        "x = " + "(" * 500,
        "x = " + " + ".join(["a"] * 5000),
        "def f():\n    return " + " + ".join(["a"] * 600),  # parsed, and too deep to be walked
        "x = 0x" + "f" * 10_000,
        "a = '\0'",
        "a = '\ud800'",
        "except ValueError, error:\n    print error",
    ],
)
def test_what_is_no_python_is_read_by_lines_and_spoils_no_other_cell(cell: str) -> None:
    found = syntax.read(["y = 1", cell, "z = y"]).statements
    assert {statement.cell for statement in found} == {0, 1, 2}
    assert found[0].tokens == tokens("y = 1")[0]
    assert found[-1].tokens == tokens("y = 1", "z = y")[-1]


def test_one_old_line_leaves_the_other_statements_of_its_cell_python() -> None:
    found = tokens("def f(x):\n    return x\nexec 'x'\ny = f(1)")
    assert found[:2] == tokens("def f(x):\n    return x")
    assert found[2][0] == "<line>"
    assert found[3][1] == "<Assign>"


def test_statements_are_shown_as_written() -> None:
    cell = "@njit  # fast\ndef f(x,\n      y):\n    '''doc'''\n    # why\n    a = 1; b = '한'; c = 2\n\n    return a  # ok"
    assert texts(cell) == ["@njit  # fast\ndef f(x,\n      y):", "    a = 1", "    b = '한'", "    c = 2", "    return a  # ok"]  # fmt: skip
    assert texts("match x:\n    case 1:\n        pass") == [
        "match x:",
        "    case 1:",
        "        pass",
    ]
    assert texts("for i in x: f(i)")[1].strip() == "f(i)"


def test_a_notebook_without_code_has_no_statements() -> None:
    assert tokens() == tokens("") == tokens("# only a note", "'text'") == []
