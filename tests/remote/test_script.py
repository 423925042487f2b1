"""The script that is pushed runs in a bare process, and its fits are those of this machine, byte for byte."""

import base64
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.plumbing.atomic import content_hash, read_json
from pipelines.remote import executing, script
from pipelines.remote.job import Job, fits_hash, pack
from pipelines.training import cross_validation as cv
from pipelines.training import finished, fits
from pipelines.training import plan as plans
from pipelines.training.fits import FitSpec
from tests.conftest import Workshop

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def packed(source: str | None = None, **changes: str) -> tuple[list[FitSpec], str]:
    plan = plans.load("tiny", "knn")
    specs = cv.specs_of(plan, cv.Tuned({}, {}))
    job = Job(
        key=content_hash("a"), nonce="n1", competition="tiny", model="knn", commit=None, fits=fits_hash(specs),
        data_hash=plan.dataset.hash, folds_hash=plan.folds.hash,
    ).model_copy(update=changes)  # fmt: skip
    return specs, script.write(job, pack(job, plan, specs, source))


def execute(text: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As a site does: a file in an empty folder, with nothing of ours in sight."""
    folder.mkdir()
    (folder / "script.py").write_text(text)
    return subprocess.run(
        [sys.executable, "script.py"], check=False, cwd=folder, env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True,
    )  # fmt: skip


def test_a_bare_process_fits_the_same_bytes(preprocessed: Workshop, tmp_path: Path) -> None:
    specs, text = packed()
    done = execute(text, tmp_path / "there")
    assert done.returncode == 0, done.stdout + done.stderr
    store = finished.Store(tmp_path / "there" / "pilsa")
    for spec in specs:
        there = store.load(spec.name)
        assert there is not None
        for mine, theirs in zip(fits.run(spec).parts, there.parts, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    told = read_json(store.folder / "done.json")
    found = script.read(text)
    assert found is not None
    assert told["job"] == found.model_dump()
    assert len(told["files"]) == len(specs)


def test_two_gpus_take_one_fit_each(
    preprocessed: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    specs, text = packed(accelerator="NvidiaTeslaT4")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "nvidia-smi").write_text("#!/bin/sh\necho Tesla T4\necho Tesla T4\n")
    (tools / "nvidia-smi").chmod(0o755)
    spy = 'import os\nprint("sees GPU", os.environ.get("CUDA_VISIBLE_DEVICES"))\n'
    (tools / "sitecustomize.py").write_text(spy)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{tools}{os.pathsep}{ROOT}")
    content = base64.b64decode(text.rpartition('PACKED = """')[2].partition('"""')[0])
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path / "job")
    executing.main(tmp_path / "job", tmp_path / "out")
    told = read_json(tmp_path / "out" / "done.json")
    assert told["machine"]["accelerator"] == "Tesla T4, Tesla T4"
    assert len(told["files"]) == len(specs)
    lines = capfd.readouterr().out.splitlines()
    assert {"sees GPU 0", "sees GPU 1"} <= set(lines)
    assert sum("done in" in line for line in lines) == len(specs)


def test_other_data_are_refused_there(preprocessed: Workshop, tmp_path: Path) -> None:
    _, text = packed(data_hash="0" * 16)
    done = execute(text, tmp_path / "there")
    assert done.returncode != 0
    assert "the data here must be 0000000000000000" in done.stdout
    assert not (tmp_path / "there" / "pilsa" / "done.json").exists()


def test_an_edited_script_is_no_script_of_ours(preprocessed: Workshop) -> None:
    _, text = packed()
    assert script.read(text.replace("\n", "\r\n").rstrip()) is not None  # as a site may show it
    assert script.read(text + "print(1)\n") is None
    assert script.read("print(1)\n") is None
