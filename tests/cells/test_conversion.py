"""Notebooks into percent cells and back, and every notebook that is none."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

from pipelines.cells import conversion
from pipelines.plumbing.errors import MemberFailed, UserError

CODE = [
    "import os\nx = 1  # %% no cell",
    "%matplotlib inline\n!ls -la\nfiles = !ls\ny = %timeit -o 1",
    "%%time\nz = 1\n\n\n\ndef f():\n    pass",
    "%%bash -s one\necho hi\n# !not ours",
    "%%writefile a.py\nprint(1)",
    "# %matplotlib inline\n# !pip install x\n# only a comment",
    "# rm old rows\n# copy the frame\n# cat features are encoded\n# ls\n# %d rows, 50%\n# what is this?",
    "# %%\nx = 1\n# # %% [markdown]",
    "if x:\n    !ls\n    # %matplotlib inline\n    %time f()",
    's = """\n%matplotlib x\n!ls\n# %% inside\n"""',
    "!pip install a \\\n   b\nx = 1",
    "print 'old'",
    "it's = broken",
    "df?\n?df",
    "# noqa\n\n\n# + \nq = 1\n# -",
    "한글 = '값'\nprint(한글)",
    "",
]


def notebook(*sources: str, **metadata: Any) -> dict[str, Any]:
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, "execution_count": 7,
         "outputs": [{"output_type": "stream", "name": "stdout", "text": "an old output"}]}
        for source in sources
    ]  # fmt: skip
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}


def written(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def sources(found: Any) -> list[str]:
    return [cell.source for cell in found.cells]


@pytest.mark.parametrize("missing", ["metadata", "outputs", "execution_count"])
@pytest.mark.parametrize("instead", [None, "nothing"])
@pytest.mark.parametrize("minor", [0, 2, 5])
def test_what_a_program_did_not_write_is_filled_in(
    missing: str, instead: str | None, minor: int, tmp_path: Path
) -> None:
    content = notebook("x = 1") | {"metadata": None, "nbformat_minor": minor}
    content["cells"].append({"cell_type": "markdown", "source": ["hi\n", "you"]})
    del content["cells"][0][missing]
    if instead is None:
        content["cells"][0][missing] = None
    found = conversion.read_notebook(written(tmp_path / "a.ipynb", content))
    assert sources(found) == ["x = 1", "hi\nyou"]
    assert [cell.metadata for cell in found.cells] == [{}, {}]
    assert "hi\n# you" in conversion.to_percent(found)


@pytest.mark.parametrize("source", CODE)
def test_a_cell_comes_back_as_it_was(source: str) -> None:
    made = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# 제목\n\n> `a < b`\n# %% 함정\n'''"),
            v4.new_code_cell(source),
            v4.new_code_cell("last = 1"),
        ]
    )
    text = conversion.to_percent(made)
    back = conversion.from_percent(text)
    assert [cell.cell_type for cell in back.cells] == ["markdown", "code", "code"]
    assert sources(back) == sources(made)
    assert conversion.to_percent(back) == text


line = st.text(alphabet="#% !=?\\'\"abcdlsx[]\t한", max_size=12)


@given(st.lists(st.lists(line, min_size=1, max_size=4).map("\n".join), min_size=1, max_size=3))
def test_any_cell_comes_back_as_it_was_or_is_refused(cells: list[str]) -> None:
    made = v4.new_notebook(cells=[v4.new_code_cell(source) for source in cells])
    try:
        text = conversion.to_percent(made)
    except UserError:
        return
    stripped = ["\n".join(_without_blank_edges(source.split("\n"))) for source in cells]
    assert sources(conversion.from_percent(text)) == stripped


