"""Into Jupyter and back, without losing what somebody wrote."""

import json
from pathlib import Path

import pytest

from pipelines.cells.conversion import code_cells, from_percent
from pipelines.notebooks import opened_notebooks
from pipelines.notebooks.checking.advice import advise
from pipelines.notebooks.exchange import taking
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.pages import Say
from pipelines.values import kernel
from pipelines.values.kernel import Kernel
from tests.conftest import Workshop

CODE = "# %% [markdown]\n# # 제목\n\n# %%\nx = 1\n"


@pytest.fixture
def made(workshop: Workshop) -> Kernel:
    workshop.write_kernel("m01/첫-노트북", CODE)
    return kernel.load("m01/첫-노트북")


def edit(path: Path, source: str, count: int = 5) -> None:
    """As Jupyter saves it: with ids, outputs and counts."""
    content = json.loads(path.read_text(encoding="utf-8"))
    output = {"output_type": "stream", "name": "stdout", "text": "a secret output"}
    content["cells"][-1] |= {"source": source, "execution_count": count, "outputs": [output]}
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_notebook_is_taken_without_its_outputs(made: Kernel, tmp_path: Path) -> None:
    path = opened_notebooks.open_notebook(made)
    (made.folder / "kernel.py").unlink()
    edit(path, "print 'old'")
    elsewhere = path.rename(tmp_path / "남의 것.ipynb")
    taken = taking.take(elsewhere, made.folder)
    assert taken.path.read_text(encoding="utf-8") == CODE.replace("x = 1", "print 'old'")
    assert "code cell 1, line 1" in taken.remarks[0]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("# %% [markdown]\n# # 제목\n\n# %%\nx = 1\n\n# %%\ny = x\n", ["# 제목", "x = 1", "y = x"]),
        ("x = 1\n\n\ny = x\n", ["x = 1", "y = x"]),
    ],
)
def test_a_script_is_taken_as_from_does(
    made: Kernel, tmp_path: Path, text: str, cells: list[str]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(text, encoding="utf-8")
    taken = taking.take(script, made.folder, force=True)
    notebook = from_percent(taken.path.read_text(encoding="utf-8"))
    assert [cell.source for cell in notebook.cells] == cells


def test_another_kernel_is_overwritten_by_force_alone(made: Kernel, tmp_path: Path) -> None:
    path = opened_notebooks.open_notebook(made).rename(tmp_path / "other.ipynb")
    assert taking.take(path, made.folder) == taking.Taken(made.folder / "kernel.py")
    edit(path, "y = 2")
    with pytest.raises(UserError, match="--force"):
        taking.take(path, made.folder)
    assert kernel.load(made.name).code == CODE
    taking.take(path, made.folder, force=True)
    assert kernel.load(made.name).code == CODE.replace("x = 1", "y = 2")


def test_what_was_opened_comes_back_without_force_again_and_again(made: Kernel) -> None:
    path = opened_notebooks.open_notebook(made)
    for source in ("x = 2", "x = 3"):
        edit(path, source)
        taking.take(path, made.folder)
        assert kernel.load(made.name).code == CODE.replace("x = 1", source)


def test_edits_are_lost_on_neither_side(made: Kernel) -> None:
    path = opened_notebooks.open_notebook(made)
    edit(path, "x = 2")
    assert opened_notebooks.open_notebook(made) == path  # still the edited one
    assert "x = 2" in path.read_text(encoding="utf-8")
    (made.folder / "kernel.py").write_text(CODE + "# mine\n", encoding="utf-8")
    with pytest.raises(UserError, match="--force"):
        taking.take(path, made.folder)
    with pytest.raises(UserError, match=rf"both .*take {path} {made.name} --force`"):
        opened_notebooks.open_notebook(kernel.load(made.name))


def test_an_unedited_notebook_is_opened_anew(made: Kernel) -> None:
    path = opened_notebooks.open_notebook(made)
    (made.folder / "kernel.py").write_text(CODE.replace("x = 1", "x = 9"), encoding="utf-8")
    assert opened_notebooks.open_notebook(kernel.load(made.name)) == path
    assert "x = 9" in path.read_text(encoding="utf-8")


def test_there_must_be_a_kernel(made: Kernel) -> None:
    with pytest.raises(UserError, match="pilsa kernel new"):
        taking.take(opened_notebooks.open_notebook(made), paths.kernel("m01/none"))


def test_what_says_the_same_is_left_as_it_was_spaced(made: Kernel) -> None:
    spaced = CODE.replace("\n# %%\n", "\n\n\n# %%\n")
    (made.folder / "kernel.py").write_text(spaced, encoding="utf-8")
    path = opened_notebooks.open_notebook(kernel.load(made.name))
    taking.take(path, made.folder)
    assert kernel.load(made.name).code == spaced
    edit(path, "x = 2")
    taking.take(path, made.folder)
    assert "x = 2" in kernel.load(made.name).code


def counts(made: Kernel) -> list[int | None] | None:
    """Of the draft, for the kernel as it lies there now."""
    draft = opened_notebooks.draft_of(kernel.load(made.name))
    return None if draft is None else [cell.execution_count for cell in code_cells(draft)]


def test_nobody_knows_how_a_kernel_was_run_that_was_written_by_hand(made: Kernel) -> None:
    assert opened_notebooks.draft_of(made) is None
    opened_notebooks.open_notebook(made)
    assert opened_notebooks.draft_of(made) is None  # opened, and nothing was run


def test_the_opened_notebook_tells_how_it_was_run_while_it_says_the_same(made: Kernel) -> None:
    path = opened_notebooks.open_notebook(made)
    edit(path, "x = 1", count=7)
    assert counts(made) == [7]
    assert opened_notebooks.open_notebook(made) == path
    assert counts(made) == [7]  # to open it once more takes nothing from it
    edit(path, "x = 2", count=8)
    assert counts(made) is None  # another code than kernel.py's
    taking.take(path, made.folder)
    assert counts(made) == [8]
    edit(path, "x = 2", count=3)
    assert counts(made) == [3]  # run anew since
    edit(path, "x = 3", count=4)
    assert counts(made) == [8]  # what was taken is known still


def test_the_counts_of_a_taken_notebook_are_kept_without_its_outputs(
    made: Kernel, tmp_path: Path
) -> None:
    elsewhere = opened_notebooks.open_notebook(made).rename(tmp_path / "colab.ipynb")
    edit(elsewhere, "x = 2", count=9)
    taking.take(elsewhere, made.folder, force=True)
    elsewhere.unlink()
    assert counts(made) == [9]
    kept = [path.read_text(encoding="utf-8") for path in paths.bundle(made.name).rglob("*.*")]
    assert kept
    assert not any("secret" in text for text in kept)
    (made.folder / "kernel.py").write_text(CODE + "y = 3\n", encoding="utf-8")
    assert counts(made) is None
    (made.folder / "kernel.py").write_text(CODE.replace("x = 1", "\nx = 2\n"), encoding="utf-8")
    assert counts(made) == [9]  # spaced otherwise, and the same


def test_a_damaged_draft_is_none(made: Kernel) -> None:
    path = opened_notebooks.open_notebook(made)
    edit(path, "x = 1")
    path.write_text("{", encoding="utf-8")
    assert opened_notebooks.draft_of(made) is None


def test_an_order_that_jumps_is_told(made: Kernel) -> None:
    path = opened_notebooks.open_notebook(made)
    edit(path, "x = 1", count=5)
    draft = opened_notebooks.draft_of(made)
    (said,) = [text for text in advise(from_percent(CODE), draft, None, Say("en")) if "more than once" in text]  # fmt: skip
    assert "number 5" in said
