"""The doctor's fixes as they are written: asked for, in JSON too, and with the line ends that were there."""

import json

import pytest
from typer.testing import CliRunner

from pipelines.kernel_cli import app
from pipelines.notebooks import repair
from pipelines.values import kernel
from tests.conftest import Workshop

OLD = "# %%\nx = 1\n\n# %%\nprint 'x'\n"


@pytest.fixture
def name(workshop: Workshop) -> str:
    workshop.write_kernel("m01/옛-노트북", OLD, kind="study")
    return "m01/옛-노트북"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_fix_keeps_the_line_ends(name: str, line_end: bytes) -> None:
    path = kernel.folder_of(name) / "kernel.py"
    path.write_bytes(OLD.encode().replace(b"\n", line_end))
    assert repair.apply(name) == str(path)
    assert path.read_bytes() == b"# %%\nx = 1\n\n# %%\nprint('x')\n".replace(b"\n", line_end)


def test_a_fix_is_written_and_said_in_json_too(name: str) -> None:
    def said(*options: str) -> dict[str, object]:
        result = CliRunner().invoke(app, ["doctor", name, "--json", *options])
        assert result.exit_code == 0
        return dict(json.loads(result.stdout))

    path = kernel.folder_of(name) / "kernel.py"
    assert said("--fix")["written"] is None
    assert path.read_text(encoding="utf-8") == OLD
    proposed = said("--fix", "--yes")
    assert proposed["written"] == str(path)
    assert "+print('x')" in str(proposed["difference"])
    assert "print('x')" in path.read_text(encoding="utf-8")
    assert said("--fix", "--yes")["written"] is None  # nothing is left to be fixed
