"""A kernel held against its original, and beside the kernels of those who transcribed the same."""

import json
from pathlib import Path

import pytest

from pipelines.notebooks import against_original as against
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.transcription import originals
from tests.cells.test_conversion import notebook
from tests.conftest import Workshop

ORIGINAL = ("import pandas as pd", "train = pd.read_csv('a.csv')", "train.head()")


def write(name: str, *own: str, **source: str) -> Path:
    """A kernel of the original's cells and others; without a source it is the member's own work."""
    folder = paths.kernel(name)
    folder.mkdir(parents=True)
    cells = "".join(f"# %%\n{cell}\n\n" for cell in (*ORIGINAL, *own))
    (folder / "kernel.py").write_text(cells, encoding="utf-8")
    settings = {
        "competition": "tiny",
        "source": {"platform": "course", "author": "someone", **source} if source else {"platform": "own"},
        "claims": {"rows": {"printed": 60}},
    }  # fmt: skip
    (folder / "kernel.yaml").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def test_the_original_beside_a_kernel_is_what_it_is_held_against(workshop: Workshop) -> None:
    folder = write("m01/a", "mine = 1", title="Lecture 3")
    with pytest.raises(UserError, match="give its file"):
        against.hold("m01/a")
    (folder / originals.COMMITTED).write_text(json.dumps(notebook(*ORIGINAL)), encoding="utf-8")
    held = against.hold("m01/a")
    assert (held.comparison.coverage, held.comparison.additions, held.remarks) == (1, 1, ())
    assert [str(answer) for answer in held.answers] == [
        "rows: not measured: 60 printed, no figure here"
    ]


def test_a_file_that_is_named_comes_before_what_lies_beside(
    workshop: Workshop, tmp_path: Path
) -> None:
    folder = write("m01/a", title="Lecture 3")
    (folder / originals.COMMITTED).write_text(json.dumps(notebook(*ORIGINAL)), encoding="utf-8")
    file = tmp_path / "other.py"
    file.write_text("# %%\nx = 'another'\n", encoding="utf-8")
    assert against.hold("m01/a", file).comparison.coverage == 0


def test_own_work_has_no_original_unless_one_is_named(workshop: Workshop, tmp_path: Path) -> None:
    write("m01/own")
    with pytest.raises(UserError, match="own work and has no original"):
        against.hold("m01/own")
    file = tmp_path / "original.ipynb"
    file.write_text(json.dumps(notebook(*ORIGINAL)), encoding="utf-8")
    assert against.hold("m01/own", file).comparison.coverage == 1


def test_those_who_transcribed_the_same_are_compared_and_no_others(workshop: Workshop) -> None:
    folder = write("m01/a", "weights = blend(3)", title="Lecture 3")
    (folder / originals.COMMITTED).write_text(json.dumps(notebook(*ORIGINAL)), encoding="utf-8")
    write("m02/b", "w = blend(3)", title="Lecture 3")
    write("m03/c", "print('mine')", title="Lecture 3")
    write("m04/other", title="Lecture 4")
    write("m04/elsewhere", title="Lecture 3", platform="github")
    write("m05/own")
    (write("m06/broken", title="Lecture 3") / "kernel.yaml").write_text("source: [", "utf-8")
    found = against.alike("m01/a")
    assert found.members == ("m01/a", "m02/b", "m03/c")
    assert found.of("m01/a", "m02/b") == 1, "beyond the original, up to names"
    assert found.of("m01/a", "m03/c") == 0


def test_who_is_alone_with_an_original_is_told(workshop: Workshop) -> None:
    write("m01/a", title="Lecture 3")
    write("m01/own")
    write("m02/own")
    for name in ("m01/a", "m01/own"):
        with pytest.raises(UserError, match=f"{name} is alone"):
            against.alike(name)
