"""Kernels at a glance: whole, never run, and broken."""

import json
from pathlib import Path

import pytest

from pipelines.core import paths
from pipelines.core.errors import UserError
from pipelines.notebooks import catalogue, creation
from pipelines.notebooks.creation import Wanted
from tests.conftest import Workshop


@pytest.fixture
def folder(workshop: Workshop) -> Path:
    creation.new("m02", "study", Wanted(kind="study"))
    return creation.new("m01", "knn", Wanted(competition="tiny", week=2)).folder


def test_every_kernel_is_listed_also_a_broken_one(folder: Path) -> None:
    broken = paths.kernel("m03/broken")
    broken.mkdir(parents=True)
    (broken / "kernel.yaml").write_text("competition: tiny\n", encoding="utf-8")
    result = {"status": "FAILED", "fold0": 0.5, "cv_mean": None, "marks": ["quick"], "reason": "no CSV"}  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    first, second, third = catalogue.listing()
    assert (first.name, first.status, first.fold0, first.week) == ("m01/knn", "FAILED", 0.5, 2)
    assert (first.marks, first.reason) == (("quick",), "no CSV")
    assert (second.name, second.kind, second.status) == ("m02/study", "study", "not run")
    assert third.status == "broken"
    assert "must name its source" in str(third.reason)
    assert [line.name for line in catalogue.listing(competition="tiny")] == ["m01/knn"]
    assert [line.name for line in catalogue.listing(member="m02")] == ["m02/study"]


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_result_is_shown_as_broken(folder: Path, text: str) -> None:
    (folder / "result.json").write_text(text, encoding="utf-8")
    assert catalogue.listing()[0].status == "broken"


def test_one_kernel_is_described(folder: Path) -> None:
    (folder / "notes.md").write_text("# t\n## 특징\n- 하나\n## 장점\n\n## 단점\n", encoding="utf-8")
    with (folder / "kernel.py").open("a", encoding="utf-8") as code:
        code.write("\n# %%\nprint 'x'\n")
    found = catalogue.describe("m01/knn")
    assert found["notes"] == {
        "특징": True, "장점": False, "단점": False, "배운 점": False, "질문": False, "개선방안": False,
    }  # fmt: skip
    assert found["cells"] == {"code": 2, "markdown": 1}
    assert "code cell 2, line 1" in found["broken"][0]
    assert (found["original"], found["result"]) == (None, None)
    assert found["folder"] == "kernels/m01/knn"
    json.dumps(found)
    with pytest.raises(UserError, match="did you mean 'm01/knn'"):
        catalogue.describe("m01/kn")