def _without_blank_edges(lines: list[str]) -> list[str]:
    filled = [number for number, text in enumerate(lines) if text.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def test_comments_that_begin_like_shell_commands_stay_comments() -> None:
    """jupytext alone makes `rm old rows` and `copy the frame` of them, and Jupyter would run that."""
    code = "# %%\n# rm old rows\n# copy the frame\n# %matplotlib inline\nx = 1\n"
    (cell,) = conversion.from_percent(code).cells
    assert cell.source == "# rm old rows\n# copy the frame\n%matplotlib inline\nx = 1"


def test_outputs_counts_and_metadata_are_left_behind_and_tags_kept(tmp_path: Path) -> None:
    content = notebook("x = 1", "y = 2", kernelspec={"name": "python3", "language": "python"})
    content["cells"][0]["metadata"] = {"tags": ["parameters"], "_uuid": "abc"}
    found = conversion.read_notebook(written(tmp_path / "나의 노트북.ipynb", content))
    assert [cell.execution_count for cell in found.cells] == [7, 7]
    text = conversion.to_percent(found)
    assert text == '# %% tags=["parameters"]\nx = 1\n\n# %%\ny = 2\n'
    assert conversion.to_text(conversion.from_percent(text)) == conversion.to_text(
        conversion.from_percent(text)
    )


def test_format_3_is_read(tmp_path: Path) -> None:
    old = {
        "metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0,
        "worksheets": [{"cells": [
            {"cell_type": "heading", "level": 2, "source": "옛날", "metadata": {}},
            {"cell_type": "code", "input": ["print 'x'\n", "y = 1"], "language": "python", "outputs": [],
             "collapsed": False, "prompt_number": 3, "metadata": {}},
        ], "metadata": {}}],
    }  # fmt: skip
    found = conversion.read_notebook(written(tmp_path / "old.ipynb", old))
    assert sources(found) == ["## 옛날", "print 'x'\ny = 1"]
    assert found.cells[1].execution_count == 3
    (broken,) = conversion.broken_cells(found)
    assert str(broken).startswith("code cell 1, line 1: Missing parentheses")


def test_of_a_timed_cell_the_body_is_read_and_of_another_language_nothing() -> None:
    sources = [
        "%%time\nx = 1\n!ls\nprint 'old'",
        "\n%%capture out\ny = 1",
        "%%bash\nif [ x ]; then",
        "%%capture\n%%time\nz = 1",
        "%%time\n%%html\n<b>hi there</b>",
    ]
    made = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
    assert [(cell.number, cell.line) for cell in conversion.broken_cells(made)] == [(1, 4)]
    assert [conversion.assigned_names(source) for source in sources] == [
        {"x"}, {"y"}, set(), {"z"}, set()
    ]  # fmt: skip


def test_broken_cells_are_named_by_number_and_line() -> None:
    made = conversion.from_percent(
        "# %%\n# %time x = 1\n\n# %% [markdown]\n# text\n\n# %%\ny = 1\nif y\n    z\n\n# %%\nawait f()\n"
    )
    assert [(cell.number, cell.line) for cell in conversion.broken_cells(made)] == [(2, 2)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "must be a notebook .JSON. and is not"),
        (b"<html>Sign in</html>", "no page of HTML"),
        (b'{"cells": [', "download is complete"),
        (b"[" * 100_000, "must be a notebook"),
        (b"[1, 2]", "is other JSON"),
        (b'{"cells": 3, "nbformat": 4}', "is other JSON"),
        (b'{"cells": [], "nbformat": "4"}', "is other JSON"),
        ('{"cells": "한글"}'.encode("cp949"), "must be UTF-8"),
        (json.dumps(notebook()).encode(), "at least one code cell, found none among 0"),
        (json.dumps(notebook("  \n")).encode(), "at least one code cell"),
        (json.dumps(notebook("x") | {"nbformat": 99}).encode(), "format 99"),
        (json.dumps(notebook("x <- 1", kernelspec={"name": "ir", "language": "R"})).encode(), "in Python, found R"),
        (json.dumps(notebook("x <- 1", kernelspec={"name": "ir"})).encode(), "in Python, found R"),
        (json.dumps(notebook("x", language_info={"name": "julia"})).encode(), "found julia"),
        (json.dumps(notebook("x") | {"cells": [{"cell_type": "code"}]}).encode(), "cell 1|cannot be"),
        (json.dumps(notebook("x") | {"cells": [{"cell_type": "odd", "source": "x", "metadata": {}}]}).encode(), "cell 1|cannot be"),
        (json.dumps(notebook("x") | {"cells": [3]}).encode(), "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_python_notebook_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "노트북.ipynb"
    path.write_bytes(content)
    with pytest.raises(UserError, match=complaint) as raised:
        conversion.read_notebook(path)
    assert str(path) in str(raised.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.ipynb", tmp_path):
        with pytest.raises(UserError, match="check the path"):
            conversion.read_notebook(path)


def test_odd_metadata_does_no_harm(tmp_path: Path) -> None:
    content = notebook("x = 1", kernelspec="odd", language_info=None)
    content["cells"][0]["metadata"] = {"tags": "parameters"}
    found = conversion.read_notebook(written(tmp_path / "odd.ipynb", content))
    assert conversion.to_percent(found) == "# %%\nx = 1\n"


QUICK = '# %% tags=["parameters"]\nEPOCHS, rows = 10, 0\nname: str = "a"\n\n# %%\nprint(EPOCHS)\n'


def test_quick_values_come_right_after_the_parameters() -> None:
    given_notebook = conversion.from_percent(QUICK)
    quick = conversion.with_quick(given_notebook, {"EPOCHS": 1, "name": "b'c", "rows": [1, 2]})
    assert sources(quick)[1] == 'EPOCHS = 1\nname = "b\'c"\nrows = [1, 2]'
    assert sources(quick)[2] == "print(EPOCHS)"
    assert sources(given_notebook) == [sources(quick)[0], sources(quick)[2]]
    assert sources(conversion.with_quick(given_notebook, {})) == sources(given_notebook)


def test_quick_values_that_would_change_nothing_fail_the_notebook() -> None:
    with pytest.raises(MemberFailed, match=r"'epochs' is not .assigned there: EPOCHS, name, rows"):
        conversion.with_quick(conversion.from_percent(QUICK), {"epochs": 1})
    with pytest.raises(MemberFailed, match="tagged `parameters`, found none"):
        conversion.with_quick(conversion.from_percent("# %%\nEPOCHS = 10\n"), {"EPOCHS": 1})
