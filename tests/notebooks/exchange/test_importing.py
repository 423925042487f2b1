"""What was run on Colab or Kaggle: its submission must fit, and the record says that nobody saw it run."""

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from pipelines.cells import conversion
from pipelines.notebooks.exchange import importing
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.tracking import records
from pipelines.tracking.kernel_facts import ELSEWHERE
from tests.conftest import Workshop

CODE = "# %% [markdown]\n# # A kernel\n\n# %%\nx = 1\n"


@pytest.fixture
def ready(preprocessed: Workshop) -> Workshop:
    preprocessed.write_kernel("m01/colab", CODE)
    return preprocessed


def packed(path: Path, labels: str, code: str = CODE) -> Path:
    sample = pd.read_csv(paths.raw("tiny") / "sample_submission.csv")
    notebook = conversion.from_percent(code)
    for number, cell in enumerate(conversion.code_cells(notebook), start=1):
        cell.execution_count = number
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("out/제출.csv", sample.assign(label=labels).to_csv(index=False))
        archive.writestr("notebook.ipynb", conversion.to_text(notebook))
    return path


def test_a_submission_from_elsewhere_is_taken_and_marked(ready: Workshop, tmp_path: Path) -> None:
    outcome = importing.take_output("m01/colab", packed(tmp_path / "output.zip", "c1"))
    record, facts = outcome.record, outcome.record.kernel
    assert facts is not None
    assert (record.status, record.cv_mean, record.test_from) == ("FINISHED", None, "refit")
    assert record.marks == [ELSEWHERE]
    assert facts.ran_elsewhere
    assert [(view.view, view.output) for view in facts.views] == [("real", "out/제출.csv")]
    assert set(pd.read_csv(outcome.bundle / "submission.csv")["label"]) == {"c1"}
    assert (outcome.bundle / "executed.html").is_file()
    assert len(outcome.hints) == 1  # how to hand it in


def test_another_notebook_in_the_zip_is_said(ready: Workshop, tmp_path: Path) -> None:
    other = packed(tmp_path / "output.zip", "c1", CODE + "y = 'something else'\n")
    hints = importing.take_output("m01/colab", other).hints
    assert "pilsa kernel take" in hints[0]


def test_a_cv_of_the_very_same_kernel_stays(ready: Workshop, tmp_path: Path) -> None:
    output, path = packed(tmp_path / "output.zip", "c1"), paths.kernel("m01/colab") / "result.json"
    first = importing.take_output("m01/colab", output).record
    whole = first.model_copy(update={"cv_mean": 0.9, "cv_std": 0.1, "cv_pooled": 0.9})
    records.write(path, whole)
    assert "result.json keeps the CV" in importing.take_output("m01/colab", output).hints[-1]
    assert records.read(path) == whole


def test_what_does_not_fit_is_a_failed_run_with_its_reason(ready: Workshop, tmp_path: Path) -> None:
    record = importing.take_output("m01/colab", packed(tmp_path / "output.zip", "no class")).record
    assert record.status == "FAILED"
    assert "labels must occur in training" in str(record.reason)


def test_a_study_kernel_has_nothing_to_import(ready: Workshop, tmp_path: Path) -> None:
    ready.write_kernel("m01/colab", CODE, kind="study")
    with pytest.raises(UserError, match="study"):
        importing.take_output("m01/colab", packed(tmp_path / "output.zip", "c1"))


def test_the_longest_name_that_a_disk_takes_is_taken(ready: Workshop, tmp_path: Path) -> None:
    output, name = packed(tmp_path / "output.zip", "c1"), "제" * 83 + ".csv"
    with zipfile.ZipFile(output) as archive:
        files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(output, "w") as archive:
        for old, content in files.items():
            archive.writestr(old.replace("out/제출.csv", name), content)
    facts = importing.take_output("m01/colab", output).record.kernel
    assert facts is not None
    assert facts.views[0].output == name


@pytest.mark.parametrize(
    "names", [["가" * 90 + ".csv"], ["d.csv", "d.csv/e.csv"], ["a/" * 3000 + "a.csv"]]
)
def test_what_no_folder_takes_is_refused_and_the_result_stays(
    ready: Workshop, tmp_path: Path, names: list[str]
) -> None:
    output = packed(tmp_path / "output.zip", "c1")
    with zipfile.ZipFile(output, "a") as archive:
        for name in names:
            archive.writestr(name, "id,label\n")
    with pytest.raises(UserError, match=r"each table once, under a name .* found .*: pack"):
        importing.take_output("m01/colab", output)
    assert not (paths.kernel("m01/colab") / "result.json").exists()


def test_a_table_that_leads_elsewhere_is_written_nowhere_else(
    ready: Workshop, tmp_path: Path
) -> None:
    output = packed(tmp_path / "output.zip", "c1")
    with zipfile.ZipFile(output, "a") as archive:
        archive.writestr("../../outside.csv", "id,label\n")
        archive.writestr(f"{tmp_path}/absolute.csv", "id,label\n")
    assert importing.take_output("m01/colab", output).record.status == "FINISHED"
    assert not (tmp_path / "absolute.csv").exists()
