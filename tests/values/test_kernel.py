"""A kernel's name, and what kernel.yaml may say: nothing that a disk, a clock or a terminal cannot take."""

import unicodedata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.kernel_cli import app
from pipelines.plumbing.errors import UserError
from pipelines.values import kernel
from tests.conftest import Workshop

YAML = "competition: tiny\nsource: {platform: own}\n"


@pytest.fixture
def folder(workshop: Workshop) -> Path:
    return workshop.write_kernel("멤버/첫-노트북", "x = 1\n")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("memory_gb: 1.0e+300", "memory_gb: .*less than or equal to 1024"),
        ("time_limit: 1" + "0" * 30, "time_limit: .*less than or equal to 604800"),
        (f"inputs: [{'가' * 86}]", "255 bytes of UTF-8 at most .* found 258"),
        ('inputs: ["a\\ud800"]', "found a surrogate"),
        ('title: "\\ud800"', "found a surrogate"),
    ],
)
def test_what_this_machine_cannot_take_is_refused(folder: Path, line: str, complaint: str) -> None:
    (folder / "kernel.yaml").write_text(f"{YAML}{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=complaint):
        kernel.load("멤버/첫-노트북")


def test_the_largest_that_it_can_take_pass(folder: Path) -> None:
    text = f"{YAML}memory_gb: 1024\ntime_limit: 604800\ninputs: [{'가' * 85}]\n"
    (folder / "kernel.yaml").write_text(text, encoding="utf-8")
    assert kernel.load("멤버/첫-노트북").file.inputs == ["가" * 85]


def test_the_mark_of_a_windows_editor_is_no_code(folder: Path) -> None:
    (folder / "kernel.py").write_text("# %%\nx = 1\n", encoding="utf-8-sig")
    assert kernel.load("멤버/첫-노트북").code == "# %%\nx = 1\n"


def test_a_decomposed_name_is_the_same_kernel(folder: Path) -> None:
    name = unicodedata.normalize("NFD", "멤버/첫-노트북")
    assert kernel.load(name).name == "멤버/첫-노트북"
    assert kernel.folder_of(name) == folder
    for command in ("show", "doctor"):
        told = CliRunner().invoke(app, [command, name])
        assert told.exit_code == 0
        assert "멤버/첫-노트북" in told.stdout
