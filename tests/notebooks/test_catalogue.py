"""Kernels at a glance: whole, never run, and broken."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from pipelines.notebooks import catalogue
from pipelines.notebooks.exchange import creation
from pipelines.notebooks.exchange.creation import Wanted
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.values import kernel
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


def test_a_description_can_be_read_in_a_terminal(folder: Path) -> None:
    (folder / "notes.md").write_text("## 특징\n하나\n## 질문\n", encoding="utf-8")
    found = catalogue.describe("m01/knn")
    lines = catalogue.as_lines(found)
    assert found == catalogue.describe("m01/knn")  # nothing was taken out of it
    assert "notes: 특징 ✓, 장점 (empty), 단점 (empty), 배운 점 (empty), 질문 (empty), 개선방안 (empty)" in lines  # fmt: skip
    assert "competition: tiny" in lines
    assert lines[-1] == "result: not run yet"
    assert not any(word in line for line in lines for word in ("True", "False", "{"))


def test_claims_and_results_are_lines_too(folder: Path) -> None:
    with (paths.kernel("m02/study") / "kernel.yaml").open("a", encoding="utf-8") as file:
        file.write("claims:\n  W: {printed: 0.0792, tolerance: 0.048}\n  n: {printed: 5}\n")
        file.write('title: "a\\e[31mb"\n')
    lines = catalogue.as_lines(catalogue.describe("m02/study"))
    assert "claims: W printed 0.0792 ± 0.048, n printed 5" in lines
    assert "title: a\\u001b[31mb" in lines
    result = {"status": "FINISHED", "metric": "accuracy", "fold0": 0.5, "cv_mean": None, "marks": ["unseeded"]}  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    last = catalogue.as_lines(catalogue.describe("m01/knn"))[-1]
    assert last == "result: FINISHED, fold 0 0.5000, no CV, marked: unseeded"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"status": "FINISHED", "fold0": "0.99", "metric": "accuracy"}', "fold0: .*valid number"),
        ('{"status": "FINISHED", "cv_mean": [1]}', "cv_mean: .*valid number"),
        ('{"status": "FINISHED", "marks": 5}', "marks: .*valid list"),
        ('{"status": "FINISHED", "fold0": NaN}', "not JSON compliant"),
        ('{"status": "FINISHED", "environment": {"x": 1e999}}', "not JSON compliant"),
        ('{"status": "\\ud800"}', "surrogates"),
        ("[" * 100_000, "recursion"),
        ("{}", "'status' must be given"),
        ('{"status": "FINISHED", "kernel": 5}', "kernel: .*valid dictionary"),
    ],
)
def test_a_result_that_does_not_fit_is_told_and_the_others_are_listed(
    folder: Path, text: str, complaint: str
) -> None:
    (folder / "result.json").write_text(text, encoding="utf-8")
    first, second = catalogue.listing()
    assert (first.status, first.fold0, second.status) == ("broken", None, "not run")
    assert catalogue.listing(competition="tiny") == [first]
    with pytest.raises(UserError, match=complaint) as told:
        catalogue.describe("m01/knn")
    assert first.reason == str(told.value)
    json.dumps(asdict(first), allow_nan=False)


@pytest.mark.parametrize("file", ["kernel.py", "kernel.yaml", "result.json"])
@pytest.mark.parametrize("is_link", [True, False])
def test_what_is_no_file_is_told_and_the_others_are_listed(
    folder: Path, file: str, is_link: bool
) -> None:
    path = folder / file
    path.unlink(missing_ok=True)
    path.symlink_to(path.name) if is_link else path.mkdir()
    first, second = catalogue.listing()
    assert (first.name, first.status, second.status) == ("m01/knn", "broken", "not run")
    with pytest.raises(UserError, match=rf"{file} must be .* cannot be read"):
        catalogue.describe("m01/knn")


def test_a_result_of_an_older_pilsa_keeps_its_scores(folder: Path) -> None:
    text = json.dumps({"status": "FINISHED", "metric": "accuracy", "fold0": 1, "gone": [0.5]})
    (folder / "result.json").write_text(text, encoding="utf-8")
    assert (catalogue.listing()[0].fold0, catalogue.listing()[0].marks) == (1, ())
    assert "fold 0 1.0000" in catalogue.as_lines(catalogue.describe("m01/knn"))[-1]


def test_a_score_of_the_code_before_is_marked(folder: Path) -> None:
    facts = {"code_hash": kernel.load("m01/knn").code_hash}
    result = {"status": "FINISHED", "marks": ["unseeded"], "kernel": facts}
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    assert catalogue.listing()[0].marks == ("unseeded",)
    found = catalogue.describe("m01/knn")
    assert not found["changed"]
    assert not any("changed" in line for line in catalogue.as_lines(found))
    with (folder / "kernel.py").open("a", encoding="utf-8") as code:
        code.write("\nx = 1\n")
    assert catalogue.listing()[0].marks == ("unseeded", "changed since")
    found = catalogue.describe("m01/knn")
    assert found["changed"]
    assert catalogue.as_lines(found)[-1].startswith("changed since: the result is of the code")


def test_a_folder_whose_name_is_no_text_is_listed(folder: Path) -> None:
    odd = folder.with_name("\udcff")
    odd.mkdir()
    (odd / "kernel.yaml").write_text("competition: tiny\n", encoding="utf-8")
    first, odd_one, _ = catalogue.listing()
    assert (first.status, odd_one.name, odd_one.status) == ("not run", "m01/\\udcff", "broken")
    assert json.dumps(asdict(odd_one), ensure_ascii=False).encode()
